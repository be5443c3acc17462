"""Every slot has exactly one outcome, whatever the clock does: days of 23 and 25 hours, jumps, long absences."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection as database

from connections.models import Connection
from connections.schedule import slots
from syncruns import dispatch
from syncruns.models import SyncRun

Make = Callable[..., Connection]

# From noon of the day before on, past the hour in question. The clock's jumps, in minutes, one after the other.
STEADY = [23] * 70
JUMPY = [7, 7, 300, 7, -120, 7, 7, 7, 61, -1, 7, *[31] * 20, 1500, 7, -30, *[31] * 10]
DAYS = {
    "São Paulo loses an hour at midnight": ("America/Sao_Paulo", date(2017, 10, 14)),
    "São Paulo gains an hour at midnight": ("America/Sao_Paulo", date(2018, 2, 17)),
    "São Paulo loses an hour in November": ("America/Sao_Paulo", date(2018, 11, 3)),
    "New York loses an hour": ("America/New_York", date(2026, 3, 7)),
    "New York gains an hour": ("America/New_York", date(2026, 10, 31)),
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "interval": {"schedule_kind": "interval", "interval_minutes": 25},
    "midnight": {"schedule_kind": "daily", "daily_at": time(0, 30)},
    "night": {"schedule_kind": "daily", "daily_at": time(2, 30)},
    "hourly": {"schedule_kind": "cron", "cron": "15 * * * *"},
    "often": {"schedule_kind": "cron", "cron": "*/20 0-3 * * *", "jitter_seconds": 240},
}


@pytest.mark.django_db
@pytest.mark.parametrize("steps", [STEADY, JUMPY], ids=["steady", "jumping"])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("day", DAYS)
def test_every_slot_has_exactly_one_outcome(make_connection: Make, day: str, schedule: str, steps: list[int]) -> None:
    zone, first = DAYS[day]
    begin = datetime.combine(first, time(12), ZoneInfo(zone)).astimezone(UTC)
    with time_machine.travel(begin, tick=False) as clock:
        shop = make_connection(kind="rest", auto_sync=True, time_zone=zone, **SCHEDULES[schedule])
        shop.plan()
        shop.save()
        latest = begin
        for minutes in steps:
            clock.shift(timedelta(minutes=minutes))
            now = datetime.now(UTC)
            latest = max(latest, now)
            dispatch.tick()
            SyncRun.objects.filter(state="queued").update(state="succeeded", finished_at=now)
    planned = []
    for slot in slots(shop.schedule, begin, seed=shop.slot_seed):
        if slot > latest:
            break
        planned.append(slot)
    rows = list(SyncRun.objects.filter(connection=shop))
    outcomes: Counter[datetime] = Counter()
    for row in rows:
        assert row.slot is not None
        outcomes.update([slot for slot in planned if slot >= row.slot][: row.skipped_slots or 1])
    assert outcomes == Counter(planned)


@pytest.mark.django_db(transaction=True)
def test_two_dispatchers_at_once_queue_every_due_connection_once(make_connection: Make) -> None:
    due = datetime.now(UTC) - timedelta(seconds=1)
    for _number in range(60):
        make_connection(kind="rest", auto_sync=True, next_sync_at=due)
    problems: list[Exception] = []
    together = threading.Barrier(3)

    def dispatch_all() -> None:
        try:
            together.wait(60)
            for _time in range(5):
                dispatch.queue_due(datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - told by the test
            problems.append(error)
        finally:
            database.close()

    dispatchers = [threading.Thread(target=dispatch_all) for _number in range(3)]
    for dispatcher in dispatchers:
        dispatcher.start()
    for dispatcher in dispatchers:
        dispatcher.join()
    assert not problems
    assert SyncRun.objects.filter(state="queued").count() == 60
    assert SyncRun.objects.count() == 60
