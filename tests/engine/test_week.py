"""A week of daily runs in minutes: every slot has one outcome, through a kill switch, a lost worker and a dead host."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from connections.models import Connection
from connections.sandbox import SAMPLES
from connections.sandbox.auvo import Auvo
from connections.sandbox.etrac import Etrac
from connections.sandbox.server import Sandbox
from connections.schedule import slots
from connections.services import create_connection, set_stream, streams_of
from syncruns import daily, dispatch
from syncruns.models import SyncRun
from syncruns.services import request_sync
from syncruns.tasks import claim_next, execute
from syncruns.timewords import exact
from tests.engine import auvo_truth, etrac_truth
from tests.engine.whole import check, drop_tables, held

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
BEGIN = datetime(2026, 6, 8, 3, 30, tzinfo=UTC)  # Monday, half past midnight in São Paulo
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
READ = {"auvo": ("tasks", "customers"), "etrac": ("positions", "trips")}


@pytest.fixture
def clock(transactional_db: None) -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(BEGIN, tick=True) as travelled:
        yield travelled
    drop_tables("auvo")
    drop_tables("e_track")


def daily_connection(kind: str, url: str) -> Connection:
    values = {**SAMPLES[kind](url)["values"], **({"look_ahead_days": 3, "hot_days": 1} if kind == "auvo" else {})}
    connection = create_connection(
        kind=kind, name=kind, values=values, auto_sync=True,
        schedule={"schedule_kind": "daily", "daily_at": "01:05"}, windows={READ[kind][0]: 3 * 24 * 60},
    )  # fmt: skip
    for selected in streams_of(connection):
        set_stream(connection, selected.stream.key, enabled=selected.stream.key in READ[kind])
    connection.plan()
    connection.save()
    return connection


def work() -> None:
    """Do as a living host does: dispatch, and execute what is queued."""
    dispatch.tick()
    while (run := claim_next()) is not None:
        execute(run)


def outcomes(connection: Connection, until: datetime) -> list[tuple[str, str]]:
    """Return what became of each slot, in order: its one end, or why it did not run."""
    planned = list(takewhile(lambda slot: slot <= until, slots(connection.schedule, BEGIN, seed=connection.slot_seed)))
    rows = SyncRun.objects.filter(connection=connection).exclude(state="lost")  # such a one was queued once more
    ran = Counter(row.slot for row in rows if row.state != "skipped")
    assert set(ran.values()) <= {1} and set(ran) <= set(planned)
    told: dict[datetime | None, tuple[str, str]] = {row.slot: (row.state, "") for row in rows if row.state != "skipped"}
    for row in rows.filter(state="skipped"):
        left = [slot for slot in planned if slot not in told and row.slot is not None and slot >= row.slot]
        assert len(left) >= row.skipped_slots
        told |= dict.fromkeys(left[: row.skipped_slots], ("skipped", row.skip_reason))
    assert set(told) == set(planned), "a slot without an outcome"
    return [told[slot] for slot in planned]


def check_log(told: list[str], secrets: list[str]) -> None:
    """Every run has one end in the log, every row of slots that did not run a line, and nothing is given away."""
    for run in SyncRun.objects.all():
        own = [line for line in told if line.startswith(f"run {run} of {run.connection.slug}: ")]
        ends = [line for line in own if ": ended: " in line or ": lost: " in line]
        assert len(ends) == (run.state != "skipped"), own
        if run.state == "succeeded":
            streams = [line for line in own if ", attempt 1/3: " in line]
            assert len(streams) == run.streams.filter(state="succeeded").count()
            assert f": {run.read} read  New: {run.inserted}  Updated: {run.updated}" in ends[0]
            assert run.slot is None or exact(run.slot) in own[0]
    missed = [line for line in told if " not run, " in line]
    assert len(missed) == SyncRun.objects.filter(state="skipped").count()
    assert not any(secret in line for secret in secrets for line in told)


def test_every_slot_of_a_week_has_exactly_one_outcome_and_the_tables_are_the_source_s(
    clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.LANGUAGE_CODE = "en"
    caplog.set_level(logging.INFO, logger="sync")
    auvo, etrac = Auvo(seed=5, limit=1_000_000), Etrac(seed=5)
    with Sandbox(auvo) as field, Sandbox(etrac) as fleet:
        tasks, vehicles = daily_connection("auvo", field.url), daily_connection("etrac", fleet.url)
        for hour in range(7 * 24):
            clock.move_to(BEGIN + hour * HOUR, tick=True)
            day, hour_of_day = divmod(hour, 24)
            if day == 1 and hour_of_day == 1:  # a worker takes both and is never heard of again
                dispatch.tick()
                assert claim_next() and claim_next()
            elif day == 2:
                monkeypatch.setenv("RUN_ETRAC", "0")
                work()
            elif day in (4, 5):  # the host is dead for two days
                continue
            else:
                monkeypatch.delenv("RUN_ETRAC", raising=False)
                list(daily.run_due()) if day == 3 else work()  # a host without workers does no less
        usual, missed = ("succeeded", ""), ("skipped", "no_worker")
        now = timezone.now()
        assert outcomes(tasks, now) == [usual, usual, usual, usual, missed, usual, usual]
        assert outcomes(vehicles, now) == [usual, usual, ("skipped", "kind_off"), usual, missed, usual, usual]
        lost = SyncRun.objects.filter(state="lost")
        assert {run.connection_id for run in lost} == {tasks.pk, vehicles.pk} and len(lost) == 2
        assert not SyncRun.objects.filter(state__in=(*SyncRun.ACTIVE, "failed", "partial")).exists()

        for connection in (tasks, vehicles):
            request_sync(connection, call_worker=False)
        work()
        today = timezone.now().astimezone(etrac_truth.ZONE).date()
        expected = etrac_truth.positions(etrac, today - 6 * DAY, today - 2 * DAY)
        theirs = etrac_truth.positions(etrac, today - 20 * DAY, today)
        check("position", etrac_truth.ours("position", etrac_truth.POSITION), theirs, set(expected))
        planned = auvo_truth.of_tasks(auvo.tasks(today - DAY, today + DAY), "task")
        ours = held("auvo", "task", ("task_id",), list(next(iter(planned.values()))))
        check("task", {key: row for key, row in ours.items() if key in planned}, planned, set(planned))
        secrets = [secret for one in (tasks, vehicles) for secret in one.secrets.reveal().values()]
        check_log([record.getMessage() for record in caplog.records if record.name == "sync.run"], secrets)
