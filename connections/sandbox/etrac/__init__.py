"""A small eTrac with the vans of a delivery company in it.

    manage.py sandbox etrac [--faults SPEC]

E-mail `frota@example.com`, key `sandbox-etrac-key`; below /monitoramento. Everything follows from the seed and the
clock: vans drive their rounds, park, lose their fix, and send late what they could not send. Its own errors
(vendor-error,code=NAME): key-refused, limit, unknown-plate, failure. In Python: remove, move_tracker, pass_time,
positions, trips.
"""

from __future__ import annotations

from connections.sandbox.etrac.app import API_KEY, EMAIL, Etrac, sample_connection

__all__ = ["API_KEY", "EMAIL", "Etrac", "sample_connection"]
