"""Destination tables in SQLite: schema_table, values stored so that they come back exactly and sort."""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any

import orjson
from django.db import OperationalError, transaction

from connections.sdk.declare import Column, ColumnType, Key, Table
from syncruns.engine.transform import Row
from syncruns.engine.values import spell_decimal
from syncruns.engine.warehouse.base import Warehouse
from syncruns.engine.warehouse.shape import Lack, Shape, identifier, indexes_of, names, quote
from syncruns.engine.warehouse.tables import BESIDE, SORTED_LETTERS, TooLong
from syncruns.engine.warehouse.target import (
    ColumnEncoder,
    Encoder,
    RowId,
    Stamp,
    StoredKey,
    Target,
    iso_texts,
    unchanged,
)

LOOK_STEPS = 20_000  # of SQLite's machine between two looks at the clock, well under a millisecond
LONG_SECONDS = 0.1  # of one write transaction, while a load goes on
FIRST_ROWS, FEWEST_ROWS = 250, 100  # of one transaction: before it is known how long they take; however long they take
MOST_VALUES = 900  # of one statement: every SQLite takes 999
EXACT_DIGITS = 15  # what SQLite keeps of a decimal as a number; wider ones are text
# Names chosen for the affinity SQLite derives from them, and for the converters Django registers (bool, date,
# timestamp), so that plain SQL reads the same Python types as on PostgreSQL.
TYPES: dict[ColumnType, str] = {
    "text": "text",
    "integer": "bigint",
    "boolean": "bool",
    "date": "date",
    "timestamp": "timestamp",
    "json": "json_text",
}
_COLUMN_TYPES = {name: kind for kind, name in TYPES.items()}
_DECIMAL = re.compile(r"decimal(?:_text)?\((\d+),(\d+)\)")
OWN_COLUMNS = (
    Column("_connection_id", "integer"),
    Column("_run_id"),
    Column("_changed_at", "timestamp"),
    Column("_hash"),
    Column("_deleted_at", "timestamp"),
)


class SqliteWarehouse(Warehouse):
    """Tables named schema_table."""

    row_id = "_rowid_"
    like = "LIKE"
    rows_at_once = 2000  # at most: everybody else, people who click too, waits while they are written
    divides_pages = True
    writes_alone = True

    def __init__(self, using: str, beside: int | None = None) -> None:
        super().__init__(using, beside)
        self._most_rows = self.rows_at_once
        self.rows_at_once = min(self._most_rows, FIRST_ROWS)

    def took(self, seconds: float) -> None:
        """Write less at once while that keeps others waiting, as wide rows or a busy machine may, or more again."""
        if seconds > LONG_SECONDS:
            self.rows_at_once = max(min(self._most_rows, FEWEST_ROWS), self.rows_at_once // 2)
        elif seconds < LONG_SECONDS / 4:
            self.rows_at_once = min(self._most_rows, self.rows_at_once * 2)

    def _physical(self, schema: str, name: str) -> str:
        return identifier(f"{self._beside}{schema}_{name}")

    def _place(self, schema: str, physical: str) -> str:
        return quote(physical)

    def _shapes(self, schema: str, tables: Sequence[Table]) -> dict[str, Shape]:
        declared = {self._physical(schema, table.name): table.name for table in tables}
        columns: dict[str, dict[str, Column]] = {}
        keys: dict[str, set[str]] = {}
        indexes: dict[str, set[str]] = {}
        marks: dict[str, frozenset[int]] = {}
        wanted = orjson.dumps(list(declared)).decode()
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT m.name, c.name, c.type, c.pk > 0, (SELECT schema_version FROM pragma_schema_version)"
                " FROM sqlite_master AS m CROSS JOIN pragma_table_info(m.name) AS c"
                " WHERE m.type = 'table' AND m.name IN (SELECT value FROM json_each(%s))"
                " UNION ALL SELECT m.tbl_name, m.name, NULL, NULL, NULL FROM sqlite_master AS m"
                " WHERE m.type = 'index' AND m.tbl_name IN (SELECT value FROM json_each(%s))",
                [wanted, wanted],
            )
            for table, name, type_name, in_key, version in cursor.fetchall():
                if type_name is None:
                    indexes.setdefault(declared[table], set()).add(name)
                    continue
                columns.setdefault(declared[table], {})[name] = _column(name, type_name)
                keys.setdefault(declared[table], set()).update([name] if in_key else [])
                marks[declared[table]] = frozenset([version])
        return {
            table: Shape(columns[table], frozenset(keys[table]), frozenset(indexes.get(table, ())), marks[table])
            for table in columns
        }

    def _index_name(self, schema: str, index: str) -> str:
        return f"{self._beside}{schema}_{index}"

    def _tables_beside(self, schema: str) -> list[str]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND instr(name, %s) = 1",
                [f"{self._beside}{schema}_"],
            )
            return [row[0] for row in cursor.fetchall()]

    def _loaded_tables(self, schema: str) -> list[str]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c"
                " WHERE m.type = 'table' AND c.name = '_connection_id' AND instr(m.name, %s) = 1 ORDER BY 1",
                [f"{schema}_"],
            )
            return [row[0].removeprefix(f"{schema}_") for row in cursor.fetchall()]

    def everywhere(self) -> list[tuple[str, str]]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c"
                " WHERE m.type = 'table' AND c.name = '_connection_id' AND instr(m.name, %s) != 1 ORDER BY 1",
                [BESIDE],
            )
            found = [row[0].partition("_") for row in cursor.fetchall()]  # put together again by place()
        return [(schema, name) for schema, _line, name in found]

    def _alone(self) -> AbstractContextManager[None]:
        # transaction_mode is IMMEDIATE: the first to begin is the only one to write.
        return transaction.atomic(using=self.using)

    def _hold(self, schema: str, tables: Sequence[Table]) -> frozenset[Any]:
        with self._cursor() as cursor:
            return frozenset(cursor.execute("PRAGMA schema_version").fetchone())  # nobody else writes meanwhile

    def _make_up(self, schema: str, lack: Lack) -> None:
        table, name = lack.table, self._name(schema, lack.table.name)
        if lack.shape is None:
            self._create(name, table, [*OWN_COLUMNS, *table.columns])
        with self._cursor() as cursor:
            for column in lack.added:
                cursor.execute(f"ALTER TABLE {name} ADD COLUMN {quote(column.name)} {_type(column)}", ())
        if lack.widened:
            self._rebuild(schema, lack)
        every = {self._index_name(schema, index): columns for index, columns in indexes_of(table).items()}
        self._add_indexes(schema, table, every if lack.widened else lack.indexes)

    def _create(self, name: str, table: Table, columns: Sequence[Column]) -> None:
        key = ["_connection_id", *map(identifier, table.key)]
        parts = [
            f"{quote(column.name)} {_type(column)}{' NOT NULL' if identifier(column.name) in key else ''}"
            for column in columns
        ]
        with self._cursor() as cursor:
            cursor.execute(f"CREATE TABLE {name} ({', '.join(parts)}, PRIMARY KEY ({names(key)}))", ())

    def _rebuild(self, schema: str, lack: Lack) -> None:
        """Copy the table into one with wider columns: SQLite alters no type."""
        standing = self._shapes(schema, [lack.table])[lack.table.name]
        wider = {before.name: (before, after) for before, after in lack.widened}
        columns = [wider[name][1] if name in wider else column for name, column in standing.columns.items()]
        values = [_converted(*wider[name]) if name in wider else quote(name) for name in standing.columns]
        name, interim = self._name(schema, lack.table.name), quote("_wider")
        self._create(interim, lack.table, columns)
        with self._cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {interim} ({names(list(standing.columns))}) SELECT {', '.join(values)} FROM {name}", ()
            )
            cursor.execute(f"DROP TABLE {name}", ())
            cursor.execute(f"ALTER TABLE {interim} RENAME TO {name}", ())

    def _encoder(self, declared: Column, actual: Column) -> Encoder:
        if declared.type == "decimal":
            return spell_decimal
        if declared.type == "boolean":
            return int
        if declared.type == "timestamp":
            return utc_text
        if declared.type == "date":
            return _midnight if actual.type == "timestamp" else date.isoformat
        return _same

    def _column_encoder(self, declared: Column, actual: Column) -> ColumnEncoder:
        if self._encoder(declared, actual) is _same:
            return unchanged
        if declared.type == "timestamp":
            return _utc_texts
        return super()._column_encoder(declared, actual)

    def _moment(self, value: datetime) -> str:
        return utc_text(value)

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
        wanted, parts = _listed(zip(*keys, strict=True) if are_stored else target.encoded_keys(columns, keys))
        same = " AND ".join(f"t.{quote(name)} = k.c{position}" for position, name in enumerate(columns))
        # CROSS JOIN keeps SQLite from reading the table first; one index probe a key.
        sql = f"""
            SELECT {select} FROM (SELECT key AS n, {parts}) AS k
            CROSS JOIN {target.name} AS t WHERE t._connection_id = %s AND {same}
        """
        with self._cursor() as cursor:
            cursor.execute(sql, [wanted, connection_id])
            yield from cursor.fetchall()

    def key_text(self, columns: Sequence[str]) -> str:
        return f"json_array({', '.join(f't.{quote(name)}' for name in columns)})"

    def digest_of(self, text: str) -> str:
        return f"SHA256({text})"  # Django's

    def placeholder(self, column: Column) -> str:
        return "%s"

    def comparable(self, column: Column, expression: str) -> str:
        if column.type == "text":
            return f"substr({expression}, 1, {SORTED_LETTERS})"
        is_text = column.type == "decimal" and (column.precision or 0) > EXACT_DIGITS
        return f"CAST({expression} AS real)" if is_text else expression

    def estimate(self, schema: str, name: str) -> int | None:
        found = self.select(f"SELECT max(_rowid_) FROM {self._name(schema, name)}", ())
        return found[0][0] or 0

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        self._connection.ensure_connection()
        until = time.monotonic() + seconds
        self._connection.connection.set_progress_handler(lambda: time.monotonic() > until, LOOK_STEPS)
        try:
            yield
        except OperationalError as error:
            if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise TooLong from None
            raise
        finally:
            self._connection.connection.set_progress_handler(None, 0)

    def _analyze(self, name: str) -> None:
        """Do nothing: SQLite goes by indexes."""

    def _index_met(self, name: str, parts: int) -> None:
        """Do nothing: the table is its own index."""

    def _create_met(self, name: str, target: Target) -> None:
        key = target.table.key
        columns = ", ".join(f"c{place} {_type(target.actual(column))}" for place, column in enumerate(key))
        parts = ", ".join(f"c{place}" for place in range(len(key)))
        with self._cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns}, PRIMARY KEY ({parts})) WITHOUT ROWID", ())

    def _add_met(self, name: str, target: Target, keys: Sequence[Key]) -> None:
        met, parts = _listed(target.encoded_keys(target.table.key, keys))
        with self._cursor() as cursor:
            cursor.execute(f"INSERT OR IGNORE INTO {name} SELECT {parts}", [met])

    def _unlike(self, target: Target, keys: Sequence[Key]) -> tuple[str, Sequence[Any]]:
        key = target.table.key
        met, parts = _listed(target.encoded_keys(key, keys))
        return f"({', '.join(f't.{quote(column)}' for column in key)}) NOT IN (SELECT {parts})", [met]

    def _among(self, ids: Sequence[RowId]) -> tuple[str, Any]:
        return "_rowid_ IN (SELECT value FROM json_each(%s))", orjson.dumps(ids).decode()

    def _insert(self, target: Target, rows: Sequence[tuple[Row, str]], stamp: Stamp) -> None:
        self._put(target, rows, stamp)

    def _update(self, target: Target, rows: Sequence[tuple[Row, str, RowId]], stamp: Stamp) -> None:
        self._put(target, [(row, digest) for row, digest, _id in rows], stamp)

    def _put(self, target: Target, rows: Sequence[tuple[Row, str]], stamp: Stamp) -> None:
        """Write many rows with one statement: after each, this thread may have to wait for the one that reads."""
        key = ["_connection_id", *target.table.key]
        columns = [*(own.name for own in OWN_COLUMNS), *(column.name for column in target.table.columns)]
        sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in columns if name not in key)
        places = f"({', '.join(['%s'] * len(columns))})"
        begin = (stamp.connection_id, stamp.run_id, utc_text(stamp.now))
        encoded = zip(*target.encoded([row for row, _digest in rows]), strict=True)
        values = [(*begin, digest, None, *row) for (_row, digest), row in zip(rows, encoded, strict=True)]
        together = max(1, MOST_VALUES // len(columns))
        whole = len(values) - len(values) % together
        parts = [tuple(chain.from_iterable(values[at : at + together])) for at in range(0, whole, together)]
        with self._cursor() as cursor:
            for size, given in ((together, parts), (1, values[whole:])):
                if given:
                    cursor.executemany(
                        f"INSERT INTO {target.name} ({names(columns)}) VALUES {', '.join([places] * size)}"
                        f" ON CONFLICT ({names(key)}) DO UPDATE SET {sets}",
                        given,
                    )


def utc_text(moment: datetime) -> str:
    """Return the moment as text of fixed width, in UTC, that sorts as moments do."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")


def _utc_texts(moments: Sequence[datetime | None]) -> list[str | None]:
    """Return moments in UTC as utc_text does each."""
    return [text and f"{text[:10]} {text[11:19]}{text[19:-6] or '.000000'}+00:00" for text in iso_texts(moments)]


def _listed(columns: Iterable[Sequence[Any]]) -> tuple[str, str]:
    """Return columns as JSON, and what to SELECT from it, with %s for it: c0, c1..., a row for each place."""
    first, *others = columns
    if not others:  # read without taking each apart
        return orjson.dumps(first).decode(), "value AS c0 FROM json_each(%s)"
    parts = [f"json_extract(value, '$[{place}]') AS c{place}" for place in range(1 + len(others))]
    return orjson.dumps(list(zip(first, *others, strict=True))).decode(), f"{', '.join(parts)} FROM json_each(%s)"


def _type(column: Column) -> str:
    if column.type == "decimal":
        kind = "decimal_text" if (column.precision or 0) > EXACT_DIGITS else "decimal"
        return f"{kind}({column.precision},{column.scale})"
    return TYPES[column.type]


def _column(name: str, type_name: str) -> Column:
    if number := _DECIMAL.fullmatch(type_name):
        return Column(name, "decimal", precision=int(number[1]), scale=int(number[2]))
    return Column(name, _COLUMN_TYPES.get(type_name, "text"))


def _converted(before: Column, after: Column) -> str:
    """Return the expression that makes a stored value one of the wider column."""
    old = quote(before.name)
    if before.type == "date":
        return f"{old} || ' 00:00:00.000000+00:00'"
    if before.type == "decimal" and _type(after).startswith(("text", "decimal_text")):
        digits = f"rtrim(rtrim(printf('%%.{before.scale}f', {old}), '0'), '.')"
        return f"CASE typeof({old}) WHEN 'real' THEN {digits} ELSE CAST({old} AS text) END"
    return old


def _midnight(day: date) -> str:
    return utc_text(datetime.combine(day, datetime.min.time(), UTC))


def _same(value: Any) -> Any:
    return value
