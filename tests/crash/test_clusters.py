"""Real clusters under real supervisors lose their processes, one after the other, and recover by themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from connections.models import Connection
from syncruns.models import SyncRun
from syncruns.services import request_sync
from tests.console import wait_for
from tests.crash.hosts import Host

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes through /proc"),
]

PATIENCE = 240.0
# Who is killed: a place in Host.cluster() of a role.
VICTIMS = {
    "main": ("sync", 0),
    "sentinel": ("sync", 1),
    "idle worker": ("sync", 2),
    "another idle worker": ("sync", 3),
    "monitor": ("sync", 4),
    "pusher": ("sync", 5),
    "scheduler's main": ("control", 0),
    "scheduler's sentinel": ("control", 1),
    "scheduler's worker": ("control", 2),
}


def test_killed_busy_worker_and_supervisor_leave_nothing_running(
    shops: list[Connection], start: Callable[..., Host]
) -> None:
    hosts = {role: start(role) for role in ("sync", "control")}
    kill_busy_worker(shops[0])
    recovers(shops)
    busy(shops[0])
    hosts["sync"].kill()
    hosts["sync"].start()
    recovers(shops)


@pytest.mark.long
@pytest.mark.parametrize("role", ["sync", "control"])
def test_killed_supervisor_starts_again_where_it_was(
    shops: list[Connection], start: Callable[..., Host], role: str
) -> None:
    hosts = {one: start(one) for one in ("sync", "control")}
    recovers(shops)
    for _time in range(2):
        hosts[role].kill()
        hosts[role].start()
        recovers(shops)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["at rest", "at work"])
@pytest.mark.parametrize("victim", VICTIMS)
def test_cluster_recovers_from_the_loss_of_any_process(
    shops: list[Connection], start: Callable[..., Host], victim: str, moment: str
) -> None:
    hosts = {role: start(role) for role in ("sync", "control")}
    recovers(shops)
    role, place = VICTIMS[victim]
    members = wait_for(hosts[role].cluster, seconds=PATIENCE)
    if moment == "at work":
        busy(shops[0])
    os.kill(members[place], signal.SIGKILL)
    recovers(shops)


def busy(connection: Connection) -> SyncRun:
    """Return a run of the connection that is being executed."""
    request_sync(connection)
    running = SyncRun.objects.filter(connection=connection, state="running")
    return wait_for(running.first, seconds=PATIENCE)


def kill_busy_worker(connection: Connection) -> None:
    pid = int(busy(connection).worker.partition(":")[2])
    os.kill(pid, signal.SIGKILL)


def recovers(connections: list[Connection]) -> None:
    """Ask for a new run of every connection until it has succeeded; nobody's run may be shown running for long."""
    began = timezone.now()
    until = time.monotonic() + PATIENCE
    waiting = list(connections)
    while waiting:
        assert time.monotonic() < until, [str(run.state) for run in SyncRun.objects.all()]
        shown = [run for run in SyncRun.objects.filter(state="running") if run.shown_state == "running"]
        assert all(run.lease_until and run.lease_until < timezone.now() + timedelta(minutes=1) for run in shown)
        overdue = timezone.now() - timedelta(minutes=1)
        assert not SyncRun.objects.filter(state="running", lease_until__lt=overdue).exists()
        for connection in waiting:
            request_sync(connection)
        done = SyncRun.objects.filter(state="succeeded", queued_at__gt=began)
        waiting = [one for one in waiting if not done.filter(connection=one).exists()]
        time.sleep(0.5)
