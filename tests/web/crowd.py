"""Many connections with their runs, made at once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import islice

from django.db import connection as database
from django.utils import timezone

from connections.models import AuditEvent, Connection
from syncruns.models import Change, StreamRun, SyncRun
from tests.web.console_pages import CONFIG


def populate(connections: int, runs_each: int) -> None:
    """Add connections in every state, each with runs a quarter of an hour apart, changes and a trail."""
    now, begin = timezone.now(), Connection.objects.count()
    stopped = {"status": "error", "status_code": "credentials_refused", "status_since": now}
    made = Connection.objects.bulk_create(
        Connection(
            name=f"Filial {begin + number}", slug=f"filial-{begin + number}", kind="rest", config=CONFIG,
            tags=["Vendas", f"Região {number % 9}"], auto_sync=number % 5 != 3,
            next_sync_at=now + timedelta(minutes=number % 15), **(stopped if number % 40 == 4 else {}),
        )
        for number in range(connections)
    )  # fmt: skip
    lease = now + timedelta(minutes=5)
    running = {"state": "running", "finished_at": None, "token": uuid.uuid4(), "lease_until": lease}
    runs = (
        SyncRun(
            connection=one, trigger="schedule", queued_at=at, started_at=at, slot=at,
            **({"state": "failed" if number % 5 == 4 else "succeeded", "finished_at": at + timedelta(seconds=9),
                "inserted": number % 3, "read": 90} | (running if not back and number % 5 == 1 else {})),
        )
        for number, one in enumerate(made)
        for back in range(runs_each)
        for at in [now - timedelta(minutes=15 * back + 1)]
    )  # fmt: skip
    while some := list(islice(runs, 5_000)):
        SyncRun.objects.bulk_create(some)
        latest = [run for run in some if run.queued_at > now - timedelta(minutes=30)]
        StreamRun.objects.bulk_create(
            StreamRun(run=run, stream="orders", label="Pedidos", state=run.state, started_at=run.started_at, read=90)
            for run in latest
        )
        Change.objects.bulk_create(
            Change(
                run=run, stream="orders", table="shop_orders", kind="updated", key=[1], columns=[["total", "1", "2"]]
            )
            for run in latest
        )
    AuditEvent.objects.bulk_create(
        AuditEvent(
            actor="ana",
            action="connection.changed",
            target_kind="connection",
            target_id=one.pk,
            target_name=one.name,
            params={"fields": ["schedule"]},
        )
        for one in made
    )
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
