"""What the tests of the console's pages stand on: runs in any state, for connections of the test suite."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from connections.models import Connection
from syncruns.models import StreamRun, SyncRun

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


def at(hour: int, minute: int = 0) -> datetime:
    """Return a moment of one fixed day, in the console's zone."""
    return datetime(2026, 11, 24, hour, minute, tzinfo=timezone.get_default_timezone())
