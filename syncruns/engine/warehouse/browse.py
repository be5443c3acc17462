"""Reads rows for people: filtered, sorted by any column, page by page from where the last one ended.

Names in statements are those of columns that stand in the database; whatever a person writes is a parameter.
"""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from connections.sdk.declare import Column, Table
from syncruns.engine.values import reader
from syncruns.engine.warehouse.base import Warehouse
from syncruns.engine.warehouse.reading import read_stored
from syncruns.engine.warehouse.shape import identifier, quote

CHANGED_AT = Column("_changed_at", "timestamp")
UNSORTED = "json"  # the type that has no order
Test = Literal["equals", "contains", "at_least", "at_most", "below", "empty", "filled"]
Wanted = Literal["without", "with", "only"]  # of deleted rows
_COMPARISONS = {"equals": "=", "at_least": ">=", "at_most": "<=", "below": "<"}
_OWN = ("_connection_id", "_run_id", "_changed_at", "_deleted_at")


@dataclass(frozen=True)
class Condition:
    """One column and what is asked of it. value: typed as the column, but text for "contains"."""

    column: Column
    test: Test
    value: Any = None


@dataclass(frozen=True)
class Selection:
    """Which rows are wanted. search: a text that one of the searched columns contains; one of integers equals it."""

    connection_id: int | None = None
    run_id: UUID | None = None
    deleted: Wanted = "without"
    conditions: tuple[Condition, ...] = ()
    search: str = ""
    searched: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Order:
    """By a column, rows without a value last, and then by key; by key alone when there is no column."""

    column: Column | None = None
    descending: bool = False


Position = list[Any]  # of a row in an order: JSON values


@dataclass(frozen=True)
class StoredRow:
    """One row: values typed, in the order of the table's columns; position: where it stands in the order asked for."""

    connection_id: int
    run_id: UUID
    changed_at: datetime
    deleted_at: datetime | None
    values: tuple[Any, ...]
    position: Position = field(default_factory=list)


@dataclass(frozen=True)
class RowPage:
    """Some rows, and whether there are any before and after them."""

    rows: list[StoredRow]
    has_before: bool
    has_after: bool


@dataclass(frozen=True)
class Tally:
    """How many rows one connection has in a table, and when the last of them was written."""

    live: int
    deleted: int
    changed_at: datetime


def as_it_stands(destination: Warehouse, schema: str, name: str, declared: Table | None) -> Table | None:
    """Return the table with the columns it has in the database, of the types they have there; None: there is none.

    A column that is no longer declared comes last and counts as personal: nobody says any more what it holds.
    """
    shape = destination.shape(schema, name)
    if shape is None:
        return None
    left = {key: column for key, column in shape.columns.items() if key not in ("_hash", *_OWN)}
    columns = []
    for column in declared.columns if declared is not None else ():
        found = left.pop(identifier(column.name), None)
        if found is not None:
            columns.append(replace(column, type=found.type, precision=found.precision, scale=found.scale))
    columns += [replace(column, personal=True) for column in left.values()]
    key = declared.key if declared is not None else ()
    if {"_connection_id", *map(identifier, key)} != shape.key:
        key = tuple(column.name for column in columns if identifier(column.name) in shape.key)
    return Table(name, tuple(columns), key) if key else None


class Rows:
    """The rows of a table, as it stands, that fit a selection. Every call is one query, or one for each batch."""

    def __init__(self, destination: Warehouse, schema: str, table: Table, selection: Selection | None = None) -> None:
        self._destination = destination
        self._table = table
        self._selection = selection or Selection()
        self._from = f"FROM {destination.place(schema, table.name)} AS t"
        self._key = [table.column(name) for name in table.key]
        self._key_names = ["t._connection_id", *(f"t.{quote(column.name)}" for column in self._key)]
        # Within one connection the key alone is compared, so that an index finds where to go on.
        self._begin = 0 if self._selection.connection_id is None else 1

    def page(self, order: Order, size: int, after: Position | None = None, before: Position | None = None) -> RowPage:
        """Return the first rows in the order, or those right after or before a position."""
        backwards = before is not None
        found = self._fetch(order, size + 1, before if backwards else after, backwards=backwards)
        more = len(found) > size
        rows = found[:size]
        if backwards:
            return RowPage(rows[::-1], has_before=more, has_after=True)
        return RowPage(rows, has_before=after is not None, has_after=more)

    def batches(self, size: int) -> Iterator[list[StoredRow]]:
        """Yield all rows by key; those written meanwhile are seen or not, and none is seen twice."""
        last: Position | None = None
        while True:
            rows = self._fetch(Order(), size, last)
            if rows:
                yield rows
            if len(rows) < size:
                return
            last = rows[-1].position

    def count(self, most: int) -> int:
        """Return how many rows there are, at the most so many."""
        where, values = self._where()
        sql = f"SELECT count(*) FROM (SELECT 1 {self._from}{where} LIMIT {int(most)}) AS fitting"
        return int(self._run(sql, values)[0][0])

    def tallies(self) -> dict[int, Tally]:
        """Return connection id -> its rows, whatever the selection."""
        found = self._run(
            "SELECT t._connection_id, count(*) - count(t._deleted_at), count(t._deleted_at), max(t._changed_at)"
            f" {self._from} GROUP BY t._connection_id",
            [],
        )
        return {one: Tally(live, deleted, _aware(changed)) for one, live, deleted, changed in found}

    def at(self, connection_id: int, key: Sequence[Any]) -> StoredRow | None:
        """Return the row with a typed key, deleted or not, whatever the selection."""
        same = " AND ".join(f"{name} = {place}" for name, place in zip(self._key_names, self._key_places, strict=True))
        values = [connection_id, *(self._encoded(column, part) for column, part in zip(self._key, key, strict=True))]
        found = self._run(f"SELECT {self._columns} {self._from} WHERE {same}", values)
        return self._typed(found[0], Order()) if found else None

    # Statements

    @property
    def _columns(self) -> str:
        return ", ".join(f"t.{quote(name)}" for name in (*_OWN, *(column.name for column in self._table.columns)))

    @property
    def _key_places(self) -> list[str]:
        return ["%s", *(self._destination.placeholder(column) for column in self._key)]

    def _fetch(self, order: Order, limit: int, position: Position | None, backwards: bool = False) -> list[StoredRow]:
        where, values = self._where()
        if position is not None:
            beyond, more = self._beyond(order, position, backwards)
            where, values = f"{where} AND {beyond}" if where else f" WHERE {beyond}", [*values, *more]
        sort = f", {self._sorted(order.column)}" if self._by_column(order) else ""
        sql = f"SELECT {self._columns}{sort} {self._from}{where} ORDER BY {self._by(order, backwards)} LIMIT {limit}"
        return [self._typed(row, order) for row in self._run(sql, values)]

    def _by_column(self, order: Order) -> bool:
        """Say whether the order needs more than the key: within a connection its first column is the key's order."""
        if order.column is None:
            return False
        return self._selection.connection_id is None or order.column.name != self._table.key[0]

    def _sorted(self, column: Column | None) -> str:
        assert column is not None  # noqa: S101 - asked for only when an order has one
        return self._destination.comparable(column, f"t.{quote(column.name)}")

    def _by(self, order: Order, backwards: bool) -> str:
        if not self._by_column(order):
            turn = " DESC" if order.descending != backwards else ""
            return ", ".join(f"{name}{turn}" for name in self._key_names[self._begin :])
        sort, turn = self._sorted(order.column), " DESC" if backwards else ""
        column_turn = " DESC" if order.descending != backwards else ""
        keys = ", ".join(f"{name}{turn}" for name in self._key_names[self._begin :])
        return f"({sort} IS NULL){turn}, {sort}{column_turn}, {keys}"

    def _beyond(self, order: Order, position: Position, backwards: bool) -> tuple[str, list[Any]]:
        """Return the condition that a row comes after a position, or before it, and its parameters."""
        keys, places = ", ".join(self._key_names[self._begin :]), ", ".join(self._key_places[self._begin :])
        if not self._by_column(order):
            turn = "<" if order.descending != backwards else ">"
            return f"({keys}) {turn} ({places})", position[self._begin :]
        assert order.column is not None  # noqa: S101 - as _by_column says
        sort, value, key = self._sorted(order.column), position[0], position[1 + self._begin :]
        place = self._destination.comparable(order.column, self._destination.placeholder(order.column))
        tie = f"({keys}) {'<' if backwards else '>'} ({places})"
        if value is None:
            return f"({sort} IS NOT NULL OR {tie})" if backwards else f"({sort} IS NULL AND {tie})", key
        further = f"{sort} {'<' if order.descending != backwards else '>'} {place}"
        nulls = "" if backwards else f" OR {sort} IS NULL"
        return f"({further} OR ({sort} = {place} AND {tie}){nulls})", [value, value, *key]

    def _where(self) -> tuple[str, list[Any]]:
        wanted, parts, values = self._selection, list[str](), list[Any]()
        if wanted.connection_id is not None:
            parts.append("t._connection_id = %s")
            values.append(wanted.connection_id)
        if wanted.run_id is not None:
            parts.append("t._run_id = %s")
            values.append(str(wanted.run_id))
        if wanted.deleted != "with":
            parts.append(f"t._deleted_at IS {'NOT ' if wanted.deleted == 'only' else ''}NULL")
        for condition in wanted.conditions:
            sql, more = self._condition(condition)
            parts.append(sql)
            values += more
        if wanted.search:
            number = _integer(wanted.search)
            searched = [column for column in wanted.searched if column.type == "text" or number is not None]
            choices = [self._found(column, wanted.search) for column in searched]
            parts.append(f"({' OR '.join(sql for sql, _more in choices) or '1 = 0'})")
            values += [value for _sql, more in choices for value in more]
        return (f" WHERE {' AND '.join(parts)}" if parts else ""), values

    def _condition(self, condition: Condition) -> tuple[str, list[Any]]:
        column, name = condition.column, f"t.{quote(condition.column.name)}"
        match condition.test:
            case "empty":
                return f"({name} IS NULL OR {name} = '')" if column.type == "text" else f"{name} IS NULL", []
            case "filled":
                return f"{name} <> ''" if column.type == "text" else f"{name} IS NOT NULL", []
            case "contains":
                return self._contains(name if column.type == "text" else f"CAST({name} AS text)", condition.value)
        same = self._destination.placeholder(column)
        if condition.test != "equals":
            name, same = (self._destination.comparable(column, sql) for sql in (name, same))
        return f"{name} {_COMPARISONS[condition.test]} {same}", [self._encoded(column, condition.value)]

    def _found(self, column: Column, text: str) -> tuple[str, list[Any]]:
        if column.type == "text":
            return self._contains(f"t.{quote(column.name)}", text)
        return f"t.{quote(column.name)} = %s", [int(text)]

    def _contains(self, name: str, text: str) -> tuple[str, list[Any]]:
        patterns = [f"%{_escaped(each)}%" for each in _spellings(text)]
        like = f"{name} {self._destination.like} %s ESCAPE '\\'"
        return f"({' OR '.join([like] * len(patterns))})", patterns

    # Values

    def _run(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._destination.select(sql, values)

    def _encoded(self, column: Column, value: Any) -> Any:
        return self._destination.encoder(column)(reader(column)(value))

    def _typed(self, row: Sequence[Any], order: Order) -> StoredRow:
        connection_id, run_id, changed_at, deleted_at, *rest = row
        columns = self._table.columns
        values = tuple(map(read_stored, columns, rest[: len(columns)]))
        known = dict(zip((column.name for column in columns), values, strict=True))
        position = [connection_id, *(self._encoded(column, known[column.name]) for column in self._key)]
        if self._by_column(order):
            position.insert(0, self._sort_value(order, rest[len(columns)]))
        return StoredRow(
            connection_id=connection_id,
            run_id=run_id if isinstance(run_id, UUID) else UUID(run_id),
            changed_at=_aware(changed_at),
            deleted_at=_aware(deleted_at) if deleted_at is not None else None,
            values=values,
            position=position,
        )

    def _sort_value(self, order: Order, value: Any) -> Any:
        """Return what the column is compared with; what stands for its value in comparisons is so already."""
        assert order.column is not None  # noqa: S101 - as _by_column says
        if value is None or self._destination.comparable(order.column, "") != "":
            return value
        return self._encoded(order.column, read_stored(order.column, value))


def _aware(moment: Any) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.fromisoformat(moment).astimezone(UTC)


def _integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _spellings(text: str) -> list[str]:
    """Return a text in the cases that a database may not know to be alike: letters with accents."""
    return [text] if text.isascii() else list(dict.fromkeys([text, text.lower(), text.upper(), text.capitalize()]))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
