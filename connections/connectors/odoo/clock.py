"""The server's clock, as its answers tell it. Odoo stamps changes by it, so windows are cut by it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from connections.sdk.context import Context
from connections.sdk.http import CLOCK_SECONDS, Answer


class ServerClock:
    """Goes on from the newest answer that carried a date; ours until then, and for servers that send none."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: datetime | None = None
        self._told_at = 0.0
        self.skew = timedelta()  # how far ahead of ours it is

    def note(self, answer: Answer) -> None:
        """Set the clock by an answer that has just come."""
        told = answer.moment
        if told is not None:
            self._told, self._told_at = told, time.monotonic()
            self.skew = told - self._context.now()

    def now(self) -> datetime:
        """Return the moment, aware, at most a second and the way of an answer late."""
        if self._told is None:
            return self._context.now()
        return self._told + timedelta(seconds=time.monotonic() - self._told_at)

    @property
    def is_off(self) -> bool:
        """Say whether the two clocks differ by more than is tolerated."""
        return abs(self.skew.total_seconds()) > CLOCK_SECONDS
