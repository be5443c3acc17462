"""How many rows a connection stores, for who is about to part with them: counted no longer than a person waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext as _

from connections.connectors import connector_class
from connections.destination import table_name
from connections.models import Connection
from connections.sdk.declare import Table
from connections.sdk.errors import SyncError
from syncruns.engine.warehouse import Warehouse, warehouse
from syncruns.engine.warehouse.tables import TooLong
from syncruns.timewords import number

COUNT_SECONDS = 3.0  # for all tables together


@dataclass(frozen=True)
class Stored:
    """by_table: rows by name. Where counting took too long it is what the database believes a whole table to hold."""

    by_table: Mapping[str, int]
    is_exact: bool = True

    @classmethod
    def of(cls, connection: Connection) -> Stored:
        """Count what the connection has loaded, rows marked deleted too; tables without any are left out."""
        destination = warehouse()
        counts = {
            place: partial(destination.held_rows, *place, connection.pk) for place in tables_of(connection, destination)
        }
        return _counted(destination, counts, leave_out_empty=True)

    @classmethod
    def live(cls, connection: Connection, tables: Sequence[Table]) -> Stored:
        """Count the connection's live rows in declared tables, by the names that the database has for them."""
        schema, destination = connector_class(connection.kind).schema, warehouse()
        counts = {(schema, table.name): partial(destination.count, schema, table, connection.pk) for table in tables}
        return _counted(destination, counts)

    @property
    def rows(self) -> int:
        return sum(self.by_table.values())

    @property
    def tables(self) -> int:
        return len(self.by_table)

    @property
    def words(self) -> str:
        """The number of rows as people read it."""
        return self.told(self.rows)

    def told(self, rows: int) -> str:
        """Spell one of the numbers, or "about" it."""
        return number(rows) if self.is_exact else _("about %(count)s") % {"count": number(rows)}


def tables_of(connection: Connection, destination: Warehouse) -> list[tuple[str, str]]:
    """Return schema and name of the tables that rows of the connection may stand in.

    For a kind that this version does not have these are all there are: ids of connections are never used again.
    """
    try:
        schema = connector_class(connection.kind).schema
    except SyncError:
        return destination.everywhere()
    return [(schema, name) for name in destination.standing(schema)]


def _counted(
    destination: Warehouse, counts: Mapping[tuple[str, str], Callable[[], int]], *, leave_out_empty: bool = False
) -> Stored:
    found: dict[str, int] = {}
    is_exact, until = True, time.monotonic() + COUNT_SECONDS
    for place, count in counts.items():
        try:
            with destination.limited(max(until - time.monotonic(), 0.001)):
                rows = count()
        except TooLong:
            is_exact = False
            rows = destination.estimate(*place) or 0
        if rows or not leave_out_empty:
            found[table_name(*place)] = rows
    return Stored(found, is_exact)
