"""A backfill reads the past in windows: each counts once, none disturbs the everyday syncs, and it ends complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import AuditEvent, Connection
from connections.sdk.context import Context
from connections.sdk.declare import Page, Sweep
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid
from syncruns import backfills, dispatch
from syncruns.listing import load_row
from syncruns.models import Backfill, Checkpoint, SyncRun
from syncruns.models.backfill import TRIES
from syncruns.services import cancel_run, request_sync
from syncruns.tasks import claim_next, execute, execute_run
from tests.console import wait_for
from tests.engine.scripted import ScriptedConnector, fails, items
from tests.engine.test_takeover import taken_away

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=10)
ALL_HOURS = list(range(240))


class Source:
    """One item for each hour of the ten days; read(since, until) pages through those that changed then."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.before: Callable[[int, Context], None] = lambda number, context: None
        self.tells_places = False

    def __call__(self, state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        since, until = context.options.since, context.options.until
        if since is None or until is None:
            yield items((1000, "everyday", "1"), checkpoint={"everyday": True})
            return
        self.asked.append((since, until))
        hours = [hour for hour in ALL_HOURS if since <= BEGIN + timedelta(hours=hour) < until]
        place = context.options.place or {}
        for start in range(place.get("start", 0), len(hours), 10):
            self.before(start, context)
            part = [(hour, f"item {hour}", "1") for hour in hours[start : start + 10]]
            page = items(*part, checkpoint={"wrong": start})
            yield replace(page, place={"start": start + 10}) if self.tells_places else page
        yield Page(sweep=Sweep("items", [(1,)], begins=True, complete=True), checkpoint={"wrong": -1})


@pytest.fixture
def source() -> Source:
    ScriptedConnector.scripts = {"items": (one := Source())}
    return one


@pytest.fixture
def backfill(shop: Connection, source: Source) -> Backfill:
    Connection.objects.filter(pk=shop.pk).update(next_sync_at=timezone.now() + timedelta(hours=1))
    shop.refresh_from_db()
    begun, created = backfills.begin_backfill(shop, "items", BEGIN, END, actor="cli")
    assert created
    return begun


def step(backfill: Backfill) -> SyncRun | None:
    """Let the dispatcher queue what it wants, and execute the best run."""
    Backfill.objects.update(not_before=None)
    dispatch.tick()
    run = claim_next()
    if run is not None:
        execute(run)
        run.refresh_from_db()
    backfill.refresh_from_db()
    return run


def to_the_end(backfill: Backfill) -> list[SyncRun]:
    runs = []
    while backfill.state == "running":
        run = step(backfill)
        assert run is not None
        runs.append(run)
    return runs


def hours(rows: Rows) -> list[int]:
    return [row[0] for row in rows("items", "id, name") if row[0] != 1000]


def test_windows_cover_the_range_once_and_leave_checkpoint_health_and_last_sync_alone(
    shop: Connection, sync_now: Sync, backfill: Backfill, source: Source, rows: Rows
) -> None:
    sync_now()
    shop.refresh_from_db()
    everyday = Checkpoint.objects.get(connection=shop, stream="items")
    runs = to_the_end(backfill)
    assert (backfill.state, backfill.share, backfill.read, backfill.inserted) == ("done", 1.0, 240, 240)
    assert backfill.windows_done == len(runs) == len(source.asked) > 2
    assert source.asked[0][0] == BEGIN and source.asked[-1][1] == END
    assert [until for _since, until in source.asked[:-1]] == [since for since, _until in source.asked[1:]]
    assert hours(rows) == ALL_HOURS
    after = Checkpoint.objects.get(connection=shop, stream="items")
    assert (after.state, after.committed_at) == ({"everyday": True}, everyday.committed_at)
    last_sync = shop.last_sync_at
    shop.refresh_from_db()
    assert shop.last_sync_at == last_sync
    row = load_row(shop, timezone.now())
    assert row.last_run is not None and row.last_run.trigger == "manual"
    assert AuditEvent.objects.filter(action="backfill.begun").count() == 1


def test_window_is_queued_only_when_nothing_is_due_and_nothing_is_active(shop: Connection, backfill: Backfill) -> None:
    Connection.objects.filter(pk=shop.pk).update(next_sync_at=timezone.now() - timedelta(seconds=1))
    dispatch.tick()
    assert [run.trigger for run in SyncRun.objects.all()] == ["schedule"]
    Connection.objects.filter(pk=shop.pk).update(next_sync_at=timezone.now() + timedelta(hours=1))
    assert backfills.queue_window(backfill, timezone.now()) is None  # the run is active
    SyncRun.objects.all().delete()
    Connection.objects.filter(pk=shop.pk).update(next_sync_at=timezone.now() - timedelta(seconds=1))
    assert backfills.queue_window(backfill, timezone.now()) is None  # the next one is due
    Connection.objects.filter(pk=shop.pk).update(next_sync_at=timezone.now() + timedelta(hours=1))
    for hold in ("paused_until", "blocked_until"):
        Connection.objects.filter(pk=shop.pk).update(**{hold: timezone.now() + timedelta(hours=1)})
        assert backfills.queue_window(backfill, timezone.now()) is None
        Connection.objects.filter(pk=shop.pk).update(**{hold: None})
    run = backfills.queue_window(backfill, timezone.now())
    assert run is not None and run.priority < 0


def test_queued_window_makes_way_for_a_due_slot_and_for_a_person(shop: Connection, backfill: Backfill) -> None:
    window = backfills.queue_window(backfill, timezone.now())
    Connection.objects.filter(pk=shop.pk).update(next_sync_at=timezone.now() - timedelta(seconds=1))
    dispatch.tick()
    assert [run.trigger for run in SyncRun.objects.all()] == ["schedule"]
    SyncRun.objects.all().delete()
    window = backfills.queue_window(backfill, timezone.now())
    assert window is not None
    run, created = request_sync(shop, call_worker=False)
    assert (created, list(SyncRun.objects.all())) == (True, [run])


def test_running_window_makes_way_at_its_next_page_and_the_slot_is_run_not_skipped(
    shop: Connection, backfill: Backfill, source: Source, rows: Rows
) -> None:
    slot = timezone.now() - timedelta(seconds=1)

    def be_due(start: int, context: Context) -> None:
        if start == 10 and len(source.asked) == 2:
            Connection.objects.filter(pk=shop.pk).update(next_sync_at=slot)
            dispatch.tick()
            assert not SyncRun.objects.exclude(trigger="backfill").exists()
            context.wait(30)

    source.before = be_due
    step(backfill)
    reached, window = backfill.reached, backfill.window
    broken_off = step(backfill)
    assert broken_off is not None and broken_off.state == "cancelled"
    assert (backfill.state, backfill.reached, backfill.window) == ("running", reached, window / 2)
    everyday = step(backfill)
    assert everyday is not None and (everyday.trigger, everyday.slot) == ("schedule", slot)
    assert not SyncRun.objects.filter(state="skipped").exists()
    source.before = lambda start, context: None
    to_the_end(backfill)
    assert hours(rows) == ALL_HOURS


def test_window_whose_source_tells_its_place_goes_on_there_and_keeps_its_length(
    shop: Connection, backfill: Backfill, source: Source, rows: Rows
) -> None:
    """However often it is broken off, so that what takes longer than the time between two syncs comes to its end."""
    source.tells_places = True
    slots = 0

    def be_due(start: int, context: Context) -> None:
        nonlocal slots
        if start > (context.options.place or {"start": 0})["start"] and slots < 5:
            slots += 1
            wait_for(lambda: (Backfill.objects.get().place or {"at": {}})["at"] == {"start": start})
            Connection.objects.filter(pk=shop.pk).update(next_sync_at=timezone.now() - timedelta(seconds=1))
            dispatch.tick()
            context.wait(30)

    source.before = be_due
    runs = to_the_end(backfill)
    ended = [run.state for run in runs if run.trigger == "backfill"]
    assert ended.count("cancelled") == slots == 5
    assert source.asked[:3] == [(BEGIN, BEGIN + timedelta(days=1))] * 3, "two parts broken off, then the rest"
    assert source.asked[3][1] - source.asked[3][0] == timedelta(hours=12), "what was broken off was too long"
    assert hours(rows) == ALL_HOURS
    assert (backfill.read, backfill.inserted, backfill.place) == (240, 240, None)


def test_lost_window_goes_on_at_the_place_it_had_reached(
    shop: Connection, backfill: Backfill, source: Source, rows: Rows
) -> None:
    source.tells_places = True

    def vanish(start: int, context: Context) -> None:
        if start == 10 and len(source.asked) == 1:
            wait_for(lambda: Backfill.objects.get().place)
            taken_away(shop)
            context.wait(0)

    source.before = vanish
    lost = step(backfill)
    assert lost is not None and lost.state == "lost" and backfill.reached == BEGIN
    starts: list[int] = []
    source.before = lambda start, context: starts.append(start)
    to_the_end(backfill)
    assert starts[:2] == [10, 20]
    assert hours(rows) == ALL_HOURS
    assert (backfill.read, backfill.inserted) == (240, 240)


def test_range_that_is_read_by_days_has_windows_of_whole_days(
    shop: Connection, backfill: Backfill, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = replace(ScriptedConnector.streams({})[0], by_days=True)
    monkeypatch.setattr(ScriptedConnector, "streams", classmethod(lambda cls, config: (stream,)))
    Backfill.objects.update(window=timedelta(days=3))
    window = backfills.queue_window(backfill, timezone.now())
    assert window is not None
    for length in (1, 1):
        backfills.follow(_ended(window, "cancelled"), None)
        backfill.refresh_from_db()
        assert backfill.window == timedelta(days=length)


def _ended(run: SyncRun, state: str) -> SyncRun:
    run.state = state
    return run


def test_lost_window_is_read_again_from_its_beginning_and_counted_once(
    shop: Connection, backfill: Backfill, source: Source, rows: Rows
) -> None:
    def vanish(start: int, context: Context) -> None:
        if start == 10 and len(source.asked) == 2:
            taken_away(shop)
            context.wait(0)

    source.before = vanish
    step(backfill)
    reached = backfill.reached
    lost = step(backfill)
    assert lost is not None and lost.state == "lost"
    assert (backfill.reached, backfill.windows_done, backfill.tries) == (reached, 1, 1)
    assert not SyncRun.objects.filter(state="queued").exists()
    to_the_end(backfill)
    assert source.asked[2] == source.asked[1]
    assert hours(rows) == ALL_HOURS
    assert backfill.read == 240


def test_failing_window_is_tried_again_later_then_left_to_a_person_who_resumes_it(
    shop: Connection, backfill: Backfill, source: Source, rows: Rows, settings: Any
) -> None:
    settings.RETRY_DELAY = 0
    step(backfill)
    reached = backfill.reached
    ScriptedConnector.scripts = {"items": fails("server_error", status=500)}
    for tried in range(1, TRIES + 1):
        assert backfill.state == "running"
        before = timezone.now()
        dispatch.tick()
        run = claim_next()
        assert run is not None
        execute(run)
        backfill.refresh_from_db()
        assert (backfill.tries, backfill.error_code, backfill.reached) == (tried, "server_error", reached)
        if tried < TRIES:
            assert backfill.not_before is not None and backfill.not_before > before + timedelta(seconds=50)
            assert backfills.queue_window(backfill, timezone.now()) is None
            Backfill.objects.update(not_before=None)
    assert backfill.state == "failed"
    shop.refresh_from_db()
    assert shop.status == "active"
    ScriptedConnector.scripts = {"items": source}
    assert backfills.resume_backfill(backfill, actor="cli")
    to_the_end(backfill)
    assert (backfill.error_code, hours(rows)) == ("", ALL_HOURS)


def test_refused_credentials_stop_the_connection_and_the_backfill_at_once(shop: Connection, backfill: Backfill) -> None:
    ScriptedConnector.scripts = {"items": fails("credentials_refused")}
    step(backfill)
    shop.refresh_from_db()
    assert (shop.status, backfill.state, backfill.error_code) == ("error", "failed", "credentials_refused")


def test_quota_of_the_source_is_waited_for_without_counting_a_try(shop: Connection, backfill: Backfill) -> None:
    until = timezone.now() + timedelta(hours=2)

    def penalty(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        raise SyncError("quota_blocked", until=until)
        yield

    ScriptedConnector.scripts = {"items": penalty}
    step(backfill)
    assert (backfill.state, backfill.tries, backfill.not_before) == ("running", 0, until)
    assert backfills.queue_window(backfill, timezone.now()) is None


def test_stopping_keeps_what_was_loaded_and_resuming_goes_on_there(
    backfill: Backfill, source: Source, rows: Rows
) -> None:
    def stop(start: int, context: Context) -> None:
        if start == 10 and len(source.asked) == 2:
            assert backfills.stop_backfill(backfill, actor="cli")
            context.wait(30)

    source.before = stop
    step(backfill)
    reached = backfill.reached
    run = step(backfill)
    assert run is not None and run.state == "cancelled"
    assert (backfill.state, backfill.reached) == ("stopped", reached)
    assert step(backfill) is None
    source.before = lambda start, context: None
    assert backfills.resume_backfill(backfill, actor="cli")
    to_the_end(backfill)
    assert hours(rows) == ALL_HOURS
    actions = AuditEvent.objects.filter(action__startswith="backfill.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["backfill.begun", "backfill.stopped", "backfill.resumed"]


def test_cancelling_a_window_stops_its_backfill(backfill: Backfill) -> None:
    window = backfills.queue_window(backfill, timezone.now())
    assert window is not None and cancel_run(window, actor="cli")
    backfill.refresh_from_db()
    assert backfill.state == "stopped"


def test_pause_between_windows_is_kept(backfill: Backfill) -> None:
    Backfill.objects.update(pause_seconds=600)
    step(backfill)
    assert backfill.not_before is not None and backfill.not_before > timezone.now() + timedelta(minutes=9)
    assert backfills.queue_window(backfill, timezone.now()) is None
    assert backfill.time_left is not None and backfill.time_left > timedelta(hours=1)


def test_only_sensible_ranges_of_streams_that_can_be_ranged_are_begun(shop: Connection, source: Source) -> None:
    with pytest.raises(SettingsInvalid):
        backfills.begin_backfill(shop, "items", END, BEGIN)
    with pytest.raises(SettingsInvalid):
        backfills.begin_backfill(shop, "items", timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=2))
    with pytest.raises(SyncError):
        backfills.begin_backfill(shop, "orders", BEGIN, END)
    first, created = backfills.begin_backfill(shop, "items", BEGIN, timezone.now() + timedelta(days=9))
    assert created and first.end <= timezone.now()
    assert backfills.begin_backfill(shop, "items", BEGIN, END) == (first, False)


def test_stream_never_read_still_makes_its_first_read_after_a_backfill(
    shop: Connection, backfill: Backfill, source: Source
) -> None:
    since = datetime(2025, 6, 1, tzinfo=UTC)
    run, _created = request_sync(shop, since=since, call_worker=False)
    cancel_run(run)
    to_the_end(backfill)
    assert Checkpoint.objects.get(connection=shop, stream="items").state is None
    assert shop.stream_settings.get(stream="items").first_since == since
    later, _created = request_sync(shop, call_worker=False)
    execute_run(later.pk)
    assert Checkpoint.objects.get(connection=shop, stream="items").state == {"everyday": True}
