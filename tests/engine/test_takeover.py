"""What a worker may still write once its run has been taken away: nothing; and what is left when it ends badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from connections.models import Connection
from connections.sdk.context import Context
from connections.sdk.declare import Page
from connections.sdk.errors import SyncError
from syncruns import dispatch, lease, tasks
from syncruns.engine.sync import _StreamSync
from syncruns.models import Checkpoint, SyncLog, SyncRun, SystemJob
from syncruns.services import request_sync
from syncruns.stopping import clear_stop_mark, set_stop_mark
from tests.engine.scripted import Script, ScriptedConnector, items, pages

Sync = Callable[..., SyncRun]


def taken_away(shop: Connection) -> None:
    """Let the lease of the shop's run end and reap it, as happens while its worker is frozen."""
    ended = timezone.now() - timedelta(seconds=1)
    SyncRun.objects.filter(connection=shop, state="running").update(lease_until=ended)
    assert dispatch.reap(timezone.now()) == 1


def streams(run: SyncRun) -> list[str]:
    return [row.state for row in run.streams.all()]


def losing(shop: Connection, *, then: Callable[[], Page | None] = lambda: None) -> Script:
    """Return a script whose run is taken away after its first page was loaded."""

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"), checkpoint={"id": 1})
        while not Checkpoint.objects.filter(connection=shop, state={"id": 1}).exists():
            context.wait(0.05)
        taken_away(shop)
        page = then()
        if page is not None:
            yield page

    return script


def test_woken_worker_leaves_the_streams_and_the_log_of_its_lost_run_alone(sync_now: Sync, shop: Connection) -> None:
    run = sync_now({"items": losing(shop), "orders": pages(Page())})
    assert (run.state, run.error_code) == ("lost", "worker_lost")
    assert streams(run) == ["failed", "not_started"]
    assert not run.logs.filter(at__gt=run.finished_at).exists()


def test_woken_worker_that_tries_its_stream_again_takes_no_right_to_write(sync_now: Sync, shop: Connection) -> None:
    def fails() -> None:
        raise SyncError("timeout")

    run = sync_now({"items": losing(shop, then=fails)})
    assert run.state == "lost"
    assert Checkpoint.objects.get(connection=shop, stream="items").token is None


def test_lost_run_shows_what_it_loaded(sync_now: Sync, shop: Connection) -> None:
    run = sync_now({"items": losing(shop)})
    assert (run.read, run.inserted) == (1, 1)


def test_worker_that_gives_up_by_itself_has_its_run_queued_again(sync_now: Sync, shop: Connection) -> None:
    """It does so when the database was away for longer than its lease: the reaper saw nothing."""

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        Checkpoint.objects.filter(connection=shop).update(token=None)
        yield items((2, "b", "2"))

    run = sync_now({"items": script}, trigger="schedule")
    assert run.state == "lost"
    assert SyncRun.objects.get(connection=shop, state="queued").attempt == 2


def test_source_that_hangs_costs_the_run_its_lease(
    sync_now: Sync, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 1.0)
    let_go = threading.Event()

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"), checkpoint={"id": 1})
        let_go.wait(60)

    try:
        run = sync_now({"items": script})
    finally:
        let_go.set()
    assert run.state == "lost"


def test_announced_wait_of_the_source_keeps_the_lease(
    sync_now: Sync, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 0.5)

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"), checkpoint={"id": 1})
        context.wait(6)
        yield items((2, "b", "1"), checkpoint={"id": 2})

    assert sync_now({"items": script, "orders": pages()}).state == "succeeded"


def test_run_cancelled_while_it_stops_is_not_handed_back(sync_now: Sync, shop: Connection) -> None:
    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        set_stop_mark()
        yield items((1, "a", "1"), checkpoint={"id": 1})
        try:
            while True:
                context.wait(0.05)
        finally:
            SyncRun.objects.get(connection=shop).request_cancel()

    try:
        run = sync_now({"items": script})
    finally:
        clear_stop_mark()
    assert run.state == "cancelled"
    assert streams(run) == ["cancelled", "not_started"]


def test_run_handed_back_goes_on_with_its_counts(sync_now: Sync, shop: Connection) -> None:
    def stopping(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"), checkpoint={"id": 1})
        set_stop_mark()
        while True:
            context.wait(0.05)

    try:
        run = sync_now({"items": stopping})
    finally:
        clear_stop_mark()
    assert (run.state, run.token, run.attempt) == ("queued", None, 1)
    assert streams(run) == ["waiting", "waiting"]
    ScriptedConnector.scripts = {"items": pages(items((2, "b", "2"), checkpoint={"id": 2}))}
    assert tasks.execute_run(run.pk) is not None
    run.refresh_from_db()
    assert (run.state, run.read, run.inserted) == ("succeeded", 2, 2)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_database_error_outside_a_load_is_told_as_such(
    sync_now: Sync, shop: Connection, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails(self: _StreamSync, attempt: int) -> None:
        raise error("connection already closed")

    monkeypatch.setattr(_StreamSync, "_begin", fails)
    run = sync_now({"items": pages()})
    assert (run.state, run.error_code) == ("failed", "destination_failed")
    assert streams(run) == ["failed", "failed"]


def test_reaper_notes_the_loss_in_the_run_s_log(sync_now: Sync, shop: Connection) -> None:
    run = sync_now({"items": losing(shop)})
    assert SyncLog.objects.filter(run=run, event="failed.worker_lost").count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for everything")
def test_frozen_worker_s_locks_hold_up_neither_other_lost_runs_nor_due_slots(
    shop: Connection, make_connection: Callable[..., Connection]
) -> None:
    due = make_connection(kind="scripted", auto_sync=True, next_sync_at=timezone.now())
    other = make_connection(kind="scripted")
    for one in (shop, other):
        run, _created = request_sync(one, call_worker=False)
        assert run.claim("worker", 30)
        Checkpoint.objects.create(connection=one, stream="items", token=run.token)
    SyncRun.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))
    locked, ticked = threading.Event(), threading.Event()

    def freeze() -> None:
        with transaction.atomic():
            assert Checkpoint.objects.get(connection=shop).own(SyncRun.objects.get(connection=shop))
            locked.set()
            ticked.wait(60)
        connection.close()

    frozen = threading.Thread(target=freeze)
    frozen.start()
    try:
        locked.wait(60)
        dispatch.tick()
        assert SyncRun.objects.get(connection=shop).state == "running"
        assert SyncRun.objects.get(connection=other).state == "lost"
        assert SyncRun.objects.get(connection=due).state == "queued"
    finally:
        ticked.set()
        frozen.join()
    dispatch.tick()
    assert SyncRun.objects.get(connection=shop).state == "lost"


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no sessions")
def test_session_that_stands_still_inside_a_transaction_is_ended_after_half_a_minute() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("30s",)


@pytest.mark.django_db(transaction=True)
def test_ticker_goes_on_when_one_tick_meets_a_database_error(monkeypatch: pytest.MonkeyPatch) -> None:
    met = []

    def tick() -> None:
        met.append(1)
        if len(met) == 1:
            raise OperationalError("the database system is starting up")
        SystemJob.objects.filter(name=SystemJob.DISPATCH).update(token=None)  # another takes it: this one ends

    monkeypatch.setattr(dispatch, "tick", tick)
    monkeypatch.setattr("django.conf.settings.TICK_SECONDS", 1)
    assert tasks.dispatch() == "done"
    assert len(met) == 2


def test_clock_that_is_set_back_does_not_keep_a_dead_workers_run_running(shop: Connection) -> None:
    run, _created = request_sync(shop, call_worker=False)
    assert run.claim("worker", 30)
    SyncRun.objects.update(lease_until=timezone.now() + timedelta(hours=3))  # as a clock that went wrong left it
    run.refresh_from_db()
    assert run.shown_state == "lost"
    assert dispatch.reap(timezone.now()) == 1


@pytest.mark.django_db
def test_lease_taken_by_a_clock_that_was_wrong_does_not_hold_for_ever() -> None:
    assert SystemJob.take("dispatch", 15) is not None
    SystemJob.objects.update(lease_until=timezone.now() + timedelta(days=365))
    assert SystemJob.take("dispatch", 15) is not None
