"""Many connections and runs: as many queries as with few, light pages, and how long they take (a figure, no claim)."""

from __future__ import annotations

import gzip
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import AuditEvent, Connection
from syncruns.models import Change, StreamRun, SyncRun, SystemJob
from tests.web.console_pages import CONFIG

pytestmark = pytest.mark.django_db
SEARCHES = ("/runs/?q=filial", "/search/?q=filial")
LISTS = ("/", "/?period=30d", "/connections/", "/runs/", "/audit/", "/changes/", "/review/", *SEARCHES)
OWN = ("sincro.css", "console.js", "sprite.svg", "favicon.svg")  # what a first visit fetches beside the kit
MOST_BYTES = 150_000


@pytest.fixture
def page(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now())
    return signed_in(administrator)


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
            actor="ana", action="connection.changed", target_kind="connection", target_id=one.pk, target_name=one.name
        )
        for one in made
    )
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")


def asked(page: Client, url: str) -> int:
    page.get(url)
    with CaptureQueriesContext(database) as queries:
        assert page.get(url).status_code == 200, url
    return len(queries)


def test_three_hundred_connections_take_no_more_queries_than_three_and_pages_stay_light(page: Client) -> None:
    populate(5, 16)
    few = {url: asked(page, url) for url in (*LISTS, of_one("filial-0"))}
    populate(295, 16)
    assert [url for url in few if asked(page, url) > few[url]] == []
    own = sum(len(gzip.compress((settings.BASE_DIR / "syncruns/static/sincro" / name).read_bytes())) for name in OWN)
    for url in few:
        weight = len(gzip.compress(page.get(url).content)) + own
        assert weight < MOST_BYTES, f"{url} weighs {weight} bytes"


@pytest.mark.long
def test_a_hundred_thousand_runs_take_no_more_queries_than_a_few(page: Client, figures: Callable[[str], None]) -> None:
    populate(5, 16)
    few = {url: asked(page, url) for url in (*LISTS, of_one("filial-0"))}
    populate(295, 339)
    assert SyncRun.objects.count() >= 100_000
    assert [url for url in few if asked(page, url) > few[url]] == []
    for url in few:
        began = time.perf_counter()
        body = page.get(url).content
        figures(f"{url}: {1000 * (time.perf_counter() - began):.0f} ms, {len(gzip.compress(body)) / 1000:.0f} kB")


def of_one(slug: str) -> str:
    return reverse("connection", args=[slug])
