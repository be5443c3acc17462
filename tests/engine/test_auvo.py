"""The Auvo connector through the engine: after a day of everything that happens to it, the tables are Auvo's."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.auvo import API_KEY, API_TOKEN, Auvo
from connections.sandbox.server import Sandbox
from connections.services import create_connection
from syncruns.dispatch import reap
from syncruns.models import Checkpoint, SyncRun
from syncruns.services import request_sync
from syncruns.tasks import execute_run
from tests.console import ROOT
from tests.crash.hosts import database_url
from tests.engine import auvo_truth as truth

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = 6  # of look-back and of look-ahead; the outermost may change with the date while the test runs
STREAMS = ["tasks", "customers", "users", "products", "services", "equipments", "task_types", "segments"]
WINDOWED = ("tasks", "tickets", "quotations", "expenses")


@pytest.fixture
def clean_auvo(transactional_db: None) -> Iterator[None]:
    """Remove the destination tables: the test runner does not know them."""
    yield
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("DROP SCHEMA IF EXISTS auvo CASCADE")
        else:
            for name in database.introspection.table_names(cursor):
                if name.startswith("auvo_"):
                    cursor.execute(f'DROP TABLE "{name}"')


def auvo_connection(url: str) -> Connection:
    return create_connection(
        kind="auvo", name="Auvo",
        values={"api_url": f"{url}/v2", "api_key": API_KEY, "api_token": API_TOKEN, "allow_private_addresses": True,
                "look_ahead_days": DAYS, "hot_days": 2, "calls_per_minute": 0},
        windows=dict.fromkeys(WINDOWED, DAYS * 24 * 60),
    )  # fmt: skip


def sync(connection: Connection, **options: Any) -> SyncRun:
    run, created = request_sync(connection, call_worker=False, **{"streams": STREAMS, **options})
    assert created
    done = execute_run(run.pk)
    assert done is not None
    done.refresh_from_db()
    return done


def problems(run: SyncRun) -> dict[str, object]:
    """Return what kept streams from succeeding."""
    return {row.stream: (row.state, row.error_code, row.error_params) for row in run.streams.exclude(state="succeeded")}


def killed_sync(connection: Connection, sandbox: Sandbox, requests: int) -> None:
    """Start a sync in a process of its own and kill it when it has asked so many questions."""
    asked = len(sandbox.requests)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sync", connection.slug], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "DATABASE_URL": database_url()},
    )  # fmt: skip
    while process.poll() is None and len(sandbox.requests) < asked + requests:
        time.sleep(0.005)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    active = SyncRun.objects.filter(connection=connection, state__in=SyncRun.ACTIVE)
    for _turn in range(50):  # the database may still be ending what the process had begun
        SyncRun.objects.filter(connection=connection, state="running").update(lease_until=timezone.now())
        reap(timezone.now() + timedelta(seconds=1))
        SyncRun.objects.filter(connection=connection, state="queued").delete()
        if not active.exists():
            return
        time.sleep(0.1)
    raise AssertionError("the killed run is still active")


def compare_all_next_time(connection: Connection) -> None:
    """Make the slower rhythm due: it was long ago that everything was compared."""
    for checkpoint in Checkpoint.objects.filter(connection=connection, state__isnull=False):
        checkpoint.state = {name: value for name, value in checkpoint.state.items() if name != "swept_at"}
        checkpoint.save(update_fields=["state"])


def planned(auvo: Auvo, days: int) -> dict[int, dict[str, Any]]:
    today = auvo_today()
    return {
        task["taskID"]: task for task in auvo.tasks(today - timedelta(days=days), today + timedelta(days=days))
    }  # fmt: skip


def auvo_today() -> Any:
    return datetime.now(truth.ZONE).date()


def test_tables_are_the_source_s_after_a_day_of_changes_deletions_faults_and_a_kill(clean_auvo: None) -> None:
    randomness = random.Random(7)
    auvo = Auvo(seed=5, limit=1_000_000)
    with Sandbox(auvo) as sandbox:
        connection = auvo_connection(sandbox.url)
        killed_sync(connection, sandbox, 12)
        assert problems(sync(connection)) == {}
        assert_same(auvo)
        gone = []
        for hour, faults in enumerate(("", "reset:1,after=20;500:2,after=30", "truncate:1,after=15", "")):
            auvo.pass_time(timedelta(hours=4))
            numbers = list(planned(auvo, DAYS - 1))
            meet, lose, vanish, *others = randomness.sample(numbers, 6)
            auvo.change(meet, report=f"corrigido {hour}", products=[])
            auvo.delete(lose)
            auvo.delete(vanish, traced=False)
            auvo.change(others[0], taskDate=f"{auvo_today() + timedelta(days=hour)}T09:00:00")
            gone += [lose, vanish]
            if hour == 0:
                auvo.remove("customers", 990_007)
            auvo.faults.order(faults)
            if hour == 3:
                killed_sync(connection, sandbox, randomness.randrange(5, 25))
            sync(connection)
            auvo.faults.order("")
        for _sweep in range(2):  # what two sweeps in a row missed is gone
            compare_all_next_time(connection)
            assert problems(sync(connection)) == {}
        assert_same(auvo)
        held = truth.held("task", ("task_id",), ["task_id"])
        assert not {(number,) for number in gone} & held.keys()


def test_lists_that_vanish_or_are_refused_delete_nothing_and_stop_no_other(clean_auvo: None) -> None:
    auvo = Auvo(seed=5, limit=1_000_000)
    streams = ["tasks", "customers", "segments", "users", "equipments"]
    with Sandbox(auvo) as sandbox:
        connection = auvo_connection(sandbox.url)
        assert problems(sync(connection, streams=streams)) == {}
        before = {
            name: len(truth.held(name, (f"{name}_id",), [f"{name}_id"])) for name in ("task", "customer", "segment")
        }
        assert all(before.values())
        auvo.faults.order(
            "vendor-error,code=missing,path=/v2/tasks;vendor-error,code=missing,path=/v2/customers;"
            "vendor-error,code=missing,path=/v2/segments;vendor-error,code=forbidden,path=/v2/equipments"
        )
        for _twice in range(3):
            compare_all_next_time(connection)
            found = problems(sync(connection, streams=streams))
            assert {name: state for name, (state, *_rest) in found.items()} == {"equipments": "unavailable"}
        after = {name: len(truth.held(name, (f"{name}_id",), [f"{name}_id"])) for name in before}
        assert after == before


def assert_same(auvo: Auvo) -> None:
    inner, wide = planned(auvo, DAYS - 1), planned(auvo, 60)
    for table in truth.OF_TASK:
        expected = truth.of_tasks(list(wide.values()), table)
        key = ("task_id", *truth.OF_TASK[table][0])
        ours = truth.held(table, key, list(next(iter(expected.values()))))
        check(table, ours, expected, must={name for name in expected if name[0] in inner})
    for path, table, key_name, row in truth.OTHERS:
        rows = [row(each) for each in auvo.records(path)]
        expected = {(each[key_name],): each for each in rows}
        check(table, truth.held(table, (key_name,), list(rows[0])), expected, must=set(expected))


def check(table: str, ours: truth.Rows, theirs: truth.Rows, must: set[tuple[Any, ...]]) -> None:
    """Compare every row we hold with its truth, and look for those that must be there."""
    assert must, table
    missing, surplus = must - ours.keys(), ours.keys() - theirs.keys()
    differing = {
        key: {name: (row[name], value) for name, value in theirs[key].items() if not truth.same(row[name], value)}
        for key, row in ours.items() if key in theirs
    }  # fmt: skip
    differing = {key: values for key, values in differing.items() if values}
    assert (sorted(missing)[:5], sorted(surplus)[:5], differing) == ([], [], {}), table
