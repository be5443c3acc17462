"""A destination for tests: loads records as a run does and reads the tables back by plain SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from connections.sdk.declare import Column, Page, Stream, Table
from syncruns.engine.transform import Row, Typed, to_rows
from syncruns.engine.warehouse import Counts, warehouse
from syncruns.engine.warehouse.shape import quote

RUN = "0f8fad5b-d9cb-469f-a165-70867728950e"
LATER_RUN = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class Destination:
    """A stream's tables in one schema, prepared. connection_id is the one it loads for until changed."""

    def __init__(self, *tables: Table, schema: str = "shop") -> None:
        self.schema = schema
        self.stream = Stream(key="all", label="All", tables=tables)
        self.warehouse = warehouse()
        self.connection_id = 1
        self.warehouse.prepare(schema, tables)

    def load(
        self,
        rows: Mapping[str, Sequence[Mapping[str, Any]]],
        deletes: Mapping[str, Sequence[tuple[Any, ...]]] | None = None,
        *,
        run: str = RUN,
    ) -> Counts:
        """Type and load one page."""
        return self.load_page(Page(rows=rows, deletes=deletes or {}), run=run)

    def load_page(self, page: Page, *, run: str = RUN) -> Counts:
        return self.load_typed(to_rows(page, self.stream), run=run)

    def load_typed(self, typed: Typed, *, run: str = RUN) -> Counts:
        stamp: dict[str, Any] = {"connection_id": self.connection_id, "run_id": run, "now": NOW}
        counts = Counts()
        with transaction.atomic():
            self.warehouse.hold(self.schema, self.stream.tables)
            for table in self.stream.tables:
                loaded = typed.rows.get(table.name, [])
                if table.name in typed.sets:
                    counts += self.warehouse.replace_sets(
                        self.schema, table, loaded, typed.sets[table.name], typed.incomplete[table.name],
                        spared=list(typed.rejected.get(table.name, ())), tables=self.stream.tables, **stamp,
                    )  # fmt: skip
                else:
                    counts += self.warehouse.load(self.schema, table, loaded, **stamp)
            for name, keys in typed.deletes.items():
                table = self.stream.table(name)
                deleted = self.warehouse.delete(self.schema, table, keys, self.stream.tables, **stamp)
                counts += Counts(deleted=deleted)
        return counts

    def live(self, name: str) -> list[Row]:
        """Return the connection's live rows as transform gives them, in key order."""
        table = self.stream.table(name)
        columns = [column.name for column in table.columns]
        found = self.select(name, columns, "_connection_id = %s AND _deleted_at IS NULL", [self.connection_id])
        rows = [tuple(map(read_back, table.columns, row)) for row in found]
        positions = [columns.index(part) for part in table.key]
        return sorted(rows, key=lambda row: [row[position] for position in positions])

    def select(
        self, name: str, columns: Sequence[str], where: str = "1 = 1", values: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Read columns of a table as the database gives them."""
        found = f"SELECT {', '.join(map(quote, columns))} FROM {self.place(name)} WHERE {where}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(found, values)
            return [tuple(row) for row in cursor.fetchall()]

    def place(self, name: str) -> str:
        if connection.vendor == "postgresql":
            return f"{quote(self.schema)}.{quote(name)}"
        return quote(f"{self.schema}_{name}")

    def traces(self, name: str) -> Any:
        """Return something that changes with any write to the table."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # ctid and xmin tell new versions, xmax tells locks.
                cursor.execute(f"SELECT ctid::text, xmin::text, xmax::text FROM {self.place(name)} ORDER BY 1")  # noqa: S608
                return cursor.fetchall()
        connection.ensure_connection()
        return connection.connection.total_changes


def read_back(column: Column, value: Any) -> Any:
    """Return what the database gave as the value that transform gave."""
    if value is None:
        return None
    if column.type == "decimal":
        return Decimal(str(value))
    if column.type == "json":
        return json.loads(value, parse_float=Decimal)
    expected = {"text": str, "integer": int, "boolean": bool, "date": date, "timestamp": datetime}[column.type]
    assert type(value) is expected, f"{column.name}: {value!r}"
    return value
