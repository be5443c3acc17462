"""Two hosts' worth of workers on one PostgreSQL: they share the work, and no connection runs twice at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import connection as database

from syncruns.models import SyncRun
from tests.console import wait_for
from tests.crash.hosts import Host, Source
from tests.crash.test_clusters import PATIENCE, recovers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="hosts share a PostgreSQL"),
]


def test_hosts_share_the_work_and_either_may_die(sources: list[Source], start: Callable[..., Host]) -> None:
    hosts = [start("sync", "first", SYNC_WORKERS="1"), start("sync", "second", SYNC_WORKERS="1"), start("control")]
    second = start("control", "other")
    mains: set[str] = set()
    until = time.monotonic() + PATIENCE
    while len(mains) < 2 and time.monotonic() < until:
        recovers(sources)
        mains = set(SyncRun.objects.filter(state="succeeded").values_list("worker", flat=True))
    assert len(mains) >= 2
    hosts[0].kill()
    second.kill()
    recovers(sources)
    runs = list(SyncRun.objects.exclude(started_at=None).exclude(finished_at=None).order_by("connection", "started_at"))
    for earlier, later in zip(runs, runs[1:], strict=False):
        if earlier.connection_id == later.connection_id:
            assert earlier.finished_at is not None and later.started_at is not None
            assert earlier.finished_at <= later.started_at
    wait_for(lambda: not SyncRun.objects.filter(state="running").exists(), seconds=PATIENCE)
