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

from syncruns.models import SyncRun
from syncruns.services import request_sync
from tests.console import wait_for
from tests.crash.hosts import Host, Source
from tests.crash.truth import differences

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
    sources: list[Source], start: Callable[..., Host]
) -> None:
    hosts = {role: start(role) for role in ("sync", "control")}
    kill_busy_worker(sources[0])
    recovers(sources)
    busy(sources[0])
    hosts["sync"].kill()
    hosts["sync"].start()
    recovers(sources)


@pytest.mark.long
@pytest.mark.parametrize("role", ["sync", "control"])
def test_killed_supervisor_starts_again_where_it_was(
    sources: list[Source], start: Callable[..., Host], role: str
) -> None:
    hosts = {one: start(one) for one in ("sync", "control")}
    recovers(sources)
    for _time in range(2):
        hosts[role].kill()
        hosts[role].start()
        recovers(sources)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["at rest", "at work"])
@pytest.mark.parametrize("victim", VICTIMS)
def test_cluster_recovers_from_the_loss_of_any_process(
    sources: list[Source], start: Callable[..., Host], victim: str, moment: str
) -> None:
    hosts = {role: start(role) for role in ("sync", "control")}
    recovers(sources)
    role, place = VICTIMS[victim]
    members = wait_for(hosts[role].cluster, seconds=PATIENCE)
    if moment == "at work":
        busy(sources[0])
    os.kill(members[place], signal.SIGKILL)
    recovers(sources)


@pytest.mark.long
@pytest.mark.parametrize("role", ["sync", "control"])
def test_frozen_cluster_is_ended_and_started_again(
    sources: list[Source], start: Callable[..., Host], role: str
) -> None:
    hosts = {one: start(one) for one in ("sync", "control")}
    recovers(sources)
    (main, *_members) = wait_for(hosts[role].cluster, seconds=PATIENCE)
    os.killpg(main, signal.SIGSTOP)
    recovers(sources)


def busy(source: Source) -> SyncRun:
    """Return a run of the source that is being executed, with much to read."""
    source.ledger.change(60)
    request_sync(source.connection)
    running = SyncRun.objects.filter(connection=source.connection, state="running")
    return wait_for(running.first, seconds=PATIENCE)


def kill_busy_worker(source: Source) -> None:
    pid = int(busy(source).worker.partition(":")[2])
    os.kill(pid, signal.SIGKILL)


def recovers(sources: list[Source]) -> None:
    """Ask for a new run of every source until it has been read to its end, and compare what is there.

    Nobody's run may be shown running for long meanwhile.
    """
    for source in sources:
        source.ledger.change(10)
    began = timezone.now()
    until = time.monotonic() + PATIENCE
    waiting = list(sources)
    while waiting:
        assert time.monotonic() < until, [str(run.state) for run in SyncRun.objects.all()]
        shown = [run for run in SyncRun.objects.filter(state="running") if run.shown_state == "running"]
        assert all(run.lease_until and run.lease_until < timezone.now() + timedelta(minutes=1) for run in shown)
        overdue = timezone.now() - timedelta(minutes=1)
        assert not SyncRun.objects.filter(state="running", lease_until__lt=overdue).exists()
        for source in waiting:
            request_sync(source.connection)
        done = SyncRun.objects.filter(state__in=["succeeded", "partial"], error_code="", queued_at__gt=began)
        waiting = [source for source in waiting if not done.filter(connection=source.connection).exists()]
        time.sleep(0.2)
    for source in sources:
        wait_for(lambda source=source: not is_active(source), seconds=PATIENCE)  # type: ignore[misc]
        assert differences(source.connection, source.ledger) == []


def is_active(source: Source) -> bool:
    return SyncRun.objects.filter(connection=source.connection, state__in=SyncRun.ACTIVE).exists()
