"""A kind for tests of the data pages: orders with lines and what is personal, and people whose key is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection as database

from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import Column, Finding, Page, Record, Stream, Table
from syncruns.engine.transform import to_rows
from syncruns.engine.warehouse import warehouse
from syncruns.models import SyncRun

ORDERS = Table(
    "orders",
    (
        Column("id", "integer"), Column("customer", personal=True), Column("note"), Column("total", "decimal", 12, 2),
        Column("day", "date"), Column("made_at", "timestamp"), Column("is_paid", "boolean"), Column("extra", "json"),
    ),
    ("id",),
)  # fmt: skip
LINES = Table(
    "order_lines",
    (Column("order_id", "integer"), Column("line", "integer"), Column("product")),
    ("order_id", "line"),
    parent="orders",
    parent_key=("order_id",),
)
PEOPLE = Table("people", (Column("cpf", personal=True), Column("city"), Column("phone", personal=True)), ("cpf",))
WIDE = Table("wide", (Column("id", "integer"), *(Column(f"c{number:02}") for number in range(50))), ("id",))
AT = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)


class LedgerConnector(Connector):
    """kind "ledger"."""

    kind = "ledger"
    label = "Ledger"
    schema = "ledger"
    settings = ()

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return (
            Stream("orders", "Orders", (ORDERS, LINES)),
            Stream("people", "People", (PEOPLE,)),
            Stream("wide", "Wide rows", (WIDE,)),
        )

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield Page()

    def test(self, context: Context) -> Iterator[Finding]:
        yield Finding("Server", "ok")


def load(connection: Connection, run: SyncRun, table: Table, records: Sequence[Record]) -> None:
    """Write records as the run does."""
    stream = next(one for one in LedgerConnector.streams({}) if table in one.tables)
    destination = warehouse()
    destination.prepare("ledger", stream.tables)
    rows = to_rows(Page({table.name: records}), Stream("all", "All", (replace_parent(table),))).rows[table.name]
    destination.load("ledger", table, rows, connection_id=connection.pk, run_id=str(run.pk), now=AT)


def replace_parent(table: Table) -> Table:
    """Return the table without its parent, so that its rows are typed by themselves."""
    return Table(table.name, table.columns, table.key)


def drop_tables() -> None:
    """Remove what load made: the test runner does not know it."""
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("DROP SCHEMA IF EXISTS ledger CASCADE")
        else:
            for table in (ORDERS, LINES, PEOPLE, WIDE):
                cursor.execute(f'DROP TABLE IF EXISTS "ledger_{table.name}"')
