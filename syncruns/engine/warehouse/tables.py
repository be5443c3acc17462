"""The typed tables of one database: made to hold what is declared, altered, counted, emptied."""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import NoneType
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from connections.destination import table_name
from connections.sdk.declare import Column, Table
from connections.sdk.errors import SyncError
from syncruns.engine.warehouse.digest import Digests
from syncruns.engine.warehouse.shape import Evolution, Lack, Shape, identifier, indexes_of, lack, names, quote
from syncruns.engine.warehouse.target import ColumnEncoder, Encoder, RowId, Target

BESIDE = "_reset_"  # what the names of tables begin with that nobody but a reset reads
SORTED_LETTERS = 120  # a longer text is sorted by its beginning: where a page ended stands in the next one's address


class TooLong(Exception):
    """A statement took longer than whoever asked wanted to wait."""


class Tables(ABC):
    """Typed tables in one database. Database errors (django.db.Error) pass."""

    row_id: str  # the column that says where a row is
    like: str  # the operator that compares a text with a pattern, whatever its case
    is_dry = False  # rows are compared and told, never written, so tables need be no wider than it takes to find them

    def __init__(self, using: str, beside: int | None = None) -> None:
        """beside: of a connection, whose tables lie beside those that everybody reads (staging.py)."""
        self.using = using
        self._beside = f"{BESIDE}{beside}_" if beside is not None else ""
        self._targets: dict[tuple[str, Table], Target] = {}
        self._marks: dict[tuple[str, tuple[Table, ...]], frozenset[Any]] = {}  # of tables when they were bound

    def prepare(
        self, schema: str, tables: Sequence[Table], keep: Callable[[list[Evolution]], None] | None = None
    ) -> list[Evolution]:
        """Make the tables hold what is declared: create, add columns, widen types. Returns what changed.

        keep: called with what changed, in the transaction that does it.
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
            changes = [change for each in missing for change in each.evolutions()]
            if keep is not None and changes:
                keep(changes)
        self._bind(schema, tables)
        return changes

    def hold(self, schema: str, tables: Sequence[Table]) -> None:
        """Keep prepared tables as they are until the transaction ends, as somebody else may have altered them since.

        Raises SyncError("destination_failed") when they no longer hold what is declared: then prepare them again.
        """
        if not tables:
            return
        if self._hold(schema, tables) == self._marks.get((schema, tuple(tables))):
            return
        self._targets.clear()
        if self._bind(schema, tables):
            raise SyncError("destination_failed", detail="tables were altered by another process")

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
        counts = {name: self.held_rows(schema, name, connection_id) for name in self._loaded_tables(schema)}
        return {name: count for name, count in counts.items() if count}

    def held_rows(self, schema: str, name: str, connection_id: int) -> int:
        """Return how many rows the connection has in a standing table, deleted ones too."""
        sql = f"SELECT count(*) FROM {self._name(schema, name)} WHERE _connection_id = %s"
        return int(self.select(sql, [connection_id])[0][0])

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

    def drop_beside(self, schema: str, names: Sequence[str] | None = None) -> None:
        """Drop the tables beside those that everybody reads: of these declared names, or all of the connection's."""
        found = set(self._tables_beside(schema))
        wanted = found if names is None else {self._physical(schema, name) for name in names} & found
        with self._cursor() as cursor:
            for name in sorted(wanted):
                cursor.execute(f"DROP TABLE {self._place(schema, name)}", ())
        self._targets.clear()

    def drop_older(self, schema: str, table: Table, connection_id: int, before: datetime, limit: int) -> int:
        """Remove up to limit of the connection's rows whose table.aged_by is before a moment; return how many."""
        target = self.bound(schema, table)
        if target is None:
            return 0
        column, moment = quote(table.aged_by), target.encoder(table.aged_by)(before)
        with self._cursor() as cursor:
            cursor.execute(
                f"SELECT {self.row_id} FROM {target.name} WHERE {column} < %s AND _connection_id = %s LIMIT %s",
                [moment, connection_id, limit],
            )
            condition, value = self._among([row[0] for row in cursor.fetchall()])
            cursor.execute(f"DELETE FROM {target.name} AS t WHERE {condition}", [value])
            return int(cursor.rowcount)

    # Looking at tables, declared or not

    def standing(self, schema: str) -> list[str]:
        """Return the names of the schema's tables that Sincro made, as the database has them, without the schema."""
        return self._loaded_tables(schema)

    @abstractmethod
    def everywhere(self) -> list[tuple[str, str]]:
        """Return schema and name, such as place() takes, of every table that Sincro made, whatever the schema."""

    def shape(self, schema: str, name: str) -> Shape | None:
        """Return a table as it stands; None when there is none."""
        return self._shapes(schema, [Table(name, (Column("key"),), ("key",))]).get(name)

    def place(self, schema: str, name: str) -> str:
        """Return a table's quoted name."""
        return self._name(schema, name)

    def encoder(self, column: Column) -> Encoder:
        """Return the function that makes a typed value a parameter, for a column as it stands."""
        return self._encoder(column, column)

    def select(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement that reads; return all it found."""
        with self._cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    # Binding declarations to tables

    def _bind(self, schema: str, tables: Sequence[Table]) -> list[Lack]:
        """Keep the targets of tables that hold what is declared; return what the others lack."""
        shapes = self._shapes(schema, tables)
        missing = []
        for table in tables:
            shape = shapes.get(table.name)
            named = {self._index_name(schema, index): columns for index, columns in indexes_of(table).items()}
            found = lack(table, shape, table_name(schema, table.name), named)
            serves = found.finds_rows if self.is_dry else found.holds_rows
            if found and not (self.is_dry and serves):
                missing.append(found)
            if shape is None or not serves:
                continue
            pairs = [(column, shape.columns.get(identifier(column.name), column)) for column in table.columns]
            self._targets[schema, table] = Target(
                schema=schema,
                table=table,
                shape=shape,
                name=self._name(schema, table.name),
                encoders=[self._encoder(*pair) for pair in pairs],
                column_encoders=[self._column_encoder(*pair) for pair in pairs],
                digests=Digests(table),
            )
        if not missing:
            marks = [shapes[table.name].mark for table in tables]
            self._marks[schema, tuple(tables)] = frozenset().union(*marks)
        return missing

    def bound(self, schema: str, table: Table) -> Target | None:
        """Return the table bound to the one that stands; None when that lacks what is declared."""
        if (schema, table) not in self._targets:
            self._bind(schema, [table])
        return self._targets.get((schema, table))

    def _target(self, schema: str, table: Table) -> Target:
        target = self.bound(schema, table)
        if target is None:
            raise LookupError(f"{schema}.{table.name} is not prepared")
        return target

    @property
    def _connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    def _cursor(self) -> CursorWrapper:
        return self._connection.cursor()

    # The dialect

    @abstractmethod
    def placeholder(self, column: Column) -> str:
        """Return the placeholder of an encoded value that a standing column is compared with."""

    @abstractmethod
    def comparable(self, column: Column, expression: str) -> str:
        """Return an expression of a standing column's value that sorts as the values do."""

    @abstractmethod
    def estimate(self, schema: str, name: str) -> int | None:
        """Return about how many rows a table has, at once and whatever its size; None when nobody knows."""

    @abstractmethod
    def limited(self, seconds: float) -> AbstractContextManager[None]:
        """Let statements run so long at the most: then TooLong is raised. Not within a transaction."""

    def _name(self, schema: str, name: str) -> str:
        """Return the table's quoted name."""
        return self._place(schema, self._physical(schema, name))

    @abstractmethod
    def _physical(self, schema: str, name: str) -> str:
        """Return what the database calls a declared table."""

    @abstractmethod
    def _place(self, schema: str, physical: str) -> str:
        """Return a table's quoted name by what the database calls it."""

    @abstractmethod
    def _tables_beside(self, schema: str) -> list[str]:
        """Return what the database calls the connection's tables that lie beside."""

    @abstractmethod
    def _shapes(self, schema: str, tables: Sequence[Table]) -> dict[str, Shape]:
        """Return the tables that exist, by declared name, with one query."""

    @abstractmethod
    def _index_name(self, schema: str, index: str) -> str:
        """Return what the index of a table is called in the database."""

    def _add_indexes(self, schema: str, table: Table, indexes: Mapping[str, Sequence[str]]) -> None:
        """Create indexes of a table, by their names in the database."""
        with self._cursor() as cursor:
            for name, columns in indexes.items():
                place = self._name(schema, table.name)
                cursor.execute(f"CREATE INDEX {quote(name)} ON {place} ({names(columns)})", ())

    @abstractmethod
    def _loaded_tables(self, schema: str) -> list[str]:
        """Return the names of the tables of the schema that Sincro made, without the schema."""

    @abstractmethod
    def _alone(self) -> AbstractContextManager[None]:
        """Open a transaction in which no other process alters destination tables."""

    @abstractmethod
    def _hold(self, schema: str, tables: Sequence[Table]) -> frozenset[Any]:
        """Let nobody alter tables until the transaction ends; return what is another value once somebody has.

        While nobody does it is what the tables' shapes have for marks, together.
        """

    @abstractmethod
    def _make_up(self, schema: str, lack: Lack) -> None:
        """Create or alter a table."""

    @abstractmethod
    def _among(self, ids: Sequence[RowId]) -> tuple[str, Any]:
        """Return the condition that a row is one of ids, and its parameter."""

    @abstractmethod
    def _encoder(self, declared: Column, actual: Column) -> Encoder:
        """Return the function that makes a declared value what the actual column takes."""

    def _column_encoder(self, declared: Column, actual: Column) -> ColumnEncoder:
        """Return the function that does as _encoder's with many values at once."""
        encode = self._encoder(declared, actual)

        def encode_all(values: Sequence[Any]) -> Sequence[Any]:
            if NoneType in set(map(type, values)):
                return [None if value is None else encode(value) for value in values]
            return list(map(encode, values))

        return encode_all
