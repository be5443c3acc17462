"""How many rows tables hold and when they were last written, counted for no longer than a person waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache

from connections.destination import identifier
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
    kept = {one: cache.get(_key(one)) for one in tables}
    missing = [one for one, counted in kept.items() if counted is None]
    standing = {schema: set(warehouse().standing(schema)) for schema in {one.schema for one in missing}}
    for one in missing:
        seconds = min(ONE_SECONDS, until - time.monotonic())
        exists = identifier(one.name) in standing[one.schema]
        kept[one] = counted = _counted(one, seconds) if exists else NO_TABLE
        if counted.by_connection is not None or seconds == ONE_SECONDS:
            cache.set(_key(one), counted, FRESH_SECONDS if counted.by_connection is not None else SLOW_SECONDS)
    return [kept[one] for one in tables]


def _key(one: Browsed) -> str:
    return "rows-counted:" + f"{one.schema}:{one.name}".encode().hex()


def _counted(one: Browsed, seconds: float) -> Counted:
    destination, table = warehouse(), one.declared or one.table
    if table is None:
        return NO_TABLE
    if seconds > 0:
        try:
            with destination.limited(seconds):
                return Counted(Rows(destination, one.schema, table).tallies())
        except TooLong:
            pass
    return Counted(None, destination.estimate(one.schema, one.name))
