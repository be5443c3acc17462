"""What is too old is removed in small steps, by one worker at a time; what must stay stays."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Task

from connections import audit
from connections.models import AuditEvent, Connection
from syncruns import chores, dispatch
from syncruns.chores import CHORES, Chore, do_due
from syncruns.models import Change, Checkpoint, QuarantinedRecord, StreamRun, SyncLog, SyncRun, SystemJob
from syncruns.tasks import do_chores

pytestmark = pytest.mark.django_db

Make = Callable[..., Connection]


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def runs_of(connection: Connection, count: int, *, days: float, state: str = "failed") -> list[SyncRun]:
    """Create runs a minute apart, the first of them `days` old."""
    began = [ago(days) + timedelta(minutes=number) for number in range(count)]
    return SyncRun.objects.bulk_create(
        SyncRun(connection=connection, trigger="schedule", state=state, queued_at=at, started_at=at, finished_at=at)
        for at in began
    )


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "PAUSE_SECONDS", 0)


def test_old_runs_go_but_the_last_fourteen_and_the_last_success_stay(make_connection: Make) -> None:
    connection, other = make_connection(), make_connection()
    success = runs_of(connection, 2, days=400, state="succeeded")[-1]
    old = runs_of(connection, 120, days=300)
    quiet = runs_of(other, 5, days=300)
    streams = [StreamRun(run=run, stream="orders", label="Orders") for run in old]
    StreamRun.objects.bulk_create(streams)
    checkpoint = Checkpoint.objects.create(connection=connection, stream="orders", run=old[0])

    do_due({"remove_runs": CHORES["remove_runs"]})

    assert set(connection.runs.all()) == {success, *old[-14:]}
    assert set(other.runs.all()) == set(quiet)  # fewer than fourteen
    assert StreamRun.objects.count() == 14
    checkpoint.refresh_from_db()
    assert checkpoint.run is None


def test_recent_and_active_runs_stay(make_connection: Make) -> None:
    connection = make_connection()
    recent = runs_of(connection, 30, days=settings.KEEP_RUNS_DAYS - 1)
    waiting = SyncRun.objects.create(connection=connection, trigger="manual", queued_at=ago(900))
    do_due({"remove_runs": CHORES["remove_runs"]})
    assert set(connection.runs.all()) == {waiting, *recent}


def test_every_kind_of_row_is_removed_when_its_time_is_over(make_connection: Make) -> None:
    connection = make_connection()
    run = runs_of(connection, 1, days=0)[0]
    now = timezone.now()
    for days in (1, 1000):
        SyncLog.objects.create(run=run, event="run_started", at=ago(days))
        Change.objects.create(run=run, stream="o", table="o", kind="inserted", key=[days], at=ago(days))
        Task.objects.create(id=f"t{days}", name="n", func="f", started=ago(days), stopped=ago(days), success=False)
        OrmQ.objects.create(key="gone", payload="", lock=ago(days))
        Session.objects.create(session_key=f"s{days}", session_data="", expire_date=ago(days - 2))
        attempt = AccessAttempt.objects.create(username="ana", user_agent="b", path_info="/", failures_since_start=1)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=ago(days), user_agent=f"b{days}")
        event = audit.record("run.requested", target=connection)
        AuditEvent.objects.filter(pk=event.pk).update(at=ago(days))
        for state in ("open", "fixed"):
            QuarantinedRecord.objects.create(
                connection=connection, stream="o", table="o", record_key=f"{state}{days}", state=state,
                closed_at=ago(days) if state == "fixed" else None, last_seen_at=ago(days),
            )  # fmt: skip

    assert do_due() == len(CHORES)

    kept = [SyncLog, Change, Task, OrmQ, Session, AccessAttempt, AuditEvent]
    assert [model.objects.count() for model in kept] == [1] * 7
    assert set(QuarantinedRecord.objects.values_list("record_key", flat=True)) == {"open1", "open1000", "fixed1"}
    assert not chores.are_due(now)


def test_zero_days_keep_for_ever(make_connection: Make, settings: Any) -> None:
    settings.KEEP_RUNS_DAYS = settings.KEEP_LOGS_DAYS = settings.KEEP_AUDIT_DAYS = settings.KEEP_QUARANTINE_DAYS = 0
    settings.KEEP_CHANGES_DAYS = 0
    run = runs_of(make_connection(), 40, days=4000)[0]
    SyncLog.objects.create(run=run, event="run_started", at=ago(4000))
    Change.objects.create(run=run, stream="o", table="o", kind="inserted", key=[1], at=ago(4000))
    audit.record("run.requested")
    AuditEvent.objects.update(at=ago(4000))
    do_due()
    kept = [SyncRun, SyncLog, Change, AuditEvent]
    assert [model.objects.count() for model in kept] == [40, 1, 1, 1]


def test_each_step_removes_no_more_than_a_batch(make_connection: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "BATCH", 10)
    run = runs_of(make_connection(), 1, days=0)[0]
    SyncLog.objects.bulk_create(SyncLog(run=run, event="page_loaded", at=ago(90)) for _number in range(25))
    removed = []
    step = CHORES["remove_logs"].step

    def counted(now: datetime) -> bool:
        before = SyncLog.objects.count()
        more = step(now)
        removed.append(before - SyncLog.objects.count())
        return more

    do_due({"remove_logs": Chore(timedelta(days=1), counted)})
    assert removed == [10, 10, 5]


def test_what_does_not_fit_into_one_call_goes_on_at_the_next_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter([True, False])
    table = {"test": Chore(timedelta(days=1), lambda now: next(steps))}
    monkeypatch.setattr(chores, "is_stopping", lambda: True)
    assert do_due(table) == 0
    monkeypatch.undo()
    assert do_due(table) == 1


def test_chore_that_another_worker_does_is_left_alone() -> None:
    table = {"test": Chore(timedelta(days=1), lambda now: pytest.fail("done twice"))}
    assert SystemJob.take("test", 60) is not None
    assert do_due(table) == 0


def test_chore_is_done_once_per_interval() -> None:
    done = []
    table = {"test": Chore(timedelta(hours=1), lambda now: bool(done.append(now)))}
    do_due(table)
    do_due(table)
    assert len(done) == 1
    SystemJob.objects.filter(name="test").update(next_at=timezone.now())
    do_due(table)
    assert len(done) == 2


def test_failing_chore_is_logged_and_does_not_keep_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done = []

    def fail(now: datetime) -> bool:
        raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR, logger="sync.chores"):
        hour = timedelta(hours=1)
        do_due({"bad": Chore(hour, fail), "good": Chore(hour, lambda now: bool(done.append(1)))})
    assert done == [1]
    assert "chore bad failed" in caplog.text
    assert SystemJob.objects.get(name="bad").next_at > timezone.now() + timedelta(minutes=50)


def test_worker_that_lost_its_lease_stops() -> None:
    steps = []

    def step(now: datetime) -> bool:
        steps.append(now)
        SystemJob.objects.filter(name="test").update(token=None)
        return True

    do_due({"test": Chore(timedelta(hours=1), step)})
    assert len(steps) == 1


def test_tick_rings_once_for_chores_that_are_due_and_not_for_others() -> None:
    dispatch.tick()
    assert get_broker("sync").queue_size() == 1
    assert do_chores() == "done"
    get_broker("sync").purge_queue()
    with CaptureQueriesContext(database) as queries:
        assert not chores.are_due(timezone.now())
    assert len(queries) == 1
    dispatch.tick()
    assert get_broker("sync").queue_size() == 0
