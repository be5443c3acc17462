"""What exists at the source, against what is stored: which rows a sweep missed, and which the one before it as well.

Reads only, but for temporary tables; syncruns/engine/settlement.py acts on what is found.
"""

# Names are constants; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import Error, connection
from django.utils import timezone

from connections.sdk.declare import Key, Page, Stream, Sweep, Table
from connections.sdk.errors import SyncError
from syncruns.engine.context import Log
from syncruns.engine.transform import Typed, key_of, typed_keys
from syncruns.engine.warehouse import Scratch, Warehouse
from syncruns.engine.warehouse.scratch import stored_key
from syncruns.engine.warehouse.target import StoredKey
from syncruns.models import MissedRow

BATCH = 2000  # rows of one transaction
BRAKE_SHARE = 0.05
BRAKE_ROWS = 10

MISSES = MissedRow._meta.db_table
# CROSS JOIN keeps SQLite from looking up a scratch's rows by the misses: their order is the one that is asked for.
SAME_ROW = 'm.connection_id = %s AND m."table" = %s AND m.digest = g.digest'


@dataclass(frozen=True)
class Missing:
    """One row that a sweep missed. place: where it stands in the comparison; pk: of its MissedRow, 0 for none."""

    place: int
    key: str
    digest: str
    version: str
    pk: int = 0

    @property
    def row(self) -> tuple[StoredKey, str]:
        """What Warehouse.delete_missed takes."""
        return stored_key(self.key), self.version


@dataclass
class Comparison:
    """What a complete sweep of a table missed, beside what is noted of earlier sweeps."""

    table: Table
    connection_id: int
    scratch: Scratch

    def again(self) -> int:
        """Count the rows that the sweep before missed as well and nobody has decided on."""
        states, marks = MissedRow.UNDECIDED, "%s, %s"
        sql = f"""
            SELECT count(*) FROM {self.scratch.missed} AS g CROSS JOIN {MISSES} AS m
            WHERE {SAME_ROW} AND m.version = g.version AND m.state IN ({marks})
        """
        return int(self._rows(sql, [self.connection_id, self.table.name, *states])[0][0])

    def stops(self, again: int) -> int:
        """Return of how many live rows within the scope `again` are too many to be deleted unasked; 0: they are not."""
        total = self.scratch.live() if again else 0
        return total if again >= total or (again > BRAKE_ROWS and again > BRAKE_SHARE * total) else 0

    def known(self, states: Sequence[str], after: int = 0) -> list[Missing]:
        """Return the next rows, in batches, that were missed before and are in one of states."""
        marks = ", ".join(["%s"] * len(states))
        sql = f"""
            SELECT g.n, g.key, g.digest, g.version, m.id FROM {self.scratch.missed} AS g CROSS JOIN {MISSES} AS m
            WHERE {SAME_ROW} AND m.version = g.version AND m.state IN ({marks}) AND g.n > %s ORDER BY g.n LIMIT {BATCH}
        """
        return [Missing(*found) for found in self._rows(sql, [*self._row, *states, after])]

    def new(self, after: int = 0) -> list[Missing]:
        """Return the next rows, in batches, of which no miss is noted."""
        sql = f"""
            SELECT g.n, g.key, g.digest, g.version FROM {self.scratch.missed} AS g LEFT JOIN {MISSES} AS m
            ON {SAME_ROW} WHERE m.id IS NULL AND g.n > %s ORDER BY g.n LIMIT {BATCH}
        """
        return [Missing(*found) for found in self._rows(sql, [*self._row, after])]

    def obsolete(self) -> Iterator[list[int]]:
        """Yield, in batches, the pks of misses that no longer hold: the row was met, written, or is not live."""
        last = ""
        sql = f"""
            SELECT m.id, m.key, g.n IS NULL, m.digest FROM {MISSES} AS m LEFT JOIN {self.scratch.missed} AS g
            ON m.digest = g.digest WHERE m.connection_id = %s AND m."table" = %s
            AND (g.n IS NULL OR g.version <> m.version) AND m.digest > %s ORDER BY m.digest LIMIT {BATCH}
        """
        while found := self._rows(sql, [*self._row, last]):
            last = found[-1][3]
            unmissed = [(pk, stored_key(key)) for pk, key, is_unmissed, _digest in found if is_unmissed]
            outside = self.scratch.outside([key for _pk, key in unmissed])
            spared = {unmissed[place][0] for place in outside}
            yield [row[0] for row in found if row[0] not in spared]

    def drop(self, rows: Sequence[Missing]) -> None:
        """Leave rows out of what is still to be done."""
        places = ", ".join(str(row.place) for row in rows)
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {self.scratch.missed} WHERE n IN ({places})")

    @property
    def _row(self) -> list[Any]:
        return [self.connection_id, self.table.name]

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())


@dataclass
class _Running:
    """A sweep that has begun. scratch: None when there was no row that it could miss."""

    scratch: Scratch | None
    began: datetime
    met: int = 0
    nameless: int = 0


class Sweeps:
    """The sweeps of one read of one stream. They end with it: no other read goes on with them."""

    def __init__(self, stream: Stream, schema: str, destination: Warehouse, connection_id: int, log: Log) -> None:
        self._stream = stream
        self._schema = schema
        self._destination = destination
        self._connection_id = connection_id
        self._log = log
        self._running: dict[str, _Running] = {}
        self._opened: list[Scratch] = []

    def note(self, pages: Iterable[tuple[Page, Typed]]) -> None:
        """Note which keys pages show to exist, before their rows are loaded.

        Raises SyncError("internal") for a sweep that goes on without having begun: its first keys are unknown.
        """
        shown: dict[str, list[Key]] = {}
        for page, typed in pages:
            self._note(page, typed, shown)
        for name, keys in shown.items():
            if (scratch := self._running[name].scratch) is not None:
                scratch.meet(keys)

    def _note(self, page: Page, typed: Typed, shown: dict[str, list[Key]]) -> None:
        sweep = page.sweep
        if sweep is not None and sweep.begins:
            shown.pop(sweep.table, None)
            self._begin(sweep.table)
        elif sweep is not None and sweep.table not in self._running:
            raise SyncError("internal", detail=f"the sweep of {sweep.table} goes on without having begun")
        for name, running in self._running.items():
            keys = shown_keys(self._stream.table(name), typed)
            if sweep is not None and sweep.table == name:
                keys += typed_keys(self._stream.table(name), sweep.keys)
            running.met += len(keys)
            running.nameless += typed.nameless.get(name, 0)
            shown.setdefault(name, []).extend(keys)

    def complete(self, sweep: Sweep) -> Comparison | None:
        """End a sweep whose last page was noted; None when nothing follows from it. Outside any transaction."""
        running = self._running.pop(sweep.table)
        told = {"table": sweep.table}
        if not running.met:
            self._log.add("warning", "sweep_met_nothing", self._stream.key, **told)
        elif running.nameless:
            # One of them may be any row, perhaps the one that would be deleted.
            self._log.add("warning", "sweep_nameless", self._stream.key, count=running.nameless, **told)
        elif running.scratch is not None:
            noted = MissedRow.objects.filter(connection_id=self._connection_id, table=sweep.table).exists()
            missed = running.scratch.compare(running.began, sweep.within, if_any=not noted)
            if missed or noted:
                return Comparison(self._stream.table(sweep.table), self._connection_id, running.scratch)
        return None

    def close(self) -> None:
        """Forget every sweep, ended or not."""
        self._running.clear()
        with suppress(Error):  # they end with the session, which may have ended
            for scratch in self._opened:
                scratch.close()

    def _begin(self, name: str) -> None:
        table = self._stream.table(name)
        number = self._stream.tables.index(table)
        scratch = Scratch(self._destination, self._schema, table, self._connection_id, number)
        is_open = scratch.open()
        if is_open:
            self._opened.append(scratch)
        self._running[name] = _Running(scratch if is_open else None, timezone.now())
        self._log.add("info", "sweep_began", self._stream.key, table=name)


def shown_keys(table: Table, typed: Typed) -> list[Key]:
    """Return the keys of a page's records, those included that could not be loaded."""
    key = key_of(table)
    return [key(row) for row in typed.rows.get(table.name, ())] + list(typed.rejected.get(table.name, ()))
