"""What the eTrac connector reads of its sandbox, over real HTTP: values, days, overlaps, vehicles, resumption."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connections.connectors.etrac import EtracConnector, values
from connections.sandbox.etrac import Etrac
from connections.sandbox.etrac.rounds import VANS, trips
from connections.sandbox.server import Sandbox
from connections.sdk.declare import Page
from tests.connectors.etrac.reader import NOW, At, connector, last_checkpoint, read, rows

ZONE = ZoneInfo("America/Sao_Paulo")
TODAY = date(2026, 6, 10)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def etrac() -> Etrac:
    return Etrac(seed=3, clock=lambda: NOW)


@pytest.fixture
def sandbox(etrac: Etrac) -> Iterator[Sandbox]:
    with Sandbox(etrac) as running:
        yield running


def moment(local: datetime) -> datetime:
    return local.replace(tzinfo=ZONE).astimezone(UTC)


def keys(pages: list[Page], table: str = "position", when: str = "transmitted_at") -> set[tuple[Any, ...]]:
    return {(row["plate_key"], row[when], row.get("row_hash")) for row in rows(pages, table)}


def sent(etrac: Etrac, first: date, last: date) -> set[tuple[str, datetime]]:
    """Return what the source holds of some days: plate and moment of each packet."""
    days = [first + DAY * n for n in range((last - first).days + 1)]
    return {
        (van.plate.replace("-", ""), moment(each.sent))
        for van in etrac.vans for day in days for each in etrac.packets(van, day)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "scale", "value"),
    [
        (42, 1, Decimal("42.0")), ("0 km/h", 1, Decimal("0.0")), ("12,6 V", 2, Decimal("12.60")),
        (Decimal("12.6"), 2, Decimal("12.60")), ("88.214,5 km", 1, Decimal("88214.5")),
        ("-15.601", 6, Decimal("-15.601000")),
        ("1.234.567", 1, Decimal("1234567.0")), ("1,234.5", 1, Decimal("1234.5")), ("88214", 1, Decimal("88214.0")),
        ("", 1, None), (None, 1, None), ("sem sinal", 1, "sem sinal"),
    ],
)  # fmt: skip
def test_number_is_read_with_or_without_its_unit(told: Any, scale: int, value: Any) -> None:
    assert values.number(told, scale) == value


@pytest.mark.parametrize(
    ("told", "value"),
    [
        ("2026-03-14 09:41:07", datetime(2026, 3, 14, 12, 41, 7, tzinfo=UTC)),
        ("2026-03-14T09:41:07-04:00", datetime(2026, 3, 14, 13, 41, 7, tzinfo=UTC)),
        ("03/04/2026 09:41:07", datetime(2026, 4, 3, 12, 41, 7, tzinfo=UTC)),
        ("03-04-2026 09:41:07", datetime(2026, 4, 3, 12, 41, 7, tzinfo=UTC)),
        ("14/03/2026", datetime(2026, 3, 14, 3, tzinfo=UTC)),
        (1773492067, datetime(2026, 3, 14, 12, 41, 7, tzinfo=UTC)),
        ("2018-11-04 00:30:00", datetime(2018, 11, 4, 3, 30, tzinfo=UTC)),
        ("13/14/2026 00:00:00", "? 13/14/2026 00:00:00"),
        ("", None),
    ],
)
def test_moment_is_read_in_every_form_and_never_month_first(told: Any, value: Any) -> None:
    assert values.moment(told, ZONE) == value


def test_plates_flags_places_and_lengths_are_read_as_they_are_meant() -> None:
    assert list(map(values.plate_key, ("abc-1d23", "AAA-9999", " ", None))) == ["ABC1D23", "AAA9999", None, None]
    assert list(map(values.flag, (1, "1", True, 0, "0", "?", None))) == [True] * 3 + [False] * 2 + [None] * 2
    assert values.place("0", "") == values.place(0, 0) == values.place(None, "-56.09") == (None, None)
    assert values.place("-15.6", "-56,09") == (Decimal("-15.600000"), Decimal("-56.090000"))
    assert [values.seconds(each) for each in ("00:33:34", "27:00:01", "")] == [2014, 97201, None]


def test_first_sync_brings_fleet_vehicles_trackers_and_the_days_before(etrac: Etrac, sandbox: Sandbox) -> None:
    pages = read(connector(sandbox.url), "positions")
    assert {key[:2] for key in keys(pages)} == sent(etrac, TODAY - 2 * DAY, TODAY)
    vehicles = {row["plate_key"]: row for row in rows(pages, "vehicle")}
    assert vehicles.keys() == {van.plate.replace("-", "") for van in VANS}
    newest = etrac.latest(VANS[0])
    assert newest is not None
    held = vehicles["ABC1D23"]
    assert (held["plate"], held["fleet"], held["last_seen_at"]) == ("ABC-1D23", "Norte", moment(newest.sent))
    assert held["odometer_km"] == Decimal(newest.odometer)
    assert {(row["plate_key"], row["serial"]) for row in rows(pages, "vehicle_tracker")} == {
        (van.plate.replace("-", ""), van.serial) for van in VANS
    }
    assert {row["status"] for row in rows(pages, "position_fetch")} == {"ok"}


def test_packet_met_live_and_in_the_history_is_one_row(etrac: Etrac, sandbox: Sandbox) -> None:
    pages = read(connector(sandbox.url), "positions")
    live = {key for key, row in zip(map(_key, rows(pages, "position")), rows(pages, "position"), strict=True)
            if row["source"] == "live"}  # fmt: skip
    history = {_key(row) for row in rows(pages, "position") if row["source"] == "history"}
    assert len(live) == len(VANS) and live <= history


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["plate_key"], row["transmitted_at"], row["row_hash"]


def test_between_two_walks_through_the_history_only_the_fleet_is_asked_for(etrac: Etrac, sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    state = last_checkpoint(read(session, "positions"))
    sandbox.requests.clear()
    soon = read(session, "positions", state, At(NOW + 3 * HOUR))
    assert list(sandbox.requests) == ["/monitoramento/ultimas-posicoes"]
    sandbox.requests.clear()
    read(session, "positions", last_checkpoint(soon), At(NOW + 6 * HOUR - timedelta(minutes=2)))
    assert len(sandbox.requests) == 1 + 3 * len(VANS)  # a little early is early enough


def test_late_packets_are_found_by_the_next_walk(etrac: Etrac, sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    first = read(session, "positions")
    etrac.pass_time(2 * DAY)
    second = read(session, "positions", last_checkpoint(first), At(NOW + 2 * DAY))
    met = {key[:2] for key in keys(first) | keys(second)}
    assert met == sent(etrac, TODAY - 2 * DAY, TODAY + 2 * DAY)
    assert {key[:2] for key in keys(first)} < sent(etrac, TODAY - 2 * DAY, TODAY)


def test_walk_goes_on_behind_the_vehicle_it_had_reached(etrac: Etrac, sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    whole = read(session, "positions", None, At(since=NOW - 6 * DAY))
    marks = [place for place, page in enumerate(whole) if page.checkpoint and "walk" in page.checkpoint]
    assert marks[0] == 0  # what is to be walked through is known before the first day is read
    for mark in (marks[0], marks[len(marks) // 2]):
        sandbox.requests.clear()
        rest = read(session, "positions", whole[mark].checkpoint)
        assert keys(whole[: mark + 1]) | keys(rest) == keys(whole)
        assert len(sandbox.requests) == 1 + 7 * len(VANS) - marks.index(mark)


def test_days_are_asked_for_in_the_spelling_of_each_list(etrac: Etrac, sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    for key, table in (("positions", "position_fetch"), ("trips", "trip_fetch")):
        assert {row["status"] for row in rows(read(session, key), table)} == {"ok"}  # the sandbox takes no other


def test_trips_of_yesterday_and_today_come_with_their_drivers(etrac: Etrac, sandbox: Sandbox) -> None:
    pages = read(connector(sandbox.url), "trips")
    held = {(row["plate_key"], row["started_at"]): row for row in rows(pages, "trip")}
    theirs = {
        (van.plate.replace("-", ""), moment(trip.begin)): trip
        for van in etrac.vans for day in (TODAY - DAY, TODAY) for trip in etrac.trips(van, day)
    }  # fmt: skip
    assert held.keys() == theirs.keys()
    done = next(key for key, trip in theirs.items() if trip.driver and trip.end <= etrac.now)
    assert held[done]["duration"] == (theirs[done].end - theirs[done].begin).total_seconds()
    assert held[done]["distance_km"] == Decimal(str(theirs[done].km)) and held[done]["driver_name"]


def test_trip_that_goes_on_has_no_end_and_gets_it_later(sandbox: Sandbox) -> None:
    trip = trips(VANS[0], TODAY, 3)[0]
    local = trip.begin + (trip.end - trip.begin) / 2
    with Sandbox(Etrac(seed=3, clock=lambda: moment(local))) as early:
        session = connector(early.url)
        (held,) = [
            row for row in rows(read(session, "trips", None, At(moment(local))), "trip")
            if (row["plate_key"], row["started_at"]) == ("ABC1D23", moment(trip.begin))
        ]  # fmt: skip
    assert (held["ended_at"], held["end_latitude"], held["duration"]) == (None, None, None)
    after = {row["started_at"]: row for row in rows(read(connector(sandbox.url), "trips"), "trip")}
    assert after[held["started_at"]]["ended_at"] == moment(trip.end)


def test_range_brings_whole_days_of_the_history_and_no_latest_positions(etrac: Etrac, sandbox: Sandbox) -> None:
    begin = datetime(2026, 5, 1, tzinfo=ZONE)
    pages = read(connector(sandbox.url), "positions", None, At(since=begin, until=begin + 2 * DAY))
    assert {key[:2] for key in keys(pages)} == sent(etrac, date(2026, 5, 1), date(2026, 5, 2))
    assert not rows(pages, "vehicle")


def test_range_goes_on_behind_the_vehicle_up_to_which_it_was_read(etrac: Etrac, sandbox: Sandbox) -> None:
    begin = datetime(2026, 5, 1, tzinfo=ZONE)
    range_ = {"since": begin, "until": begin + 2 * DAY}
    session = connector(sandbox.url)
    places = [page.place for page in read(session, "positions", None, At(**range_)) if page.place]
    assert len(places) == 2 * len(etrac.vans)
    asked = len(sandbox.requests)
    rest = read(session, "positions", None, At(**range_, place=places[-3]))
    assert len(sandbox.requests) - asked == 1 + 2, "the fleet, and two vehicles' days"
    assert [page.place for page in rest if page.place] == places[-2:]
    assert not rows(read(session, "positions", None, At(**range_, place=places[-1])), "position")


def test_days_that_would_not_be_kept_are_not_read(sandbox: Sandbox) -> None:
    session = connector(sandbox.url, keep_positions_days=3)
    context = At(since=NOW - 30 * DAY)
    pages = read(session, "positions", None, context)
    assert min(key[1] for key in keys(pages)) >= moment(datetime(2026, 6, 8))  # noqa: DTZ001 - local, as eTrac writes
    assert "days_not_kept" in [event for _level, event, _params in context.events]
    (position,) = [table for table in session.streams(session.config)[0].tables if table.name == "position"]
    assert (position.retention_days, position.aged_by) == (3, "transmitted_at")


def test_vehicle_that_left_is_kept_and_a_moved_tracker_is_known_with_both(etrac: Etrac, sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    state = last_checkpoint(read(session, "positions"))
    etrac.remove("BRA2E19")
    etrac.move_tracker("ABC-1D23", "000123457")
    etrac.pass_time(HOUR)
    pages = read(session, "positions", state, At(NOW + HOUR))
    assert "BRA2E19" not in {row["plate_key"] for row in rows(pages, "vehicle")}
    assert not any(page.sweep or page.deletes for page in pages)
    moved = [row for row in rows(pages, "vehicle_tracker") if row["plate_key"] == "ABC1D23"]
    assert [row["serial"] for row in moved] == ["000123457"]
    assert set(last_checkpoint(pages)["vehicles"]["ABC1D23"]["trackers"]) == {"000123456", "000123457"}


def test_only_the_vehicles_that_were_named_are_read(sandbox: Sandbox) -> None:
    session = connector(sandbox.url, plates=["abc1d23", "XYZ-0000"])
    pages = read(session, "positions")
    assert {row["plate_key"] for row in rows(pages, "position")} == {"ABC1D23"}
    unknown = [row for row in rows(pages, "position_fetch") if row["plate_key"] == "XYZ0000"]
    assert {(row["status"], row["message"]) for row in unknown} == {("request_refused", "Veículo não encontrado")}


def test_drivers_and_places_are_personal() -> None:
    personal = {
        f"{table.name}.{column.name}" for stream in EtracConnector.streams({}) for table in stream.tables
        for column in table.columns if column.personal
    }  # fmt: skip
    places = {f"{table}.{name}" for table in ("position", "vehicle") for name in ("latitude", "longitude", "address")}
    assert personal == places | {"trip.driver_name", "trip.driver_identification"} | {
        f"trip.{end}_{name}" for end in ("start", "end") for name in ("latitude", "longitude", "address")
    }


def test_connection_test_says_what_it_found(sandbox: Sandbox) -> None:
    at_work = moment(trips(VANS[0], TODAY, 3)[0].begin + timedelta(minutes=10))
    with Sandbox(Etrac(seed=3, clock=lambda: at_work)) as working:
        found = {each.label: each for each in connector(working.url).test(At(at_work))}
        assert {each.state for each in found.values()} == {"ok"}
        assert found["Sign-in"].params == {"count": len(VANS)}
        there = {each.label: each for each in connector(working.url, time_zone="UTC").test(At(at_work))}
        assert (there["Dates and times"].state, there["Dates and times"].params["hours"] > 2.5) == ("warning", True)
