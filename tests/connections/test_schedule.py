"""Slots: on their grid, in their zone, across clock changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.schedule import Schedule, check, next_slot, seed_of, slots_between, upcoming
from connections.sdk.errors import SyncError

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def test_interval_slots_do_not_depend_on_when_they_are_asked_for() -> None:
    schedule = Schedule("interval", interval_minutes=15)
    assert upcoming(schedule, NOON, 3) == [datetime(2026, 11, 22, 15, m, tzinfo=UTC) for m in (15, 30, 45)]
    assert next_slot(schedule, NOON.replace(minute=29, second=59)) == datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


def test_daily_is_the_clock_time_of_its_zone() -> None:
    schedule = Schedule("daily", daily_at=time(1, 5), time_zone="America/Sao_Paulo")
    assert next_slot(schedule, NOON) == datetime(2026, 11, 23, 4, 5, tzinfo=UTC)


def test_daily_keeps_its_clock_time_across_a_clock_change_and_skips_no_day() -> None:
    # São Paulo, 4 November 2018: midnight became one o'clock.
    schedule = Schedule("daily", daily_at=time(0, 30), time_zone="America/Sao_Paulo")
    slots = upcoming(schedule, datetime(2018, 11, 2, 12, tzinfo=UTC), 3)
    assert slots[0] == datetime(2018, 11, 3, 3, 30, tzinfo=UTC)
    assert slots[1].date() == datetime(2018, 11, 4, tzinfo=UTC).date()  # 00:30 does not exist; it runs once, at once
    assert slots[2] == datetime(2018, 11, 5, 2, 30, tzinfo=UTC)


def test_jitter_moves_every_slot_by_the_same_amount() -> None:
    schedule = Schedule("interval", interval_minutes=10, jitter_seconds=120)
    seed = seed_of("shop")
    slots = upcoming(schedule, NOON, 5, seed=seed)
    assert {(later - sooner).total_seconds() for sooner, later in pairwise(slots)} == {600.0}
    assert 0 <= slots[0].timestamp() % 600 <= 120


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "0 0 30 2 *"])
def test_a_schedule_that_never_fires_is_refused_as_such(cron: str) -> None:
    with pytest.raises(SyncError) as refused:
        check(Schedule("cron", cron=cron), NOON)
    assert refused.value.code == "schedule_never_fires"


@pytest.mark.parametrize("cron", ["", "x", "61 * * * *", "* * * *", "* * * * * *", "0 0 99 2 *"])
def test_a_cron_expression_that_cannot_be_read_names_its_field(cron: str) -> None:
    with pytest.raises(SyncError) as refused:
        check(Schedule("cron", cron=cron), NOON)
    assert (refused.value.code, refused.value.params["field"]) == ("config_invalid", "cron")


def test_an_unknown_zone_names_its_field() -> None:
    with pytest.raises(SyncError) as refused:
        check(Schedule("daily", daily_at=time(1), time_zone="Mars/Olympus"), NOON)
    assert refused.value.params["field"] == "time_zone"


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        (Schedule("interval", interval_minutes=60), [21, 6, 7]),
        (Schedule("cron", cron="0 */2 * * *"), [6, 8, 10]),
        (Schedule("interval", interval_minutes=60, jitter_seconds=600), [21, 6, 7]),
    ],
)
def test_no_slot_lies_in_the_quiet_hours_of_its_zone(schedule: Schedule, hours: list[int]) -> None:
    local, evening = ZoneInfo("America/Sao_Paulo"), datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # 20:30 there
    resting = replace(schedule, quiet_hours="22:00-06:00")
    slots = upcoming(resting, evening, 3, seed=seed_of("shop"))
    assert [slot.astimezone(local).hour for slot in slots] == hours
    assert slots_between(resting, slots[0], slots[-1], seed=seed_of("shop")) == 2


def test_quiet_hours_that_leave_no_slot_are_refused_as_such() -> None:
    with pytest.raises(SyncError) as refused:
        check(Schedule("daily", daily_at=time(3), quiet_hours="22:00-06:00"), NOON)
    assert (refused.value.code, refused.value.params["field"]) == ("schedule_never_fires", "quiet_hours")
    check(Schedule("daily", daily_at=time(6), quiet_hours="22:00-06:00"), NOON)


@given(
    minutes=st.integers(1, 44_640),
    jitter=st.integers(0, 900),
    seed=st.integers(0, 2**32),
    after=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    count=st.integers(1, 20),
)
def test_counting_slots_agrees_with_listing_them(
    minutes: int, jitter: int, seed: int, after: datetime, count: int
) -> None:
    schedule = Schedule("interval", interval_minutes=minutes, jitter_seconds=jitter)
    slots = upcoming(schedule, after, count, seed=seed)
    assert all(after < sooner < later for sooner, later in pairwise(slots))
    assert slots_between(schedule, after, slots[-1], seed=seed) == count
