"""What the destination should hold of a sandbox Odoo, worked out from its own rows without the connector's reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection as database

from connections.connectors.odoo.services import SERVICES
from connections.connectors.odoo.services.declare import Lines, Source
from connections.sandbox.odoo import Odoo
from connections.sdk.declare import Column, Table

Row = Mapping[str, Any]
OURS = [service for service in SERVICES if service.default_enabled]
# Names are as they were when a document was last read; a state of purchase is worked out when an allocation is read.
STALE = ("_nome",)


def expected(odoo: Odoo) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """Return the rows of every table of the six services, by key."""
    found: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
    for service in OURS:
        source = service.sources[0]
        records = {number: row for number, row in odoo.rows(source.model).items() if wanted(odoo, service.key, row)}
        found[service.table.name] = dict(_rows(odoo, service.table, source, records.values()))
        if service.items is not None and source.lines is not None:
            lines = [
                line for line in odoo.rows(source.lines.model).values()
                if line[source.lines.parent] in records and _is_line(service.key, line)
            ]  # fmt: skip
            found[service.items.name] = dict(_rows(odoo, service.items, source.lines, lines))
    return found


def held(table: Table) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the live rows of a destination table, by key."""
    schema = "odoo." if database.vendor == "postgresql" else "odoo_"
    names = [column.name for column in _compared(table)]
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM {schema}{table.name} WHERE _deleted_at IS NULL")
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    typed = [{column.name: _plain(column, row[column.name]) for column in _compared(table)} for row in rows]
    return {tuple(row[name] for name in table.key): row for row in typed}


def wanted(odoo: Odoo, service: str, row: Row) -> bool:
    """Say whether a record belongs to the service."""
    if service == "faturamento":
        return row["move_type"] in ("out_invoice", "out_refund")
    if service == "entradas":
        kind = odoo.rows("stock.picking.type")[row["picking_type_id"]]
        return kind["code"] == "incoming" and row["state"] == "done"
    return True


def _is_line(service: str, line: Row) -> bool:
    if service == "faturamento":
        return bool(line["display_type"] == "product")
    return bool(line["state"] == "done") if service == "entradas" else not line.get("display_type")


def _rows(odoo: Odoo, table: Table, source: Source | Lines, records: Any) -> Iterator[tuple[Any, Any]]:
    for record in records:
        row = {}
        for column in _compared(table):
            names = source.fields.get(column.name, ())
            name = next((name for name in names if name in odoo.store.schema.fields[source.model]), None)
            row[column.name] = _plain(column, odoo.store.value(source.model, record, name) if name else None)
        yield tuple(row[name] for name in table.key), row


def _compared(table: Table) -> list[Column]:
    """Leave out what is worked out by the connector, labels, and what changes without a trace."""
    derived = (
        {"numero", "em_aberto", "qtd_saldo"} if table.name in ("faturamento", "carteira", "carteira_item") else set()
    )
    labels = {"moeda", "tipo_documento", "unidade", "qtd_comprada"}
    return [
        column for column in table.columns
        if column.name not in derived | labels and not column.name.endswith(STALE)
    ]  # fmt: skip


def _plain(column: Column, value: Any) -> Any:
    if value is None or value is False and column.type != "boolean":
        return None
    match column.type:
        case "decimal":
            step = Decimal(1).scaleb(-(column.scale or 0))
            return Decimal(str(value)).quantize(step, rounding=ROUND_HALF_UP)
        case "timestamp":
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).replace(microsecond=0)
        case "date":
            return date.fromisoformat(value) if isinstance(value, str) else value
        case "boolean":
            return bool(value)
    return value
