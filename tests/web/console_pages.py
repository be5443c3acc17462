"""What the tests of the console's pages stand on: runs in any state, for connections of the test suite."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.test import Client
from django.utils import timezone

from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.declare import Page
from syncruns.engine.transform import to_rows
from syncruns.engine.warehouse import warehouse
from syncruns.engine.warehouse.base import VERSION
from syncruns.models import DeleteBrake, MissedRow, StreamRun, SyncRun

STREAMS = [
    {
        "name": "orders",
        "label": "Sales orders",
        "path": "/orders",
        "records": "",
        "columns": [
            {"path": "id", "name": "id", "type": "integer", "key": True},
            {"path": "total", "name": "total", "type": "text", "key": False},
        ],
    }
]
CONFIG = {"base_url": "http://127.0.0.1:9", "table_prefix": "shop", "auth": "none", "streams": STREAMS}


def make_run(
    connection: Connection, state: str = "succeeded", *, ago: timedelta | None = None, **fields: Any
) -> SyncRun:
    """Create a run that began `ago` and took ten seconds if it has ended."""
    began = timezone.now() - (ago or timedelta(minutes=10))
    values: dict[str, Any] = {"trigger": "schedule", "queued_at": began}
    if state not in ("queued", "skipped"):
        values |= {"started_at": began}
    if state == "running":
        values |= {"token": uuid.uuid4(), "lease_until": timezone.now() + timedelta(minutes=5)}
    elif state != "queued":
        values |= {"finished_at": began + timedelta(seconds=10)}
    return SyncRun.objects.create(connection=connection, state=state, **values | fields)


def make_stream(run: SyncRun, stream: str, state: str, **fields: Any) -> StreamRun:
    values: dict[str, Any] = {"label": stream.title(), "position": run.streams.count(), "started_at": run.started_at}
    return StreamRun.objects.create(run=run, stream=stream, state=state, **values | fields)


def hold_deletions(connection: Connection, records: Sequence[Mapping[str, Any]], table: str = "") -> DeleteBrake:
    """Load records into the connection's first table and hold all of them, as a brake does after two sweeps."""
    connector = connector_class(connection.kind)
    stream = connector.streams(connection.config)[0]
    declared = stream.table(table or stream.tables[0].name)
    destination, run_id = warehouse(), uuid.uuid4()
    destination.prepare(connector.schema, stream.tables)
    rows = to_rows(Page({declared.name: records}), stream).rows[declared.name]
    stamp: dict[str, Any] = {"connection_id": connection.pk, "run_id": str(run_id), "now": timezone.now()}
    destination.load(connector.schema, declared, rows, **stamp)
    target = destination.bound(connector.schema, declared)
    assert target is not None
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT {destination.key_text(declared.key)}, {VERSION} FROM {target.name} AS t WHERE _connection_id = %s",
            [connection.pk],
        )
        found = cursor.fetchall()
    facts: dict[str, Any] = {"connection": connection, "stream": stream.key, "table": declared.name}
    MissedRow.objects.bulk_create(
        MissedRow(**facts, key=key, digest=key, version=version, state="held", held_at=timezone.now(), run_id=run_id)
        for key, version in found
    )
    return DeleteBrake.objects.create(**facts, missing=len(found), total=2 * len(found))


def at(hour: int, minute: int = 0) -> datetime:
    """Return a moment of one fixed day, in the console's zone."""
    return datetime(2026, 11, 24, hour, minute, tzinfo=timezone.get_default_timezone())


def text(client: Client, url: str, status: int = 200) -> str:
    """Return the page's visible words."""
    response = client.get(url)
    assert response.status_code == status, url
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))
