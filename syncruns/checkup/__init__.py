"""Is this installation well? The same answers for `manage.py doctor` and for the System page."""

from __future__ import annotations

from syncruns.checkup.check import OK, PROBLEM, WARNING, Check
from syncruns.checkup.examination import examine, examine_vendors, worst

__all__ = ["OK", "PROBLEM", "WARNING", "Check", "examine", "examine_vendors", "worst"]
