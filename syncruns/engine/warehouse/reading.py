"""Reads rows back as transform typed them: in batches by key, and under conditions that a declaration can say."""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connections

from connections.sdk.declare import Column, Table, Within
from syncruns.engine.values import reader
from syncruns.engine.warehouse.base import Warehouse
from syncruns.engine.warehouse.shape import quote
from syncruns.engine.warehouse.target import Target

BATCH = 1000


def rows_in_batches(
    destination: Warehouse,
    schema: str,
    table: Table,
    *,
    connection_id: int,
    scope: Sequence[Within] = (),
    changed_since: datetime | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """Yield the connection's live rows by key, column -> typed value, each batch by a query of its own.

    Rows that are written meanwhile are seen or not; none is seen twice. Nothing when the table does not exist yet.
    """
    target = destination.bound(schema, table.part(column.name for column in table.columns))
    if target is None:
        return
    within, values = condition(destination, target, scope)
    if changed_since is not None:
        within += " AND t._changed_at >= %s"
        values = [*values, destination._moment(changed_since)]
    key = [f"t.{quote(name)}" for name in table.key]
    columns = [column.name for column in table.columns]
    select = f"SELECT {', '.join(f't.{quote(name)}' for name in columns)} FROM {target.name} AS t"
    order = f" ORDER BY t._connection_id, {', '.join(key)} LIMIT {BATCH}"
    places = ", ".join(destination._value(target, name) for name in table.key)
    after, last = "", list[Any]()
    while True:
        sql = f"{select} WHERE t._connection_id = %s AND t._deleted_at IS NULL{within}{after}{order}"
        with connections[destination.using].cursor() as cursor:
            cursor.execute(sql, [connection_id, *values, *last])
            found = cursor.fetchall()
        rows = [_typed(table, row) for row in found]
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        last = [connection_id, *(_parameter(target, name, rows[-1][name]) for name in table.key)]
        after = f" AND (t._connection_id, {', '.join(key)}) > (%s, {places})"


def condition(destination: Warehouse, target: Target, scope: Sequence[Within]) -> tuple[str, list[Any]]:
    """Return the condition that a row of t lies within the scope, beginning with AND, and its parameters."""
    parts: list[str] = []
    values: list[Any] = []
    for each in scope:
        column, name = f"t.{quote(each.column)}", each.column
        read, encode = reader(target.table.column(name)), target.encoder(name)
        place = destination._value(target, name)
        if each.values:
            known = [encode(read(value)) for value in each.values if value is not None]
            choices = [f"{column} IN ({', '.join([place] * len(known))})"] if known else []
            choices += [f"{column} IS NULL"] if None in each.values else []
            parts.append(f"({' OR '.join(choices)})")
            values += known
        for operator, bound in ((">=", each.at_least), ("<", each.below)):
            if bound is not None:
                parts.append(f"{column} {operator} {place}")
                values.append(encode(read(bound)))
    return "".join(f" AND {part}" for part in parts), values


def read_stored(column: Column, value: Any) -> Any:
    """Return what the database gave as the value that transform gave; JSON as what its text says."""
    if value is None:
        return None
    if column.type == "json":
        return json.loads(value, parse_float=Decimal)
    if column.type == "decimal":
        value = Decimal(str(value))
    elif column.type == "date" and isinstance(value, datetime):  # another connection's declaration has widened it
        value = value.astimezone(UTC).date()
    return reader(column)(value)


def _typed(table: Table, row: Sequence[Any]) -> dict[str, Any]:
    return {column.name: read_stored(column, value) for column, value in zip(table.columns, row, strict=True)}


def _parameter(target: Target, name: str, value: Any) -> Any:
    return target.encoder(name)(reader(target.table.column(name))(value))
