"""`manage.py backfill`, against a real Odoo sandbox, killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.odoo import Odoo
from connections.sandbox.server import Sandbox
from connections.services import create_connection
from syncruns.models import Backfill, Checkpoint, SyncRun
from tests.cli.conftest import Result
from tests.connectors.odoo.reader import connector
from tests.console import ROOT
from tests.crash.hosts import database_url
from tests.engine.odoo_truth import OURS, expected, held
from tests.engine.test_odoo import clean_odoo

__all__ = ["clean_odoo"]

Command = Callable[..., Result]
TODAY = datetime(2026, 10, 8, 6, tzinfo=UTC)  # a day on which the sandbox's history is three weeks long
KEY = "carteira"


@pytest.fixture
def odoo() -> Iterator[tuple[Odoo, Sandbox]]:
    source = Odoo(version=17, seed=5, clock=lambda: TODAY)
    with Sandbox(source) as sandbox:
        yield source, sandbox


@pytest.fixture
def erp(clean_odoo: None, odoo: tuple[Odoo, Sandbox]) -> Connection:
    session = connector(odoo[1].url, version=17)
    return create_connection(kind="odoo", name="ERP", values={**session.config, **session.secrets})


def test_killed_backfill_goes_on_where_it_was_and_the_tables_equal_the_source(
    erp: Connection, odoo: tuple[Odoo, Sandbox], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, sandbox = odoo
    service = next(one for one in OURS if one.key == KEY)
    span = ["--from", "2026-09-01", "--to", "2026-10-10", "--stream", KEY]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "backfill", erp.slug, *span], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "DATABASE_URL": database_url()},
    )  # fmt: skip
    until = time.monotonic() + 60
    while not Backfill.objects.filter(windows_done__gte=2).exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    SyncRun.objects.filter(state="running").update(lease_until=timezone.now())  # there is no worker to notice it
    half = Backfill.objects.get()
    assert half.state == "running" and half.begin < half.reached < half.end
    monkeypatch.setattr("syncruns.models.backfill.FIRST_REST", timedelta())
    done = command("backfill", erp.slug, *span, "--json")
    assert done.code == 0, done
    assert [(one["state"], one["stream"]) for one in done.document] == [("done", KEY)]
    whole = Backfill.objects.get()
    windows = [
        (run.options["since"], run.options["until"])
        for run in SyncRun.objects.filter(state="succeeded").order_by("queued_at")
    ]
    assert [until for _since, until in windows[:-1]] == [since for since, _until in windows[1:]]
    assert len(windows) == whole.windows_done > half.windows_done
    truth = expected(source)
    for table in (service.table, *([service.items] if service.items else [])):
        assert truth[table.name] and held(table) == truth[table.name], table.name
    assert Checkpoint.objects.get(stream=KEY).state is None


def test_backfill_says_what_cannot_be_filled_and_stops_what_goes_on(erp: Connection, command: Command) -> None:
    assert command("backfill", erp.slug).code == 2
    assert command("backfill", erp.slug, "--from", "2026-09-02", "--to", "2026-09-01").code == 2
    unknown = command("backfill", erp.slug, "--from", "2026-09-01", "--to", "2026-09-02", "--stream", "x", "--json")
    assert unknown.document["error"]["code"] == "unknown_stream"
    span = ["--stream", KEY, "--from", "2026-09-01", "--to", "2026-09-20"]
    assert command("backfill", erp.slug, *span, "--queue").code == 0
    assert Backfill.objects.get().end == datetime(2026, 9, 21, tzinfo=ZoneInfo(erp.time_zone))  # the day is part of it
    assert command("backfill", erp.slug, *span[:-1], "2026-09-21T00:00", "--queue").code == 0  # the same range
    other = command("backfill", erp.slug, "--stream", KEY, "--from", "2026-08-01", "--to", "2026-09-20", "--queue")
    assert other.code == 5
    assert "Stopped" in command("backfill", erp.slug, "--stop").out
    assert Backfill.objects.get().state == "stopped"
    assert command("backfill", erp.slug, *span, "--queue").code == 0
    assert Backfill.objects.get().state == "running"


def test_waiting_backfill_says_once_what_it_waits_for(
    erp: Connection, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncruns.management.commands.backfill.POLL_SECONDS", 0.05)
    Connection.objects.update(paused_until=timezone.now() + timedelta(seconds=1))
    done = command("backfill", erp.slug, "--stream", KEY, "--from", "2026-09-01", "--to", "2026-09-02")
    assert done.code == 0 and done.out.count(f"{KEY} waits: the connection is paused") == 1
