"""Destination tables in PostgreSQL: a schema per connector, COPY for new rows, one UPDATE for changed ones."""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import DatabaseError, OperationalError, transaction
from psycopg2.errors import QueryCanceled

from connections.sdk.declare import Column, ColumnType, Key, Table
from syncruns.engine.transform import Row
from syncruns.engine.values import spell_decimal
from syncruns.engine.warehouse.base import Warehouse
from syncruns.engine.warehouse.shape import Lack, Shape, identifier, names, quote
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

ALTERATION_LOCK = 7_311_045_211_908  # an arbitrary number that nothing else locks
TYPES: dict[ColumnType, str] = {
    "text": "text",
    "integer": "bigint",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp with time zone",
    "json": "jsonb",
}
_COLUMN_TYPES = {name: kind for kind, name in TYPES.items()}
_SPECIAL = re.compile(r"[\\\t\n\r]")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
OWN_COLUMNS = """
    _connection_id bigint NOT NULL, _run_id uuid NOT NULL, _changed_at timestamp with time zone NOT NULL,
    _hash text NOT NULL, _deleted_at timestamp with time zone
"""
SHAPES = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = ANY(i.indkey), false),
        CASE WHEN a.attnum = 1 THEN ARRAY(
            SELECT ic.relname::text FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid WHERE x.indrelid = c.oid
        ) END,
        (a.attrelid, a.attname, a.atttypid, a.atttypmod)::text
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE n.nspname = %s AND c.relname = ANY(%s) AND c.relkind IN ('r', 'p')
    ORDER BY c.relname, a.attnum
"""
MARK = """
    SELECT (attrelid, attname, atttypid, atttypmod)::text FROM pg_attribute
    WHERE attrelid = ANY(%s::regclass[]) AND attnum > 0 AND NOT attisdropped
"""


class PostgresWarehouse(Warehouse):
    """Tables named schema.table."""

    row_id = "ctid"
    like = "ILIKE"

    def _physical(self, schema: str, name: str) -> str:
        return identifier(self._beside + name)

    def _place(self, schema: str, physical: str) -> str:
        return f"{quote(schema)}.{quote(physical)}"

    def _shapes(self, schema: str, tables: Sequence[Table]) -> dict[str, Shape]:
        declared = {self._physical(schema, table.name): table.name for table in tables}
        columns: dict[str, dict[str, Column]] = {}
        keys: dict[str, set[str]] = {}
        indexes: dict[str, list[str]] = {}
        marks: dict[str, set[str]] = {}
        with self._cursor() as cursor:
            cursor.execute(SHAPES, [identifier(schema), list(declared)])
            for table, name, type_name, in_key, of_table, mark in cursor.fetchall():
                columns.setdefault(declared[table], {})[name] = _column(name, type_name)
                keys.setdefault(declared[table], set()).update([name] if in_key else [])
                indexes.setdefault(declared[table], []).extend(of_table or ())
                marks.setdefault(declared[table], set()).add(mark)
        return {
            table: Shape(columns[table], frozenset(keys[table]), frozenset(indexes[table]), frozenset(marks[table]))
            for table in columns
        }

    def _index_name(self, schema: str, index: str) -> str:
        return self._beside + index

    def _tables_beside(self, schema: str) -> list[str]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = %s AND c.relkind = 'r' AND starts_with(c.relname, %s)",
                [identifier(schema), self._beside],
            )
            return [row[0] for row in cursor.fetchall()]

    def _loaded_tables(self, schema: str) -> list[str]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.columns"
                " WHERE table_schema = %s AND column_name = '_connection_id' AND NOT starts_with(table_name, %s)"
                " ORDER BY 1",
                [identifier(schema), BESIDE],
            )
            return [row[0] for row in cursor.fetchall()]

    def everywhere(self) -> list[tuple[str, str]]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT table_schema, table_name FROM information_schema.columns"
                " WHERE column_name = '_connection_id' AND NOT starts_with(table_name, %s)"
                " AND NOT starts_with(table_schema, 'pg_') ORDER BY 1, 2",
                [BESIDE],
            )
            return [(schema, name) for schema, name in cursor.fetchall()]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with transaction.atomic(using=self.using), self._cursor() as cursor:
            # Another process may be rewriting a large table; its readers must not make us wait for ever.
            cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ALTERATION_LOCK])
            yield

    def _hold(self, schema: str, tables: Sequence[Table]) -> frozenset[Any]:
        places = [self._name(schema, table.name) for table in tables]
        with self._cursor() as cursor:
            # In one round trip; the lock is the one that writing takes anyway, taken in one order.
            lock = f"LOCK TABLE {', '.join(places)} IN ROW EXCLUSIVE MODE;"
            cursor.execute(lock + MARK, [[place.replace("%%", "%") for place in places]])
            return frozenset(mark for (mark,) in cursor.fetchall())

    def _make_up(self, schema: str, lack: Lack) -> None:
        table, name = lack.table, self._name(schema, lack.table.name)
        parts = [f"ADD COLUMN {quote(column.name)} {_type(column)}" for column in lack.added]
        for before, after in lack.widened:
            old = quote(before.name)
            parts.append(f"ALTER COLUMN {old} TYPE {_type(after)} USING {_converted(old, before, after)}")
        with self._cursor() as cursor:
            if lack.shape is None:
                columns = ", ".join(f"{quote(column.name)} {_type(column)}" for column in table.columns)
                key = names(["_connection_id", *table.key])
                cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}", ())
                cursor.execute(f"CREATE TABLE {name} ({OWN_COLUMNS}, {columns}, PRIMARY KEY ({key}))", ())
            elif parts:
                # One statement: a table that has to be written again is written once.
                cursor.execute(f"ALTER TABLE {name} {', '.join(parts)}", ())
        self._add_indexes(schema, table, lack.indexes)

    def _encoder(self, declared: Column, actual: Column) -> Encoder:
        """Return the function that spells a value as PostgreSQL reads it; narrower than the column is fine."""
        if declared.type == "decimal":
            return str if actual.type == "decimal" else spell_decimal
        if declared.type == "boolean":
            return {True: "t", False: "f"}.__getitem__
        if declared.type == "timestamp":
            return datetime.isoformat
        if declared.type == "date":
            return _midnight if actual.type == "timestamp" else date.isoformat
        return str

    def _column_encoder(self, declared: Column, actual: Column) -> ColumnEncoder:
        if declared.type in ("text", "json"):
            return unchanged
        if declared.type == "timestamp":
            return iso_texts
        return super()._column_encoder(declared, actual)

    def _moment(self, value: datetime) -> datetime:
        return value

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
        parts = list(map(_array, zip(*keys, strict=True) if are_stored else target.encoded_keys(columns, keys)))
        arrays = ", ".join(f"%s::{_type(target.actual(name))}[]" for name in columns)
        aliases = ", ".join(f"c{position}" for position in range(len(columns)))
        same = " AND ".join(f"{quote(name)} = k.c{position}" for position, name in enumerate(columns))
        # OFFSET 0 keeps it one index probe a key: with the statistics of a young table the planner would rather
        # read the whole of it for each page.
        sql = f"""
            SELECT {select}
            FROM (SELECT n - 1 AS n, {aliases} FROM unnest({arrays}) WITH ORDINALITY AS u({aliases}, n)) AS k
            CROSS JOIN LATERAL (
                SELECT ctid, _hash, _changed_at, _deleted_at FROM {target.name}
                WHERE _connection_id = %s AND {same} OFFSET 0
            ) AS t
        """
        with self._cursor() as cursor:
            cursor.execute(sql, [*parts, connection_id])
            yield from cursor.fetchall()

    def key_text(self, columns: Sequence[str]) -> str:
        return f"json_build_array({', '.join(f't.{quote(name)}::text' for name in columns)})::text"

    def digest_of(self, text: str) -> str:
        return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"

    def placeholder(self, column: Column) -> str:
        return f"%s::{_type(column)}"

    def comparable(self, column: Column, expression: str) -> str:
        return f"left({expression}, {SORTED_LETTERS})" if column.type == "text" else expression

    def estimate(self, schema: str, name: str) -> int | None:
        place = self._name(schema, name).replace("%%", "%")
        found = self.select("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [place])
        return found[0][0] if found and found[0][0] >= 0 else None

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        with self._cursor() as cursor:
            cursor.execute("SET statement_timeout = %s", [max(round(seconds * 1000), 1)])  # 0: no limit
        try:
            yield
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise TooLong from None
            raise
        finally:
            # Within a transaction that failed there is nothing to do: it takes the setting along.
            with suppress(DatabaseError), self._cursor() as cursor:
                cursor.execute("RESET statement_timeout", ())

    def _analyze(self, name: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(f"ANALYZE {name}", ())

    def _index_met(self, name: str, parts: int) -> None:
        columns = ", ".join(f"c{place}" for place in range(parts))
        with self._cursor() as cursor:
            cursor.execute(f"CREATE INDEX ON {name} ({columns})", ())
        self._analyze(name)

    def _create_met(self, name: str, target: Target) -> None:
        columns = ", ".join(f"{quote(column)} AS c{place}" for place, column in enumerate(target.table.key))
        with self._cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {name} AS SELECT {columns} FROM {target.name} WITH NO DATA", ())

    def _add_met(self, name: str, target: Target, keys: Sequence[Key]) -> None:
        parts = list(map(_array, target.encoded_keys(target.table.key, keys)))
        arrays = ", ".join(f"%s::{_type(target.actual(column))}[]" for column in target.table.key)
        with self._cursor() as cursor:
            cursor.execute(f"INSERT INTO {name} SELECT * FROM unnest({arrays})", parts)

    def _unlike(self, target: Target, keys: Sequence[Key]) -> tuple[str, Sequence[Any]]:
        # NOT IN is never a join, for which the planner would have to know the table: it hashes the keys.
        key = target.table.key
        arrays = ", ".join(f"%s::{_type(target.actual(column))}[]" for column in key)
        parts = list(map(_array, target.encoded_keys(key, keys)))
        return f"({', '.join(f't.{quote(column)}' for column in key)}) NOT IN (SELECT * FROM unnest({arrays}))", parts

    def _among(self, ids: Sequence[RowId]) -> tuple[str, Any]:
        return "ctid = ANY(%s::tid[])", _array(list(map(str, ids)))

    def _insert(self, target: Target, rows: Sequence[tuple[Row, str]], stamp: Stamp) -> None:
        declared = target.table.columns
        begin = f"{stamp.connection_id}\t{stamp.run_id}\t{stamp.now.isoformat()}\t"
        encoded = [
            _copied(texts, may_be_special=column.type in ("text", "json"))
            for column, texts in zip(declared, target.encoded([row for row, _digest in rows]), strict=True)
        ]
        digests = (digest for _row, digest in rows)
        lines = [begin + "\t".join(parts) + "\n" for parts in zip(digests, *encoded, strict=True)]
        columns = names(["_connection_id", "_run_id", "_changed_at", "_hash", *(column.name for column in declared)])
        copy = f"COPY {target.name} ({columns}) FROM STDIN".replace("%%", "%")  # takes no parameters
        with self._cursor() as cursor, self._connection.wrap_database_errors:
            cursor.cursor.copy_expert(copy, io.StringIO("".join(lines)))

    def _update(self, target: Target, rows: Sequence[tuple[Row, str, RowId]], stamp: Stamp) -> None:
        declared = target.table.columns
        values = list(map(_array, target.encoded([row for row, _, _ in rows])))
        arrays = ", ".join(f"%s::{_type(target.actual(column.name))}[]" for column in declared)
        aliases = ", ".join(f"c{position}" for position in range(len(declared)))
        sets = ", ".join(f"{quote(column.name)} = k.c{position}" for position, column in enumerate(declared))
        sql = f"""
            UPDATE {target.name} AS t
            SET {sets}, _hash = k.hash, _run_id = %s, _changed_at = %s, _deleted_at = NULL
            FROM unnest(%s::tid[], %s::text[], {arrays}) AS k(id, hash, {aliases})
            WHERE t.ctid = k.id
        """
        ids = _array([str(row_id) for _, _, row_id in rows])
        digests = _array([digest for _, digest, _ in rows])
        with self._cursor() as cursor:
            cursor.execute(sql, [stamp.run_id, stamp.now, ids, digests, *values])


def _type(column: Column) -> str:
    if column.type == "decimal":
        return f"numeric({column.precision},{column.scale})"
    return TYPES[column.type]


def _converted(old: str, before: Column, after: Column) -> str:
    """Return the expression that makes a stored value one of the wider column."""
    if before.type == "date":
        return f"{old}::timestamp AT TIME ZONE 'UTC'"
    if before.type == "decimal" and after.type == "text":
        return f"trim_scale({old})::text"  # as it is hashed
    return f"{old}::{_type(after)}"


def _column(name: str, type_name: str) -> Column:
    """Describe a standing column; own columns of other types count as text."""
    if number := _NUMERIC.fullmatch(type_name):
        return Column(name, "decimal", precision=int(number[1]), scale=int(number[2]))
    return Column(name, _COLUMN_TYPES.get(type_name, "text"))


def _midnight(day: date) -> str:
    return datetime.combine(day, time(), UTC).isoformat()


def _array(texts: Sequence[str | None]) -> str:
    """Return texts as one array literal: far cheaper to parse than a list of so many constants."""
    together = "".join(filter(None, texts))
    if '"' in together or "\\" in together:
        texts = [None if text is None else text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return "{" + ",".join(["NULL" if text is None else f'"{text}"' for text in texts]) + "}"


def _copied(texts: Sequence[str | None], *, may_be_special: bool) -> list[str]:
    """Return texts as COPY's text format reads them; special characters are rare."""
    if may_be_special and _SPECIAL.search("".join(filter(None, texts))):
        texts = [None if text is None else _escaped(text) for text in texts]
    return ["\\N" if text is None else text for text in texts]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
