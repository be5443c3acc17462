"""The eTrac connector through the engine: overlaps, late packets and faults leave the tables as the source is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from connections.destination import table_name
from connections.models import Connection
from connections.sandbox import SAMPLES
from connections.sandbox.etrac import EMAIL, Etrac
from connections.sandbox.etrac.rounds import Packet, Van
from connections.sandbox.server import Sandbox
from connections.services import create_connection, set_auto_sync, set_stream, streams_of
from syncruns import dispatch
from syncruns.ageing import remove_aged
from syncruns.backfills import begin_backfill, make_way
from syncruns.models import SyncRun
from syncruns.services import request_reset
from syncruns.tasks import claim_next, execute, execute_run
from tests.engine import etrac_truth as truth
from tests.engine.whole import as_moment, check, drop_tables, forget, held, problems, sync

pytestmark = pytest.mark.django_db(transaction=True)
BEHIND = timedelta(hours=40)  # so much earlier the sandbox's clock begins: it can pass time, and never runs ahead


@pytest.fixture
def etrac() -> Etrac:
    return Etrac(seed=5, clock=lambda: timezone.now() - BEHIND)


@pytest.fixture
def sandbox(etrac: Etrac) -> Iterator[Sandbox]:
    with Sandbox(etrac) as running:
        yield running


@pytest.fixture
def fleet(transactional_db: None, sandbox: Sandbox) -> Iterator[Connection]:
    values = SAMPLES["etrac"](sandbox.url)["values"]
    yield create_connection(kind="etrac", name="Frota", values=values, windows={"trips": 4 * 24 * 60})
    drop_tables("e_track")


def assert_same(etrac: Etrac) -> None:
    today = datetime.now(truth.ZONE).date()
    for table, names, told, back in (
        ("position", truth.POSITION, truth.positions, 2), ("trip", truth.TRIP, truth.trips, 4)
    ):  # fmt: skip
        must = told(etrac, today - timedelta(days=back), today)
        check(table, truth.ours(table, names), told(etrac, today - timedelta(days=9), today), set(must))
    vehicles = held("e_track", "vehicle", ("plate_key",), ["plate_key", "last_seen_at"])
    newest = {(truth.key_of(van),): etrac.latest(van) for van in etrac.vans}
    expected = {key: {"last_seen_at": truth.utc(packet.sent)} for key, packet in newest.items() if packet}
    check("vehicle", vehicles, expected, set(expected))


def test_tables_are_the_source_s_after_days_of_overlaps_late_packets_and_faults(
    fleet: Connection, etrac: Etrac
) -> None:
    assert problems(sync(fleet)) == {}
    assert_same(etrac)
    for faults in ("", "reset:1,after=5;html:1,after=11", "truncate:1,after=8"):
        etrac.pass_time(timedelta(hours=12))
        forget(fleet, "walked_at")  # as if hours had passed here too
        etrac.faults.order(faults)
        assert problems(sync(fleet)) == {}
        etrac.faults.order("")
    forget(fleet, "walked_at")
    assert problems(sync(fleet)) == {}
    assert_same(etrac)
    again = sync(fleet, streams=["positions"])
    assert (again.inserted, again.updated) == (0, 0)


class LargeFleet(Etrac):
    """A thousand vehicles; so_often is called after every 300 questions for a vehicle's day."""

    def __init__(self) -> None:
        super().__init__(seed=5, speed=0.1, clock=lambda: timezone.now() - BEHIND)
        self.fleet = [Van(f"FRO{number:04}", f"Van {number}", None, f"{number:09}") for number in range(1000)]
        self.days = 0
        self.so_often: Callable[[], None] = lambda: None

    @property
    def vans(self) -> list[Van]:
        return self.fleet

    def packets(self, van: Van, day: date) -> list[Packet]:
        return super().packets(van, day)[:2]

    def _answer(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        if "data" in asked:
            self.days += 1
            if self.days % 300 == 0:
                self.so_often()
        return super()._answer(path, asked)


@pytest.fixture
def own_tables(transactional_db: None) -> Iterator[None]:
    yield
    drop_tables("e_track")


@pytest.mark.long
def test_backfill_of_a_fleet_whose_day_takes_longer_than_the_time_between_two_syncs_comes_to_its_end(
    own_tables: None,
) -> None:
    large = LargeFleet()
    with Sandbox(large) as sandbox:
        values = {**SAMPLES["etrac"](sandbox.url)["values"], "history_hours": 0}
        # Its own slots come too seldom to fall into the test.
        seldom = {"schedule_kind": "interval", "interval_minutes": 60 * 24}
        fleet = create_connection(kind="etrac", name="Frota", values=values, schedule=seldom)
        set_stream(fleet, "trips", enabled=False)
        set_auto_sync(fleet, True, actor="test")

        def be_due() -> None:
            Connection.objects.filter(pk=fleet.pk).update(next_sync_at=timezone.now() - timedelta(seconds=1))
            make_way(timezone.now())
            database.close()

        last = datetime.now(truth.ZONE).date() - timedelta(days=5)
        begin = datetime.combine(last - timedelta(days=1), time(), truth.ZONE)
        dispatch.tick()
        while (run := claim_next()) is not None:
            execute(run)
        backfill, _created = begin_backfill(fleet, "positions", begin, begin + timedelta(days=2), actor="test")
        large.so_often = be_due
        syncs = 0
        for _run in range(60):
            dispatch.tick()
            if (run := claim_next()) is None:
                break
            execute(run)
            run.refresh_from_db()
            syncs += run.trigger == "schedule"
            assert run.state == "succeeded" or (run.trigger, run.state) == ("backfill", "cancelled"), problems(run)
        backfill.refresh_from_db()
        assert (backfill.state, syncs) == ("done", large.days // 300)
        # What was read but not yet committed when a sync came, well under a second's, is asked for once more after it.
        assert 2000 <= large.days <= 2000 + 30 * syncs, "no vehicle's day is asked for again and again"
        expected = {key for key in truth.positions(large, begin.date(), last)}
        stored = set(truth.ours("position", truth.POSITION))
        assert len(expected) > 2000 and stored >= expected
        fetched = held("e_track", "position_fetch", ("plate_key", "day"), ["plate_key", "day"])
        assert backfill.inserted == backfill.read == len(expected) + len(fetched), "each counts once"


def test_row_that_was_met_live_keeps_what_the_history_does_not_tell(
    fleet: Connection, etrac: Etrac, caplog: pytest.LogCaptureFixture
) -> None:
    sync(fleet, streams=["positions"])
    assert "email=***" in caplog.text and EMAIL not in caplog.text
    names = ["plate_key", "transmitted_at", "row_hash", "source", "recorded_at"]
    live = {key: row for key, row in held("e_track", "position", tuple(names[:3]), names).items() if row["recorded_at"]}
    assert len(live) == len(etrac.vans)
    assert {row["source"] for row in live.values()} == {"live"}


def test_trips_rest_at_the_six_hours_they_declare_while_positions_are_read_each_time(
    fleet: Connection, sandbox: Sandbox
) -> None:
    assert [one.every_minutes for one in streams_of(fleet)] == [None, 360]
    assert problems(_scheduled(fleet)) == {}
    sandbox.requests.clear()
    assert problems(_scheduled(fleet)) == {"trips": ("not_started", "", {})}
    assert list(sandbox.requests) == ["/monitoramento/ultimas-posicoes"]


def _scheduled(fleet: Connection) -> SyncRun:
    run = SyncRun.objects.create(connection=fleet, trigger="schedule", slot=timezone.now())
    done = execute_run(run.pk)
    assert done is not None
    done.refresh_from_db()
    return done


def test_stream_with_a_record_in_quarantine_rests_as_well(fleet: Connection, etrac: Etrac, sandbox: Sandbox) -> None:
    etrac.faults.order("missing-id:1,path=/monitoramento/resumoviagens")
    assert problems(_scheduled(fleet)) == {"trips": ("partial", "", {})}
    sandbox.requests.clear()
    _scheduled(fleet)
    assert list(sandbox.requests) == ["/monitoramento/ultimas-posicoes"]


def test_reset_reads_all_that_is_kept_and_takes_nothing_of_it_away(fleet: Connection, etrac: Etrac) -> None:
    fleet.config["keep_positions_days"] = 4
    fleet.save()
    sync(fleet, streams=["positions"])
    before = _count("position")
    run, _created = request_reset(fleet, "positions", rows=before, call_worker=False)
    done = execute_run(run.pk)
    assert done is not None
    done.refresh_from_db()
    assert (problems(done), done.deleted) == ({}, 0)
    assert _count("position") > before  # the look-back is shorter than what is kept
    again = sync(fleet, streams=["positions"])  # which tells since when each vehicle is known
    assert (again.inserted, again.updated) == (0, len(etrac.vans))


def test_rows_older_than_they_are_kept_are_removed_for_good_and_no_others(fleet: Connection) -> None:
    sync(fleet)
    before = {name: _count(name) for name in ("position", "vehicle", "trip")}
    fleet.config["keep_positions_days"] = 2
    fleet.save()
    while remove_aged(timezone.now()):
        pass
    names = ["plate_key", "transmitted_at", "row_hash"]
    kept = held("e_track", "position", tuple(names), names).values()
    assert 0 < len(kept) < before["position"] and len(kept) == _count("position")
    limit = timezone.now() - timedelta(days=2)
    assert all(as_moment(row["transmitted_at"]) >= limit for row in kept)
    assert {name: _count(name) for name in ("vehicle", "trip")} == {name: before[name] for name in ("vehicle", "trip")}


def _count(table: str) -> int:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table_name('e_track', table)}")
        return int(cursor.fetchone()[0])
