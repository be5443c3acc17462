"""The destination of rows: typed tables of which only rows that changed are written.

What follows is the same on every database: which rows are new, changed, gone. The two dialects say how tables are
described and altered, and how rows are found and written.
"""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from connections.sdk.declare import Key, Table
from syncruns.engine.transform import Row
from syncruns.engine.warehouse.digest import HashedRows
from syncruns.engine.warehouse.shape import identifier, names, quote
from syncruns.engine.warehouse.tables import Tables
from syncruns.engine.warehouse.target import Found, Recorder, RowId, Stamp, StoredKey, Target

VERSION = "CAST(t._changed_at AS text)"  # of a row of t: another one after every write


@dataclass
class Counts:
    """What a load did, in rows. A row that came back after it was deleted is inserted."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
        )


class Warehouse(Tables):
    """Rows in the typed tables of one database. Its methods run inside the caller's transaction, on prepared tables."""

    rows_at_once = 5000  # of one transaction, about
    divides_pages = False  # whether a larger page takes several transactions
    writes_alone = False  # whether everybody else's writes wait for a transaction
    recorder: Recorder | None = None  # who is told what is written

    def __init__(self, using: str, beside: int | None = None) -> None:
        super().__init__(using, beside)
        self._gone: set[tuple[str, RowId]] = set()  # what would be deleted already, if this were no dry run

    def took(self, seconds: float) -> None:
        """Be told how long a transaction lasted: where others wait for its end, the next ones may be smaller."""

    def load(
        self, schema: str, table: Table, rows: Sequence[Row], *, connection_id: int, run_id: str, now: datetime
    ) -> Counts:
        """Write the new and the changed among rows (one per key); an unchanged row causes no write at all."""
        stamp = Stamp(connection_id, run_id, now)
        target = self._target(schema, table)
        return self._write(target, rows, self._find(target, rows, stamp), stamp)

    def stored(self, schema: str, table: Table, rows: Sequence[Row], *, connection_id: int) -> set[int]:
        """Return the positions of those among rows (one per key) whose key the connection already has, alive."""
        found = self._find(self._target(schema, table), rows, Stamp(connection_id, "", datetime.now(UTC)))
        return {position for position, row in found.items() if not row.deleted}

    def replace_sets(
        self,
        schema: str,
        table: Table,
        rows: Sequence[Row],
        sets: Iterable[Key],
        incomplete: Iterable[Key] = (),
        *,
        spared: Sequence[Key] = (),
        tables: Sequence[Table] = (),
        connection_id: int,
        run_id: str,
        now: datetime,
    ) -> Counts:
        """Load rows and mark deleted the other rows of sets, except of those named incomplete.

        sets: values of the table's set_columns. spared: keys of rows that stay, whatever their set was. What is
        deleted takes its children in those of tables that are child tables along.
        """
        stamp = Stamp(connection_id, run_id, now)
        target = self._target(schema, table)
        found = self._find(target, rows, stamp)
        left_alone = set(incomplete)
        complete = [one for one in sets if one not in left_alone]
        # Before rows are written: a row's id is good until then.
        gone = self._live(target, table.set_columns, complete, stamp) - {row.id for row in found.values()}
        if gone and spared:
            gone -= self._live(target, table.key, spared, stamp)
        has_children = any(child.parent == table.name for child in tables)
        deleted = self._mark_children(target, self._keys_of(target, gone), tables, stamp) if has_children else 0
        deleted += self._mark_deleted(target, gone, stamp)
        return self._write(target, rows, found, stamp) + Counts(deleted=deleted)

    def delete(
        self,
        schema: str,
        table: Table,
        keys: Sequence[Key],
        tables: Sequence[Table],
        *,
        connection_id: int,
        run_id: str,
        now: datetime,
    ) -> int:
        """Mark live rows deleted, and their children in those of tables that are child tables of table.

        keys are typed (Typed.deletes). Returns how many rows, children included.
        """
        stamp = Stamp(connection_id, run_id, now)
        target = self._target(schema, table)
        deleted = self._mark_deleted(target, self._live(target, table.key, keys, stamp), stamp)
        return deleted + self._mark_children(target, keys, tables, stamp, are_stored=False)

    def delete_missed(
        self,
        schema: str,
        table: Table,
        missed: Sequence[tuple[StoredKey, str]],
        tables: Sequence[Table],
        *,
        connection_id: int,
        run_id: str,
        now: datetime,
    ) -> int:
        """Mark deleted, as delete does, those rows that are still as they were: (key, version) as Scratch tells them.

        One that was written since then, or is gone, is left alone.
        """
        if not missed:
            return 0
        stamp = Stamp(connection_id, run_id, now)
        target = self._target(schema, table)
        keys = [key for key, _version in missed]
        select = f"k.n, t.{self.row_id}, t._deleted_at IS NULL, {VERSION}"
        found = self._matching(target, select, table.key, keys, connection_id, are_stored=True)
        still = {place: row_id for place, row_id, live, version in found if live and version == missed[place][1]}
        deleted = self._mark_children(target, [keys[place] for place in still], tables, stamp)
        return deleted + self._mark_deleted(target, set(still.values()), stamp)

    def pick(
        self, schema: str, table: Table, keys: Sequence[StoredKey], columns: Sequence[str], *, connection_id: int
    ) -> dict[int, tuple[Any, ...]]:
        """Return the values that rows have in columns, as the database gives them, by position in keys."""
        target = self.bound(schema, table)
        if target is None or not keys:
            return {}
        places = {row_id: place for place, row_id in self._matching(
            target, f"k.n, t.{self.row_id}", table.key, keys, connection_id, are_stored=True
        )}  # fmt: skip
        condition, value = self._among(list(places))
        with self._cursor() as cursor:
            cursor.execute(
                f"SELECT t.{self.row_id}, {names(columns)} FROM {target.name} AS t WHERE {condition}", [value]
            )
            return {places[row[0]]: tuple(row[1:]) for row in cursor.fetchall()}

    def _find(self, target: Target, rows: Sequence[Row], stamp: Stamp) -> dict[int, Found]:
        """Return what exists, by position in rows."""
        if not rows:
            return {}
        select = f"k.n, t.{self.row_id}, t._hash, t._deleted_at IS NOT NULL"
        keys = list(map(target.key, rows))
        found = self._matching(target, select, target.table.key, keys, stamp.connection_id)
        return {row.position: row for row in map(Found._make, found)}

    def _live(
        self,
        target: Target,
        columns: Sequence[str],
        keys: Sequence[Key] | Sequence[StoredKey],
        stamp: Stamp,
        *,
        are_stored: bool = False,
    ) -> set[RowId]:
        """Return the ids of rows not deleted whose columns equal one of keys."""
        if not keys:
            return set()
        select = f"t.{self.row_id}, t._deleted_at IS NULL"
        matching = self._matching(target, select, columns, keys, stamp.connection_id, are_stored=are_stored)
        return {row_id for row_id, live in matching if live}

    def _keys_of(self, target: Target, ids: set[RowId]) -> list[StoredKey]:
        if not ids:
            return []
        condition, value = self._among(list(ids))
        with self._cursor() as cursor:
            cursor.execute(
                f"SELECT {self.key_text(target.table.key)} FROM {target.name} AS t WHERE {condition}", [value]
            )
            return [orjson.loads(row[0]) for row in cursor.fetchall()]

    def _write(self, target: Target, rows: Sequence[Row], found: Mapping[int, Found], stamp: Stamp) -> Counts:
        counts = Counts()
        hashes = rows.hashes if isinstance(rows, HashedRows) else target.digests.of(rows)
        hashed = list(zip(rows, hashes, strict=True))
        new = [one for position, one in enumerate(hashed) if position not in found]
        changed: list[tuple[Row, str, RowId]] = []
        back: set[RowId] = set()  # those of changed that were deleted
        is_of = target.digests.is_of
        for before in found.values():
            row, now = hashed[before.position]
            if not before.deleted and (before.hash == now or target.table.never_changes):
                counts.unchanged += 1
            elif before.deleted or not is_of(before.hash, row):
                changed.append((row, now, before.id))
                if before.deleted:
                    back.add(before.id)
                counts.inserted += bool(before.deleted)
                counts.updated += not before.deleted
            else:
                counts.unchanged += 1
        counts.inserted += len(new)
        if self.recorder is not None and (new or changed):
            self.recorder.wrote(target, new, changed, back, self._stored)
        if self.is_dry:
            return counts
        if new:
            self._insert(target, new, stamp)
        if changed:
            self._update(target, changed, stamp)
        return counts

    def _mark_deleted(self, target: Target, ids: set[RowId], stamp: Stamp) -> int:
        if self.is_dry:
            ids = {one for one in ids if (target.name, one) not in self._gone}
            self._gone.update((target.name, one) for one in ids)
        if not ids:
            return 0
        if self.recorder is not None:
            self.recorder.deleted(target, ids, self._stored)
        if self.is_dry:
            return len(ids)
        condition, value = self._among(list(ids))
        now = self._moment(stamp.now)
        with self._cursor() as cursor:
            cursor.execute(
                f"UPDATE {target.name} SET _deleted_at = %s, _changed_at = %s, _run_id = %s WHERE {condition}",
                [now, now, stamp.run_id, value],
            )
            return int(cursor.rowcount)

    def _stored(self, target: Target, ids: Sequence[RowId]) -> dict[RowId, Row]:
        condition, value = self._among(ids)
        standing = target.shape.columns
        held = [quote(one.name) if identifier(one.name) in standing else "NULL" for one in target.table.columns]
        with self._cursor() as cursor:
            cursor.execute(
                f"SELECT {', '.join([self.row_id, *held])} FROM {target.name} AS t WHERE {condition}", [value]
            )
            return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}

    def _mark_children(
        self,
        target: Target,
        keys: Sequence[Key] | Sequence[StoredKey],
        tables: Sequence[Table],
        stamp: Stamp,
        *,
        are_stored: bool = True,
    ) -> int:
        deleted = 0
        for child in tables:
            if child.parent == target.table.name:
                of_child = self._target(target.schema, child)
                ids = self._live(of_child, child.parent_key, keys, stamp, are_stored=are_stored)
                deleted += self._mark_deleted(of_child, ids, stamp)
        return deleted

    # The dialect

    @abstractmethod
    def _moment(self, value: datetime) -> Any:
        """Return a moment as own columns take it."""

    @abstractmethod
    def _matching(
        self,
        target: Target,
        select: str,
        columns: Sequence[str],
        keys: Sequence[Key] | Sequence[StoredKey],
        connection_id: int,
        *,
        are_stored: bool = False,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield select (of k.n, the position in keys, and t, the table) for rows whose columns equal a key.

        Of t there are the row's id and own columns. are_stored: keys are as key_text tells them.
        """

    @abstractmethod
    def key_text(self, columns: Sequence[str]) -> str:
        """Return the expression that spells columns of t as a JSON array from which rows are found again."""

    @abstractmethod
    def digest_of(self, text: str) -> str:
        """Return the expression for a digest of a text expression, 64 characters long."""

    def _value(self, target: Target, column: str) -> str:
        """Return the placeholder of an encoded value that a column is compared with."""
        return self.placeholder(target.actual(column))

    @abstractmethod
    def _analyze(self, name: str) -> None:
        """Tell the planner about a temporary table, where nobody else does."""

    @abstractmethod
    def _unlike(self, target: Target, keys: Sequence[Key]) -> tuple[str, Sequence[Any]]:
        """Return the condition that a row of t has none of a few keys, and its parameters."""

    @abstractmethod
    def _index_met(self, name: str, parts: int) -> None:
        """Make keys found quickly in the temporary table, now that it is full."""

    @abstractmethod
    def _create_met(self, name: str, target: Target) -> None:
        """Create the temporary table of keys, with columns c0, c1... as the target's key."""

    @abstractmethod
    def _add_met(self, name: str, target: Target, keys: Sequence[Key]) -> None:
        """Add keys, some of which may be there already."""

    @abstractmethod
    def _insert(self, target: Target, rows: Sequence[tuple[Row, str]], stamp: Stamp) -> None:
        """Add rows with their hashes; none of them exists."""

    @abstractmethod
    def _update(self, target: Target, rows: Sequence[tuple[Row, str, RowId]], stamp: Stamp) -> None:
        """Rewrite rows with their new hashes, alive."""
