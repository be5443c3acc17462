"""The destination of rows: typed tables of which only rows that changed are written.

What follows is the same on every database: which rows are new, changed, gone. The two dialects say how tables are
described and altered, and how rows are found and written.
"""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from connections.sdk.declare import Column, Key, Table
from syncruns.engine.transform import Row
from syncruns.engine.warehouse.shape import Evolution, Lack, Shape, identifier, lack
from syncruns.engine.warehouse.target import Encoder, Found, RowId, Stamp, Target, row_digest


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


class Warehouse(ABC):
    """Typed tables in one database. Database errors (django.db.Error) pass."""

    row_id: str  # the column that says where a row is

    def __init__(self, using: str) -> None:
        self.using = using
        self._targets: dict[tuple[str, Table], Target] = {}

    # Tables

    def prepare(self, schema: str, tables: Sequence[Table]) -> list[Evolution]:
        """Make the tables hold what is declared: create, add columns, widen types. Returns what changed.

        Processes take turns, so call it outside any transaction that is to last; one query is all when nothing is to
        be done.
        Raises SyncError("key_changed", table), SyncError("contract_changed", table, column, before, after).
        """
        self._targets.clear()
        if not self._bind(schema, tables):
            return []
        with self._alone():
            missing = self._bind(schema, tables)  # again: another process may have been faster
            for each in missing:
                self._make_up(schema, each)
        self._bind(schema, tables)
        return [change for each in missing for change in each.evolutions()]

    def count(self, schema: str, table: Table, connection_id: int) -> int:
        """Return how many live rows the connection has; 0 when the table does not exist."""
        if not self._shapes(schema, [table]):
            return 0
        sql = f"SELECT count(*) FROM {self._name(schema, table.name)} WHERE _connection_id = %s AND _deleted_at IS NULL"
        with self._cursor() as cursor:
            cursor.execute(sql, [connection_id])
            return int(cursor.fetchone()[0])

    def holdings(self, schema: str, connection_id: int) -> dict[str, int]:
        """Return table name -> rows of the connection, deleted ones too, for every table of the schema that has any.

        Also finds tables that are no longer declared.
        """
        counts: dict[str, int] = {}
        with self._cursor() as cursor:
            for name in self._loaded_tables(schema):
                cursor.execute(
                    f"SELECT count(*) FROM {self._name(schema, name)} WHERE _connection_id = %s", [connection_id]
                )
                counts[name] = int(cursor.fetchone()[0])
        return {name: count for name, count in counts.items() if count}

    def drop_rows(self, schema: str, name: str, connection_id: int, limit: int) -> int:
        """Remove up to limit rows of the connection from a table of holdings() for good; return how many."""
        table = self._name(schema, name)
        with self._cursor() as cursor:
            cursor.execute(
                f"SELECT {self.row_id} FROM {table} WHERE _connection_id = %s LIMIT %s", [connection_id, limit]
            )
            condition, value = self._among([row[0] for row in cursor.fetchall()])
            cursor.execute(f"DELETE FROM {table} WHERE {condition}", [value])
            return int(cursor.rowcount)

    # Rows: each of these runs inside the caller's transaction, on prepared tables.

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

    def replace_children(
        self,
        schema: str,
        table: Table,
        rows: Sequence[Row],
        parents: Iterable[Key],
        incomplete: Iterable[Key],
        *,
        connection_id: int,
        run_id: str,
        now: datetime,
    ) -> Counts:
        """Load rows and mark deleted the other children of parents, except of those named incomplete."""
        stamp = Stamp(connection_id, run_id, now)
        target = self._target(schema, table)
        found = self._find(target, rows, stamp)
        spared = set(incomplete)
        complete = [parent for parent in parents if parent not in spared]
        # Before rows are written: a row's id is good until then.
        gone = self._live(target, table.parent_key, complete, stamp) - {row.id for row in found.values()}
        deleted = self._mark_deleted(target, gone, stamp)
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
        deleted = 0
        for each in [table, *(child for child in tables if child.parent == table.name)]:
            target = self._target(schema, each)
            columns = each.key if each is table else each.parent_key
            deleted += self._mark_deleted(target, self._live(target, columns, keys, stamp), stamp)
        return deleted

    def _find(self, target: Target, rows: Sequence[Row], stamp: Stamp) -> dict[int, Found]:
        """Return what exists, by position in rows."""
        if not rows:
            return {}
        select = f"k.n, t.{self.row_id}, t._hash, t._deleted_at IS NOT NULL"
        keys = [target.key(row) for row in rows]
        found = self._matching(target, select, target.table.key, keys, stamp.connection_id)
        return {position: Found(row_id, digest, bool(deleted)) for position, row_id, digest, deleted in found}

    def _live(self, target: Target, columns: Sequence[str], keys: Sequence[Key], stamp: Stamp) -> set[RowId]:
        """Return the ids of rows not deleted whose columns equal one of keys."""
        if not keys:
            return set()
        select = f"t.{self.row_id}, t._deleted_at IS NULL"
        matching = self._matching(target, select, columns, keys, stamp.connection_id)
        return {row_id for row_id, live in matching if live}

    def _write(self, target: Target, rows: Sequence[Row], found: Mapping[int, Found], stamp: Stamp) -> Counts:
        counts = Counts()
        new: list[tuple[Row, str]] = []
        changed: list[tuple[Row, str, RowId]] = []
        digest = target.digest
        for position, row in enumerate(rows):
            now = digest(row)
            before = found.get(position)
            if before is None:
                new.append((row, now))
            elif before.deleted or before.hash != now:
                changed.append((row, now, before.id))
                counts.inserted += before.deleted
                counts.updated += not before.deleted
            else:
                counts.unchanged += 1
        counts.inserted += len(new)
        if new:
            self._insert(target, new, stamp)
        if changed:
            self._update(target, changed, stamp)
        return counts

    def _mark_deleted(self, target: Target, ids: set[RowId], stamp: Stamp) -> int:
        if not ids:
            return 0
        condition, value = self._among(list(ids))
        now = self._moment(stamp.now)
        with self._cursor() as cursor:
            cursor.execute(
                f"UPDATE {target.name} SET _deleted_at = %s, _changed_at = %s, _run_id = %s WHERE {condition}",
                [now, now, stamp.run_id, value],
            )
            return int(cursor.rowcount)

    # Binding declarations to tables

    def _bind(self, schema: str, tables: Sequence[Table]) -> list[Lack]:
        """Keep the targets of tables that hold what is declared; return what the others lack."""
        shapes = self._shapes(schema, tables)
        missing = []
        for table in tables:
            shape = shapes.get(table.name)
            found = lack(table, shape)
            if found or shape is None:
                missing.append(found)
                continue
            self._targets[schema, table] = Target(
                table=table,
                shape=shape,
                name=self._name(schema, table.name),
                encoders=[self._encoder(column, shape.columns[identifier(column.name)]) for column in table.columns],
                digest=row_digest(table),
            )
        return missing

    def _target(self, schema: str, table: Table) -> Target:
        if (schema, table) not in self._targets and self._bind(schema, [table]):
            raise LookupError(f"{schema}.{table.name} is not prepared")
        return self._targets[schema, table]

    @property
    def _connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    def _cursor(self) -> CursorWrapper:
        return self._connection.cursor()

    # The dialect

    @abstractmethod
    def _name(self, schema: str, name: str) -> str:
        """Return the table's quoted name."""

    @abstractmethod
    def _shapes(self, schema: str, tables: Sequence[Table]) -> dict[str, Shape]:
        """Return the tables that exist, by declared name, with one query."""

    @abstractmethod
    def _loaded_tables(self, schema: str) -> list[str]:
        """Return the names of the tables of the schema that Sincro made, without the schema."""

    @abstractmethod
    def _alone(self) -> AbstractContextManager[None]:
        """Open a transaction in which no other process alters destination tables."""

    @abstractmethod
    def _make_up(self, schema: str, lack: Lack) -> None:
        """Create or alter a table."""

    @abstractmethod
    def _encoder(self, declared: Column, actual: Column) -> Encoder:
        """Return the function that makes a declared value what the actual column takes."""

    @abstractmethod
    def _moment(self, value: datetime) -> Any:
        """Return a moment as own columns take it."""

    @abstractmethod
    def _matching(
        self, target: Target, select: str, columns: Sequence[str], keys: Sequence[Key], connection_id: int
    ) -> Iterator[tuple[Any, ...]]:
        """Yield select (of k.n, the position in keys, and t, the table) for rows whose columns equal a key."""

    @abstractmethod
    def _among(self, ids: Sequence[RowId]) -> tuple[str, Any]:
        """Return the condition that a row is one of ids, and its parameter."""

    @abstractmethod
    def _insert(self, target: Target, rows: Sequence[tuple[Row, str]], stamp: Stamp) -> None:
        """Add rows with their hashes; none of them exists."""

    @abstractmethod
    def _update(self, target: Target, rows: Sequence[tuple[Row, str, RowId]], stamp: Stamp) -> None:
        """Rewrite rows with their new hashes, alive."""
