"""What the database must hold once a ledger has been read in peace, and where it does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import connection as database
from django.db.models import Sum

from connections.models import Connection
from syncruns.models import Checkpoint, QuarantinedRecord, StreamRun
from syncruns.models.run import Counts
from tests.crash.ledger import Ledger

COLUMNS = {
    "items": "id, name, price, seq",
    "lines": "item_id, position, sku",
    "notes": "id, name, seq",
    "tags": "id, name",
}
TABLES = {"items": ("items", "lines"), "notes": ("notes",), "tags": ("tags",)}  # stream -> tables
PARTS_OF_READ = ("inserted", "updated", "unchanged", "deduplicated", "quarantined")


def differences(connection: Connection, ledger: Ledger) -> list[str]:
    """Compare checkpoints, every row, what is in quarantine, and what the runs say they did."""
    found = {table: stored_rows(connection, table) for table in COLUMNS}
    return [
        *_checkpoints(connection, ledger),
        *_tables(found, ledger.reference()),
        *_quarantine(connection, ledger.crooked()),
        *_counts(connection, found),
    ]


def _checkpoints(connection: Connection, ledger: Ledger) -> list[str]:
    states = dict(Checkpoint.objects.filter(connection=connection).values_list("stream", "state"))
    newest = {stream: max(record["seq"] for record in records.values()) for stream, records in ledger.records.items()}
    return [
        f"checkpoint of {stream} is {states.get(stream)}, not {seq}"
        for stream, seq in newest.items()
        if states.get(stream) != {"seq": seq}
    ]


def _tables(found: dict[str, list[tuple[Any, ...]]], wanted: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    wrong = []
    for table, rows in wanted.items():
        if found[table] != rows:
            lost, extra = (sorted(set(a) - set(b))[:3] for a, b in ((rows, found[table]), (found[table], rows)))
            wrong.append(f"{table}: lost {lost}, extra {extra}")
    return wrong


def _quarantine(connection: Connection, crooked: set[str]) -> list[str]:
    open_records = QuarantinedRecord.objects.filter(connection=connection, state=QuarantinedRecord.State.OPEN)
    waiting = set(open_records.values_list("record_key", flat=True))
    return [f"in quarantine {sorted(waiting)}, not {sorted(crooked)}"] if waiting != crooked else []


def _counts(connection: Connection, found: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    """What was added less what was deleted is what is there: counts are exact, whoever was killed."""
    wrong = []
    streams = StreamRun.objects.filter(run__connection=connection)
    for stream, tables in TABLES.items():
        sums = streams.filter(stream=stream).aggregate(**{name: Sum(name, default=0) for name in Counts.COUNTED})
        rows = sum(len(found[table]) for table in tables)
        if sums["inserted"] - sums["deleted"] != rows:
            wrong.append(f"{stream}: {sums['inserted']} inserted, {sums['deleted']} deleted, but {rows} rows")
        if sums["read"] != sum(sums[name] for name in PARTS_OF_READ):
            wrong.append(f"{stream}: {sums['read']} read are not the sum of {sums}")
    return wrong


def stored_rows(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    """Return the connection's live rows of a table, ordered."""
    name = f"ledger.{table}" if database.vendor == "postgresql" else f"ledger_{table}"
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS[table]} FROM {name} WHERE _deleted_at IS NULL AND _connection_id = %s",
            [connection.pk],
        )
        rows = cursor.fetchall()
    if table == "items":  # SQLite answers with the shortest number
        rows = [(identity, name, f"{Decimal(str(price)):.2f}", seq) for identity, name, price, seq in rows]
    return sorted(rows)
