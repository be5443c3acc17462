"""Unusually many deletions wait for a person, and what he decides is done when no run writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from connections.models import AuditEvent, Connection
from syncruns import decisions, dispatch, tasks
from syncruns.decisions import State
from syncruns.engine.dry_run import dry_run
from syncruns.models import DeleteBrake, MissedRow, SyncRun
from syncruns.services import request_sync
from tests.engine.scripted import ScriptedConnector, items, pages, sweep
from tests.engine.test_sweeps import events, ids

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]
HUNDRED = range(1, 101)


@pytest.fixture
def swept(sync_now: Sync) -> Callable[..., SyncRun]:
    """Return a function that sweeps a table of a hundred rows, of which these are missing, so many times."""
    sync_now({"items": pages(items(*((number, "x", "1") for number in HUNDRED)))})

    def run(missing: range, times: int = 1) -> SyncRun:
        for _time in range(times):
            done = sync_now({"items": pages(sweep(*(number for number in HUNDRED if number not in missing)))})
        return done

    return run


def braked(shop: Connection) -> DeleteBrake:
    return DeleteBrake.objects.get(connection=shop)


@pytest.mark.parametrize(
    ("rows_there", "missing", "stops"),
    [(100, 10, False), (100, 11, True), (300, 15, False), (300, 16, True), (12, 11, True), (12, 10, False),
     (2, 2, True), (1, 1, True)],
)  # fmt: skip
def test_brake_stops_at_over_five_percent_and_over_ten_rows_or_at_all(
    sync_now: Sync, rows: Rows, rows_there: int, missing: int, stops: bool
) -> None:
    sync_now({"items": pages(items(*((number, "x", "1") for number in range(rows_there))))})
    for _time in range(2):
        run = sync_now({"items": pages(sweep(*range(missing, rows_there), 999))})
    assert len(ids(rows)) == rows_there - (0 if stops else missing)
    assert run.error_code == ("delete_brake" if stops else "")


def test_brake_ends_the_stream_with_its_code_and_the_rest_goes_on(
    swept: Callable[..., SyncRun], rows: Rows, shop: Connection
) -> None:
    run = swept(range(1, 21), times=2)
    items_row, orders_row = run.streams.all()
    assert (run.state, run.error_code, run.error_params) == (
        "partial", "delete_brake", {"missing": 20, "total": 100, "table": "items"},
    )  # fmt: skip
    assert (items_row.state, items_row.error_code, orders_row.state) == ("partial", "delete_brake", "succeeded")
    assert (len(ids(rows)), run.deleted) == (100, 0)
    assert (braked(shop).missing, braked(shop).total) == (20, 100)
    assert (shop.status, shop.auto_sync) == ("active", True)
    assert run.logs.filter(event="failed.delete_brake", level="warning").exists()


def test_brake_lets_go_by_itself_when_the_rows_are_met_again(
    swept: Callable[..., SyncRun], rows: Rows, shop: Connection
) -> None:
    swept(range(1, 21), times=2)
    run = swept(range(1, 4))
    assert (run.state, len(ids(rows))) == ("succeeded", 97)  # three are few enough, and were missed all along
    assert not DeleteBrake.objects.exists() and not MissedRow.objects.exists()


def test_approved_rows_go_when_no_run_writes(
    swept: Callable[..., SyncRun], rows: Rows, shop: Connection, administrator: Any
) -> None:
    swept(range(1, 21), times=2)
    waiting, _created = request_sync(shop, call_worker=False)
    OrmQ.objects.all().delete()
    assert decisions.decide(braked(shop), State.APPROVED, user=administrator) == 20
    assert not DeleteBrake.objects.exists()
    assert OrmQ.objects.count() == 1  # a worker is told
    assert (decisions.carry_out(), len(ids(rows))) == (0, 100)  # a run may write at any moment
    assert waiting.cancel_queued()
    OrmQ.objects.all().delete()
    dispatch.tick()
    assert OrmQ.objects.exists()
    assert tasks.work() == "idle"
    assert ids(rows) == list(range(21, 101))
    assert not MissedRow.objects.exists()
    event = AuditEvent.objects.get(action="deletions.approved")
    assert (event.user, event.params) == (administrator, {"table": "items", "count": 20})


def test_the_next_sweep_carries_out_what_was_approved_except_rows_it_meets(
    swept: Callable[..., SyncRun], rows: Rows, shop: Connection
) -> None:
    swept(range(1, 21), times=2)
    decisions.decide(braked(shop), State.APPROVED)
    run = swept(range(1, 16))
    assert (ids(rows), run.deleted, events(run)["sweep_deleted"]) == (list(range(16, 101)), 15, 15)
    assert decisions.carry_out() == 0
    assert ids(rows) == list(range(16, 101))


def test_approved_row_that_changed_meanwhile_is_left_alone(
    swept: Callable[..., SyncRun], sync_now: Sync, rows: Rows, shop: Connection
) -> None:
    swept(range(1, 21), times=2)
    decisions.decide(braked(shop), State.APPROVED)
    sync_now({"items": pages(items((5, "alive", "1")))})
    assert decisions.carry_out() == 19
    assert ids(rows) == [5, *range(21, 101)]


def test_kept_rows_are_not_proposed_again_until_they_are_met_or_change(
    swept: Callable[..., SyncRun], sync_now: Sync, rows: Rows, shop: Connection
) -> None:
    swept(range(1, 21), times=2)
    assert decisions.decide(braked(shop), State.KEPT, actor="cli") == 20
    run = swept(range(1, 24), times=3)
    assert (run.state, ids(rows)) == ("succeeded", [*range(1, 21), *range(24, 101)])
    swept(range(1, 1))
    run = swept(range(1, 21), times=2)
    assert (run.error_code, braked(shop).missing) == ("delete_brake", 20)
    decisions.decide(braked(shop), State.KEPT)
    sync_now({"items": pages(items((7, "changed", "1")))})
    swept(range(1, 21), times=2)
    assert 7 not in ids(rows)


def test_some_rows_are_chosen_and_the_rest_goes_on_waiting(
    swept: Callable[..., SyncRun], rows: Rows, shop: Connection
) -> None:
    swept(range(1, 21), times=2)
    chosen = list(decisions.held(braked(shop)).values_list("pk", flat=True)[:5])
    assert decisions.decide(braked(shop), State.APPROVED, chosen=chosen) == 5
    assert decisions.decide(braked(shop), State.KEPT, chosen=chosen) == 0
    assert braked(shop).missing == 15
    assert decisions.carry_out() == 5
    assert len(ids(rows)) == 95


def test_nobody_decides_on_rows_held_after_he_looked(swept: Callable[..., SyncRun], shop: Connection) -> None:
    swept(range(1, 21), times=2)
    looked = timezone.now()
    swept(range(1, 31), times=2)
    assert braked(shop).missing == 30
    assert decisions.decide(braked(shop), State.APPROVED, as_of=looked) == 20
    assert braked(shop).missing == 10


def test_rows_that_would_go_are_shown_with_a_few_columns(swept: Callable[..., SyncRun], shop: Connection) -> None:
    swept(range(1, 21), times=2)
    brake = braked(shop)
    assert [column.name for column in decisions.shown_columns(brake)] == ["id", "name", "price", "changed"]
    shown = decisions.rows_shown(brake, list(decisions.held(brake)[:3]))
    assert [row.values[:2] for row in shown] == [(1, "x"), (2, "x"), (3, "x")]


def test_rows_of_a_stream_that_is_declared_no_more_are_let_go(
    swept: Callable[..., SyncRun], rows: Rows, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(range(1, 21), times=2)
    decisions.decide(braked(shop), State.APPROVED)
    monkeypatch.setattr(ScriptedConnector, "streams", classmethod(lambda cls, config: ()))
    assert decisions.carry_out() == 0
    assert not MissedRow.objects.exists()


def test_dry_run_says_that_the_brake_would_stop(swept: Callable[..., SyncRun], shop: Connection) -> None:
    swept(range(1, 21))
    row = dry_run(shop, streams=["items"])[0]
    assert (row.deleted, row.state, row.error_code, row.error_params["missing"]) == (0, "partial", "delete_brake", 20)
    assert not DeleteBrake.objects.exists()
