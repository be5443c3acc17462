"""Real connectors through the engine: synced here, or in a process that is killed, and what the tables then hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection as database
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.server import Sandbox
from syncruns.dispatch import reap
from syncruns.models import Checkpoint, SyncRun
from syncruns.services import request_sync
from syncruns.tasks import execute_run
from tests.console import ROOT
from tests.crash.hosts import database_url

Rows = dict[tuple[Any, ...], dict[str, Any]]


def drop_tables(schema: str) -> None:
    """Remove a schema's destination tables: the test runner does not know them."""
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            return
        for name in database.introspection.table_names(cursor):
            if name.startswith(f"{schema}_"):
                cursor.execute(f'DROP TABLE "{name}"')


def sync(connection: Connection, **options: Any) -> SyncRun:
    run, created = request_sync(connection, call_worker=False, **options)
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
    killed(["sync", connection.slug], lambda: len(sandbox.requests) >= asked + requests)
    forget_killed(connection)
    SyncRun.objects.filter(connection=connection, state="queued").delete()


def killed(command: list[str], when: Callable[[], bool]) -> bool:
    """Start a command in a process of its own and kill it as soon as `when`; say whether it was still going."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "DATABASE_URL": database_url()},
    )  # fmt: skip
    while process.poll() is None and not when():
        time.sleep(0.005)
    goes_on = process.poll() is None
    if goes_on:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return goes_on


def forget_killed(connection: Connection) -> None:
    """Let the reaper find the run that nobody executes any more, as it would once its lease ends."""
    running = SyncRun.objects.filter(connection=connection, state="running")
    for _turn in range(50):  # the database may still be ending what the process had begun
        running.update(lease_until=timezone.now())
        reap(timezone.now() + timedelta(seconds=1))
        if not running.exists():
            return
        time.sleep(0.1)
    raise AssertionError("the killed run is still active")


def forget(connection: Connection, *names: str) -> None:
    """Take parts out of the connection's checkpoints, such as when everything was last compared."""
    for checkpoint in Checkpoint.objects.filter(connection=connection, state__isnull=False):
        checkpoint.state = {name: value for name, value in checkpoint.state.items() if name not in names}
        checkpoint.save(update_fields=["state"])


def held(schema: str, table: str, key: tuple[str, ...], names: list[str]) -> Rows:
    """Return the live rows of a destination table, these columns of them, by key."""
    place = f'{schema}."{table}"' if database.vendor == "postgresql" else f"{schema}_{table}"
    with database.cursor() as cursor:
        columns = ", ".join(f'"{name}"' for name in names)
        cursor.execute(f"SELECT {columns} FROM {place} WHERE _deleted_at IS NULL")
        found = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    return {tuple(row[name] for name in key): row for row in found}


def as_moment(value: Any) -> datetime:
    """Return a stored moment as either database gives it back."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def same(ours: Any, theirs: Any) -> bool:
    """Say whether a stored value is the expected one, as either database gives it back."""
    if theirs is None or ours is None:
        return ours is theirs
    if isinstance(theirs, Decimal):
        # SQLite keeps 15 digits of a number; what stands behind them is its own.
        return Decimal(f"{ours:.15g}" if isinstance(ours, float) else str(ours)) == theirs
    if isinstance(theirs, datetime):
        return as_moment(ours) == theirs
    return bool(ours == theirs)


def check(table: str, ours: Rows, theirs: Rows, must: set[tuple[Any, ...]]) -> None:
    """Compare every row we hold with its truth, and look for those that must be there."""
    assert must, table
    missing, surplus = must - ours.keys(), ours.keys() - theirs.keys()
    differing = {
        key: {name: (row[name], value) for name, value in theirs[key].items() if not same(row[name], value)}
        for key, row in ours.items() if key in theirs
    }  # fmt: skip
    differing = {key: values for key, values in differing.items() if values}
    told = {"missing": missing, "surplus": surplus, "differing": differing}
    found = {name: (len(several), list(several)[:3]) for name, several in told.items() if several}
    assert not found, f"{table}: {found}; {dict(list(differing.items())[:3])}"
