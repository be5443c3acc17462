"""Every due slot is accounted for, once, and runs whose worker vanished are found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule

from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.services import default_schedule, set_auto_sync, set_paused_until, update_connection
from syncruns import dispatch
from syncruns.health import health_of, next_sync_of
from syncruns.models import Checkpoint, SyncRun, SystemJob
from syncruns.services import block_until, cancel_run, note_synced, request_sync, retry_run
from syncruns.tasks import claim_next

pytestmark = pytest.mark.django_db

Make = Callable[..., Connection]


@pytest.fixture
def due(make_connection: Make) -> Callable[..., Connection]:
    """Return a function that makes a connection of the scripted kind, due `late` ago."""

    def make(late: timedelta = timedelta(seconds=1), **fields: object) -> Connection:
        fields = {"kind": "scripted", "auto_sync": True, "interval_minutes": 10, **fields}
        return make_connection(next_sync_at=timezone.now() - late, **fields)

    return make


def test_a_due_slot_becomes_one_queued_run_and_the_next_slot_is_planned(due: Make) -> None:
    connection = due()
    now = timezone.now()
    dispatch.tick(now)
    dispatch.tick(now)
    run = SyncRun.objects.get(connection=connection)
    assert (run.state, run.trigger, run.slot) == ("queued", "schedule", connection.next_sync_at)
    connection.refresh_from_db()
    assert connection.next_sync_at is not None and connection.next_sync_at > now


def test_what_is_off_paused_blocked_or_in_error_is_not_run(due: Make) -> None:
    later = timezone.now() + timedelta(hours=1)
    due(auto_sync=False)
    due(status="error", status_code="credentials_refused")
    due(paused_until=later)
    due(blocked_until=later)
    dispatch.tick()
    assert not SyncRun.objects.filter(state="queued").exists()


def test_slots_during_a_pause_are_one_skipped_row_with_their_count(due: Make) -> None:
    connection = due(paused_until=timezone.now() + timedelta(minutes=35))
    dispatch.tick()
    row = SyncRun.objects.get(connection=connection)
    assert (row.state, row.skip_reason) == ("skipped", "paused")
    assert row.skipped_slots in (4, 5)
    connection.refresh_from_db()
    assert connection.next_sync_at is not None and connection.next_sync_at > connection.paused_until  # type: ignore[operator]


def test_a_slot_that_comes_while_the_last_run_goes_on_is_skipped_with_its_reason(due: Make) -> None:
    connection = due()
    SyncRun.objects.create(connection=connection, trigger="manual")
    dispatch.tick()
    assert SyncRun.objects.get(connection=connection, state="skipped").skip_reason == "still_running"


def test_missed_slots_are_one_catch_up_run_and_one_row_with_the_rest(due: Make) -> None:
    connection = due(late=timedelta(minutes=55))
    dispatch.tick()
    assert SyncRun.objects.get(connection=connection, state="queued").trigger == "catch_up"
    skipped = SyncRun.objects.get(connection=connection, state="skipped")
    # 55 minutes hold five or six slots of ten, as the clock stands.
    assert (skipped.skip_reason, skipped.skipped_slots in (5, 6)) == ("no_worker", True)


def test_without_catch_up_missed_slots_wait_for_the_next(due: Make) -> None:
    connection = due(late=timedelta(minutes=55), catch_up="none")
    dispatch.tick()
    assert not SyncRun.objects.filter(state="queued").exists()
    assert SyncRun.objects.get(connection=connection).skipped_slots in (6, 7)


def test_a_run_without_life_signs_is_lost_and_queued_once_more(due: Make) -> None:
    connection = due(auto_sync=False)
    SyncRun.objects.create(connection=connection, trigger="schedule")
    run = claim_next()
    assert run is not None
    checkpoint = Checkpoint.objects.create(connection=connection, stream="items", token=run.token)
    SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert dispatch.reap(timezone.now()) == 1
    run.refresh_from_db()
    checkpoint.refresh_from_db()
    assert (run.state, run.error_code) == ("lost", "worker_lost")
    assert checkpoint.token is None  # the vanished worker may not write, should it wake
    again = SyncRun.objects.get(connection=connection, state="queued")
    assert (again.trigger, again.attempt) == ("retry", 2)
    second = claim_next()
    assert second is not None
    SyncRun.objects.filter(pk=second.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    dispatch.reap(timezone.now())
    assert not SyncRun.objects.filter(state="queued").exists()


def test_a_lost_run_shows_as_lost_before_anyone_reaps_it(due: Make) -> None:
    SyncRun.objects.create(connection=due(), trigger="manual")
    run = claim_next()
    assert run is not None
    run.lease_until = timezone.now() - timedelta(seconds=1)
    assert run.shown_state == "lost"


def test_people_go_before_the_schedule(due: Make) -> None:
    scheduled = SyncRun.objects.create(connection=due(), trigger="schedule")
    asked, _created = request_sync(due(), call_worker=False)
    first, second = claim_next(), claim_next()
    assert first is not None and second is not None
    assert [first.pk, second.pk] == [asked.pk, scheduled.pk]
    assert claim_next() is None


def test_two_clicks_are_one_run(due: Make) -> None:
    connection = due()
    first, created = request_sync(connection, call_worker=False)
    second, again = request_sync(connection, call_worker=False)
    assert (created, again, first.pk) == (True, False, second.pk)


def test_the_database_refuses_a_second_active_run(due: Make) -> None:
    connection = due()
    SyncRun.objects.create(connection=connection, trigger="manual")
    with pytest.raises(IntegrityError), transaction.atomic():
        SyncRun.objects.create(connection=connection, trigger="manual")


def test_a_stale_holder_cannot_finish_a_run(due: Make) -> None:
    SyncRun.objects.create(connection=due(), trigger="manual")
    run = claim_next()
    assert run is not None
    stale = SyncRun.objects.get(pk=run.pk)
    assert run.hand_back()
    assert claim_next() is not None
    assert not stale.finish("succeeded")
    assert not stale.extend_lease(30)


def test_a_queued_run_is_cancelled_at_once_and_retried_on_demand(due: Make) -> None:
    run, _created = request_sync(due(), call_worker=False)
    assert cancel_run(run)
    run.refresh_from_db()
    assert run.state == "cancelled"
    again, created = retry_run(run)
    assert created and again.trigger == "retry"


def test_the_tick_rings_no_more_bells_than_there_are_workers(due: Make, settings: object) -> None:
    for _number in range(5):
        due()
    dispatch.tick()
    dispatch.tick()
    assert get_broker("sync").queue_size() == 2 + 1  # and one for the chores, due in a new database
    assert not any("shop" in str(task.payload) for task in OrmQ.objects.all())


def test_one_ticker_at_a_time() -> None:
    token = SystemJob.take("dispatch", 10)
    assert token is not None
    assert SystemJob.take("dispatch", 10) is None
    SystemJob.release("dispatch", token)
    assert SystemJob.take("dispatch", 10) is not None


def test_the_schedule_row_reads_back_as_written() -> None:
    Schedule.objects.create(name=dispatch.SCHEDULE_NAME, func="gone.away", args="((", cluster=None)
    dispatch.ensure_schedule()
    row = Schedule.objects.get()
    assert (row.func, row.args, row.kwargs, row.cluster, row.repeats) == (
        "syncruns.tasks.dispatch", None, None, "control", -1,
    )  # fmt: skip


def test_switching_on_makes_a_new_connection_due_now_and_a_pause_holds_it(due: Make, make_connection: Make) -> None:
    connection = set_auto_sync(make_connection(kind="scripted"), True)
    assert connection.next_sync_at is not None and connection.next_sync_at <= timezone.now()
    set_paused_until(connection, timezone.now() + timedelta(minutes=5))
    dispatch.tick()
    assert not SyncRun.objects.filter(state="queued").exists()


def test_slot_of_a_kind_that_is_switched_off_is_skipped_and_says_so(due: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_SCRIPTED", "0")
    connection = due()
    dispatch.tick()
    run = SyncRun.objects.get(connection=connection)
    assert (run.state, run.skip_reason) == ("skipped", "kind_off")
    connection.refresh_from_db()
    now = timezone.now()
    assert connection.next_sync_at is not None and connection.next_sync_at > now
    health = health_of(connection, None, None, now)
    assert (health.state, "RUN_SCRIPTED=0" in health.sentence) == ("off", True)
    assert "RUN_SCRIPTED=0" in next_sync_of(connection, now).detail
    monkeypatch.setenv("RUN_SCRIPTED", "1")
    assert health_of(connection, None, None, now).state != "off"


def test_run_that_waits_when_its_kind_is_switched_off_is_skipped_and_says_so(
    due: Make, make_connection: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = [due(), make_connection(kind="scripted"), make_connection(kind="scripted")]
    dispatch.tick()
    asked, _created = request_sync(connections[1], call_worker=False)
    window = SyncRun.objects.create(connection=connections[2], trigger="backfill")
    review = SyncRun.objects.create(connection=make_connection(kind="scripted"), trigger="review")
    handed_back = SyncRun.objects.create(connection=make_connection(kind="scripted"), trigger="manual")
    assert handed_back.claim("here", 30)
    handed_back.streams.create(stream="orders", state="succeeded", inserted=3)
    handed_back.streams.create(stream="items")
    handed_back.hand_back()
    monkeypatch.setenv("RUN_SCRIPTED", "0")
    run = claim_next()
    assert run is not None and run.pk == review.pk, "loading what a person corrected calls no source"
    assert claim_next() is None
    told = {run.trigger: (run.state, run.skip_reason, run.skipped_slots) for run in connections[0].runs.all()}
    assert told == {"schedule": ("skipped", "kind_off", 1)}
    asked.refresh_from_db()
    assert (asked.state, asked.skip_reason, asked.skipped_slots) == ("skipped", "kind_off", 0)
    assert asked.finished_at is not None and asked.started_at is None
    assert not SyncRun.objects.filter(pk=window.pk).exists(), "it comes again when the kind is on"
    handed_back.refresh_from_db()
    assert (handed_back.state, handed_back.inserted) == ("skipped", 3)
    assert set(handed_back.streams.values_list("state", flat=True)) == {"succeeded", "not_started"}


def test_sync_now_of_a_kind_that_is_switched_off_is_refused(due: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_SCRIPTED", "0")
    connection = due()
    with pytest.raises(SyncError) as refused:
        request_sync(connection, call_worker=False)
    assert (refused.value.code, refused.value.params) == ("kind_off", {"variable": "RUN_SCRIPTED"})
    assert not connection.runs.exists()


def test_new_daily_connections_take_their_time_from_the_environment(settings: Any) -> None:
    assert default_schedule("auvo")["daily_at"] == "01:05"
    settings.DAILY_RUN_HOUR = 3
    assert default_schedule("auvo") == {"schedule_kind": "daily", "daily_at": "03:05"}


def test_slots_that_a_quota_takes_are_accounted_for_until_it_returns(due: Make, make_connection: Make) -> None:
    now = timezone.now()
    connection = make_connection(
        kind="scripted", auto_sync=True, interval_minutes=10, next_sync_at=now + timedelta(minutes=10)
    )
    block_until(connection, now + timedelta(minutes=125))
    dispatch.tick(now + timedelta(minutes=11))
    row = SyncRun.objects.get(connection=connection)
    assert (row.state, row.skip_reason) == ("skipped", "quota") and row.skipped_slots in (12, 13)
    connection.refresh_from_db()
    assert connection.next_sync_at == connection.blocked_until


def test_slot_of_the_moment_when_the_quota_returns_runs_and_is_not_counted_as_missed(make_connection: Make) -> None:
    midnight = datetime(2026, 6, 9, 3, 0, tzinfo=UTC)
    with time_machine.travel(midnight - timedelta(hours=3), tick=False) as clock:
        connection = make_connection(
            kind="scripted", auto_sync=True, schedule_kind="cron", cron="0 * * * *", blocked_until=midnight,
            next_sync_at=midnight - timedelta(hours=3),
        )  # fmt: skip
        dispatch.tick()
        clock.move_to(midnight)
        dispatch.tick()
    told = {(run.state, run.slot, run.skipped_slots) for run in connection.runs.all()}
    assert told == {("skipped", midnight - timedelta(hours=3), 3), ("queued", midnight, 0)}


def test_quota_that_returns_early_gives_its_slots_back(due: Make) -> None:
    now = timezone.now()
    connection = due(blocked_until=now + timedelta(hours=3))
    dispatch.tick(now)
    row = SyncRun.objects.get(connection=connection)
    assert row.skipped_slots in (18, 19)
    connection.refresh_from_db()
    note_synced(connection, trouble=False)  # somebody synced by hand, and it worked
    row.refresh_from_db()
    connection.refresh_from_db()
    assert row.skipped_slots == 1
    assert connection.next_sync_at is not None and connection.next_sync_at <= now + timedelta(minutes=11)


@pytest.mark.parametrize("act", ["off", "schedule"])
def test_slots_that_nobody_saw_before_the_plan_changed_are_accounted_for(due: Make, act: str) -> None:
    now = timezone.now()
    connection = due(timedelta(minutes=35), last_sync_at=now - timedelta(minutes=45))
    if act == "off":
        set_auto_sync(connection, False)
    else:
        update_connection(connection, schedule={"schedule_kind": "daily", "daily_at": "01:05"})
    row = SyncRun.objects.get(connection=connection)
    assert (row.state, row.skip_reason) == ("skipped", "replanned") and row.skipped_slots in (4, 5)
    assert row.slot == connection.next_sync_at
    dispatch.tick(now + timedelta(minutes=1))
    assert SyncRun.objects.filter(connection=connection).count() == 1
