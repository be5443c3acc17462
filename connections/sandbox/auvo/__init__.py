"""A small Auvo with a maintenance company's business in it, over API version 2.

    manage.py sandbox auvo [--faults SPEC]

Key `sandbox-auvo-key`, token `sandbox-auvo-token`; the API is below /v2. Everything follows from the seed and the
clock: tasks are planned, moved, travelled to, done, corrected later, deleted with and without a trace. Its own errors
(vendor-error,code=NAME): limit, forbidden, expired, missing, bad-filter. In Python: change, delete, pass_time, records.
"""

from __future__ import annotations

from connections.sandbox.auvo.app import API_KEY, API_TOKEN, Auvo, sample_connection

__all__ = ["API_KEY", "API_TOKEN", "Auvo", "sample_connection"]
