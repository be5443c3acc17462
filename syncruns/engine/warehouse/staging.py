"""What a reset has read, beside the tables that everybody reads, until all of it takes their rows' place at once.

For each table of a stream there is one more of the same shape, of one connection. It is loaded as any table is. Rows of
which the read says that they stay, although it brings none to load (rejected records, keys that a sweep names), or that
they go (deleted keys, rows that left their set), are in it as shadows: copies of key and set without contents, whose
hash is empty, alive or marked deleted. So a stored row is known to be

- replaced, when the other table has it with a hash;
- left alone, when it has a living shadow of it;
- gone, when it has it marked deleted;
- missed, when it does not have it at all.
"""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.db import Error, connections

from connections.sdk.declare import Key, Stream, Table
from syncruns.engine.transform import Typed
from syncruns.engine.warehouse.base import Counts, Warehouse
from syncruns.engine.warehouse.scratch import Scratch
from syncruns.engine.warehouse.shape import identifier, names, quote
from syncruns.engine.warehouse.target import Stamp, StoredKey, Target

OWN = ("_connection_id", "_run_id", "_changed_at", "_hash", "_deleted_at")


@dataclass(frozen=True)
class _Difference:
    """What is to be written of one table: a temporary table of row ids s (read), t (stored), and whether t lives."""

    table: Table
    name: str
    read: int
    new: int
    back: int
    changed: int


class Staging:
    """The tables of one stream that one connection's reset reads into. beside: the warehouse that loads them."""

    def __init__(self, destination: Warehouse, schema: str, stream: Stream, connection_id: int) -> None:
        from syncruns.engine.warehouse import warehouse

        self.beside = warehouse(destination.using, connection_id)
        self._destination = destination
        self._schema = schema
        self._stream = stream
        self._connection_id = connection_id
        self._differences: list[_Difference] = []
        self._mark: Any = None

    def prepare(self) -> None:
        """Make the tables as wide as the stored ones are now, which must be prepared. Outside any transaction."""
        shapes = self._destination._shapes(self._schema, self._stream.tables)
        alike = []
        for table in self._stream.tables:
            standing = shapes[table.name].columns
            columns = tuple(
                replace(column, type=actual.type, precision=actual.precision, scale=actual.scale)
                for column in table.columns
                for actual in [standing[identifier(column.name)]]
            )
            alike.append(replace(table, columns=columns))
        self.beside.prepare(self._schema, alike)
        self.beside.prepare(self._schema, self._stream.tables)

    def drop(self) -> None:
        """Forget everything that was read. Its own transaction, or the caller's."""
        self.beside.drop_beside(self._schema, [table.name for table in self._stream.tables])

    # While the source is read, in the transaction of its pages

    def shadow(self, typed: Typed, stamp: Stamp) -> None:
        """Note the stored rows that a page says something of, before the page is loaded."""
        for table in self._stream.tables:
            self.keep(table, list(typed.rejected.get(table.name, ())), stamp)
            if sets := typed.sets.get(table.name):
                self._copy(table, table.set_columns, sets, stamp)
                self._copy_children(table, self._keys_in(table, sets, stamp), stamp)
            if deleted := typed.deletes.get(table.name):
                self.keep(table, deleted, stamp)
                self._copy_children(table, deleted, stamp, are_stored=False)

    def keep(self, table: Table, keys: Sequence[Key], stamp: Stamp) -> None:
        """Note that the stored rows with these keys exist at the source."""
        self._copy(table, table.key, keys, stamp)

    def _keys_in(self, table: Table, sets: Sequence[Key], stamp: Stamp) -> list[StoredKey]:
        if not any(child.parent == table.name for child in self._stream.tables):
            return []
        target = self._stored(table)
        return self._destination._keys_of(target, self._destination._live(target, table.set_columns, sets, stamp))

    def _copy_children(
        self, table: Table, keys: Sequence[Key] | Sequence[StoredKey], stamp: Stamp, *, are_stored: bool = True
    ) -> None:
        for child in self._stream.tables:
            if child.parent == table.name:
                self._copy(child, child.parent_key, keys, stamp, are_stored=are_stored)

    def _copy(
        self,
        table: Table,
        columns: Sequence[str],
        keys: Sequence[Key] | Sequence[StoredKey],
        stamp: Stamp,
        *,
        are_stored: bool = False,
    ) -> None:
        target = self._stored(table)
        ids = self._destination._live(target, columns, keys, stamp, are_stored=are_stored)
        if not ids:
            return
        known = list(dict.fromkeys([*table.key, *table.set_columns]))
        own = [name for name in OWN if name != "_hash"]
        condition, value = self._destination._among(list(ids))
        self._execute(
            f"INSERT INTO {self._read(table).name} (_hash, {names([*own, *known])})"
            f" SELECT '', {names([*own, *known])} FROM {target.name} AS t WHERE {condition} ON CONFLICT DO NOTHING",
            [value],
        )

    # When everything was read

    def scratch(self, table: Table) -> Scratch:
        """Return what tells which stored rows of a table the read missed; never opened, it is met by now."""
        return _Staged(self, table)

    def compare(self) -> None:
        """Find what is to be written; in the transaction that swaps, or before it where it must be short."""
        self._mark = self._destination._hold(self._schema, self._stream.tables)
        self._differences = [self._difference(number, table) for number, table in enumerate(self._stream.tables)]

    def is_compared(self) -> bool:
        """Say, in the transaction that swaps, whether what compare found still holds."""
        mark = self._destination._hold(self._schema, self._stream.tables)
        return self._mark is not None and bool(mark == self._mark)

    def swap(self, stamp: Stamp, room: int) -> Counts:
        """Write what compare found, and mark deleted what the read said is gone; missed rows are left to the caller.

        room: of how many rows of each kind the recorder is told. Nobody sees a part of it: the caller's transaction is
        one, with a statement per table and kind.
        """
        counts = Counts()
        for each in self._differences:
            self._tell(each, room)
            deleted = self._delete(each.table, stamp)
            self._update(each, stamp)
            self._insert(each, stamp)
            written = each.new + each.back + each.changed
            counts += Counts(each.new + each.back, each.changed, each.read - written, deleted)
        return counts

    def close(self) -> None:
        """Forget what was compared: temporary tables, gone with the session at the latest."""
        with suppress(Error):  # it may have ended
            for number in range(len(self._stream.tables)):
                self._execute(f"DROP TABLE IF EXISTS _differs_{number}")
                self._execute(f"DROP TABLE IF EXISTS _missed_{number}")
        self._differences, self._mark = [], None

    def _difference(self, number: int, table: Table) -> _Difference:
        read, stored, name = self._read(table), self._stored(table), f"_differs_{number}"
        same = " AND ".join(f"t.{quote(part)} = s.{quote(part)}" for part in table.key)
        row_id = self._destination.row_id
        self._execute(f"DROP TABLE IF EXISTS {name}")
        self.beside._analyze(read.name)
        self._execute(
            f"""
            CREATE TEMPORARY TABLE {name} AS
            SELECT s.{row_id} AS s, t.{row_id} AS t, t._deleted_at IS NULL AS lives
            FROM {read.name} AS s LEFT JOIN {stored.name} AS t ON t._connection_id = s._connection_id AND {same}
            WHERE s._deleted_at IS NULL AND s._hash <> ''
            AND (t._connection_id IS NULL OR t._deleted_at IS NOT NULL OR t._hash <> s._hash)
            """,
            [],
        )
        self.beside._analyze(name)
        whole = self._rows(f"SELECT count(*) FROM {read.name} WHERE _deleted_at IS NULL AND _hash <> ''")
        found = self._rows(
            f"SELECT count(*), count(t), count(CASE WHEN t IS NOT NULL AND NOT lives THEN 1 END) FROM {name}"
        )
        (written, standing, back), (total,) = found[0], whole[0]
        return _Difference(table, name, total, written - standing, back, standing - back)

    def _tell(self, each: _Difference, room: int) -> None:
        """Let who keeps changes see the first rows of each kind, as they were read."""
        recorder = self._destination.recorder
        if recorder is None or not room:
            return
        stored = self._stored(each.table)
        for condition in ("t IS NULL", "t IS NOT NULL AND NOT lives", "t IS NOT NULL AND lives"):
            found = self._rows(f"SELECT s, t FROM {each.name} WHERE {condition} LIMIT {room}")
            rows = self.beside._stored(self._read(each.table), [s for s, _t in found]) if found else {}
            if condition == "t IS NULL":
                recorder.wrote(stored, [(rows[s], "") for s, _t in found], [], set(), self._destination._stored)
            else:
                changed = [(rows[s], "", t) for s, t in found]
                back = set() if condition.endswith("AND lives") else {t for _s, t in found}
                recorder.wrote(stored, [], changed, back, self._destination._stored)

    def _delete(self, table: Table, stamp: Stamp) -> int:
        """Mark deleted the living rows of which the read said that they are gone."""
        stored, row_id = self._stored(table), self._destination.row_id
        same = " AND ".join(f"t.{quote(part)} = s.{quote(part)}" for part in table.key)
        ids = self._rows(
            f"SELECT t.{row_id} FROM {self._read(table).name} AS s JOIN {stored.name} AS t"
            f" ON t._connection_id = s._connection_id AND {same}"
            " WHERE s._deleted_at IS NOT NULL AND t._deleted_at IS NULL"
        )
        return self._destination._mark_deleted(stored, {row[0] for row in ids}, stamp)

    def _update(self, each: _Difference, stamp: Stamp) -> None:
        stored, row_id, key = self._stored(each.table), self._destination.row_id, each.table.key
        # The key is the same: set again, it would cost its index twice.
        sets = "".join(
            f"{quote(one.name)} = s.{quote(one.name)}, " for one in each.table.columns if one.name not in key
        )
        values = ", ".join(f"s.{quote(one.name)}" for one in each.table.columns)
        # SQLite shows no row ids of what it joins itself, and gives that of a removed row to another one.
        same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in ["_connection_id", *key])
        self._execute(
            f"UPDATE {stored.name} AS t SET {sets}_hash = s._hash, _run_id = %s, _changed_at = %s, _deleted_at = NULL"
            f" FROM (SELECT d.t AS _place, s._hash, s._connection_id, {values} FROM {each.name} AS d"
            f" CROSS JOIN {self._read(each.table).name} AS s WHERE s.{row_id} = d.s AND d.t IS NOT NULL) AS s"
            f" WHERE t.{row_id} = s._place AND {same}",
            [stamp.run_id, self._destination._moment(stamp.now)],
        )

    def _insert(self, each: _Difference, stamp: Stamp) -> None:
        columns = [column.name for column in each.table.columns]
        values = ", ".join(f"s.{quote(name)}" for name in columns)
        self._execute(
            f"INSERT INTO {self._stored(each.table).name}"
            f" (_connection_id, _hash, _run_id, _changed_at, {names(columns)})"
            f" SELECT s._connection_id, s._hash, %s, %s, {values}"
            f" FROM {each.name} AS d CROSS JOIN {self._read(each.table).name} AS s"
            f" WHERE s.{self._destination.row_id} = d.s AND d.t IS NULL",
            [stamp.run_id, self._destination._moment(stamp.now)],
        )

    def _stored(self, table: Table) -> Target:
        return self._destination._target(self._schema, table)

    def _read(self, table: Table) -> Target:
        return self.beside._target(self._schema, table)

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        with connections[self._destination.using].cursor() as cursor:
            cursor.execute(sql, values)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with connections[self._destination.using].cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())


class _Staged(Scratch):
    """A scratch whose met keys are all rows of the table beside."""

    def __init__(self, staging: Staging, table: Table) -> None:
        number = staging._stream.tables.index(table)
        super().__init__(staging._destination, staging._schema, table, staging._connection_id, number)
        self._met = staging._read(table).name
        self._staging = staging

    def _met_where(self) -> str:
        same = " AND ".join(f"m.{quote(name)} = t.{quote(name)}" for name in self._table.key)
        return f"m._connection_id = t._connection_id AND {same}"

    def _index_met(self) -> None:
        self._destination._analyze(self._met)

    def live(self) -> int:
        """Return how many rows will live once the read ones are in place."""
        same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in self._table.key)
        target = self._staging._stored(self._table)
        fresh = self._rows(
            f"SELECT count(*) FROM {self._met} AS s LEFT JOIN {target.name} AS t ON t._connection_id = s._connection_id"
            f" AND {same} AND t._deleted_at IS NULL WHERE s._deleted_at IS NULL AND s._hash <> ''"
            " AND t._connection_id IS NULL"
        )
        return super().live() + int(fresh[0][0])
