"""How many rows tables hold and when they were last written, counted for no longer than a person waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache

from syncruns.browser.tables import Browsed
from syncruns.engine.warehouse import warehouse
from syncruns.engine.warehouse.browse import Rows, Tally
from syncruns.engine.warehouse.tables import TooLong

FRESH_SECONDS = 60  # a count is shown for so long before it is made again
SLOW_SECONDS = 600  # one that took too long is not tried again before
ONE_SECONDS = 2.0  # for one table
ALL_SECONDS = 5.0  # for all tables of a page


@dataclass(frozen=True)
class Counted:
    """by_connection: None when counting took too long; about: the database's own estimate, then."""

    by_connection: dict[int, Tally] | None
    about: int | None = None
    exists: bool = True

    def of(self, connection_id: int | None) -> Tally | None:
        """Return the rows of one connection, or of all; None when nobody counted, or there are none."""
        found = self.by_connection or {}
        if connection_id is not None:
            return found.get(connection_id)
        if not found:
            return None
        every = found.values()
        return Tally(
            sum(one.live for one in every), sum(one.deleted for one in every), max(one.changed_at for one in every)
        )

    @property
    def last_write(self) -> datetime | None:
        tally = self.of(None)
        return tally.changed_at if tally else None


NO_TABLE = Counted({}, exists=False)


def count(tables: Sequence[Browsed]) -> list[Counted]:
    """Return the counts of tables, in their order; what does not fit in the time is estimated."""
    until = time.monotonic() + ALL_SECONDS
    return [_kept(one, until) for one in tables]


def _kept(one: Browsed, until: float) -> Counted:
    key = f"rows-counted:{one.schema}:{one.name}".encode().hex()
    found = cache.get(key)
    if found is None:
        left = min(ONE_SECONDS, until - time.monotonic())
        found = _counted(one, left)
        if found.by_connection is not None or left == ONE_SECONDS:
            cache.set(key, found, FRESH_SECONDS if found.by_connection is not None else SLOW_SECONDS)
    return found


def _counted(one: Browsed, seconds: float) -> Counted:
    if one.table is None:
        return NO_TABLE
    destination = warehouse()
    if seconds > 0:
        try:
            with destination.limited(seconds):
                return Counted(Rows(destination, one.schema, one.table).tallies())
        except TooLong:
            pass
    return Counted(None, destination.estimate(one.schema, one.name))
