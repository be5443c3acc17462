"""A year's backfill of each vendor that lists by days, with faults, killed and resumed, is the source's year."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from connections.models import Connection
from connections.sandbox import SAMPLES
from connections.sandbox.auvo import Auvo
from connections.sandbox.etrac import Etrac
from connections.sandbox.server import App, Sandbox
from connections.services import create_connection, set_stream, streams_of
from syncruns.models import Backfill, SyncRun
from tests.engine import auvo_truth, etrac_truth
from tests.engine.whole import check, drop_tables, forget_killed, held, killed

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
YEAR, KILLS = timedelta(days=365), 5


def compare_auvo(auvo: Auvo, first: date, last: date) -> None:
    year = auvo.tasks(first, last)
    assert len(year) > 3000
    for table, (parts, _make) in auvo_truth.OF_TASK.items():
        expected = auvo_truth.of_tasks(year, table)
        ours = held("auvo", table, ("task_id", *parts), list(next(iter(expected.values()))))
        check(table, ours, expected, set(expected))
    spent = {(each["id"],): {"expense_id": each["id"], "spent_at": auvo_truth.when(each["date"])}
             for each in auvo.records("expenses") if str(first) <= each["date"][:10] <= str(last)}  # fmt: skip
    check("expense", held("auvo", "expense", ("expense_id",), ["expense_id", "spent_at"]), spent, set(spent))


def compare_etrac(etrac: Etrac, first: date, last: date) -> None:
    for table, names, told in (
        ("position", etrac_truth.POSITION, etrac_truth.positions), ("trip", etrac_truth.TRIP, etrac_truth.trips)
    ):  # fmt: skip
        expected = told(etrac, first, last)
        assert len(expected) > 3000
        check(table, etrac_truth.ours(table, names), expected, set(expected))
    fetched = held("e_track", "position_fetch", ("plate_key", "day"), ["plate_key", "day", "status"])
    assert len(fetched) == ((last - first).days + 1) * len(etrac.vans)
    assert {row["status"] for row in fetched.values()} == {"ok"}


@dataclass(frozen=True)
class Vendor:
    """A kind, the streams that are filled, and how its tables are compared with it."""

    kind: str
    schema: str
    app: Callable[[], App]
    compare: Callable[[Any, date, date], None]
    streams: tuple[str, ...]
    values: dict[str, Any]
    faults: str


VENDORS = (
    Vendor(
        "auvo", "auvo", lambda: Auvo(seed=5, limit=1_000_000), compare_auvo, ("tasks", "expenses"),
        {"calls_per_minute": 0}, "reset:2,after=4;500:2,after=12;truncate:2,after=30;duplicate-ids:9;shifting-pages:9",
    ),
    Vendor(
        "etrac", "e_track", lambda: Etrac(seed=5), compare_etrac, ("positions", "trips"), {"keep_positions_days": 800},
        "reset:2,after=4;500:2,after=12;truncate:2,after=30;duplicate-ids:9",
    ),
)  # fmt: skip


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.kind)
def vendor(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Vendor]:
    yield request.param
    drop_tables(request.param.schema)


def filled(vendor: Vendor, url: str) -> Connection:
    values = {**SAMPLES[vendor.kind](url)["values"], **vendor.values}
    connection = create_connection(kind=vendor.kind, name="Campo", values=values)
    for selected in streams_of(connection):
        set_stream(connection, selected.stream.key, enabled=selected.stream.key in vendor.streams)
    return connection


def test_year_that_was_killed_and_resumed_is_the_source_s_year(vendor: Vendor) -> None:
    randomness, app = random.Random(11), vendor.app()
    today = datetime.now(etrac_truth.ZONE).date()
    first, last = today - YEAR, today - timedelta(days=40)  # late packets and corrections have come by now
    with Sandbox(app) as sandbox:
        connection = filled(vendor, sandbox.url)
        command = ["backfill", connection.slug, "--from", str(first), "--to", str(last)]
        reached: dict[str, datetime] = {}
        for _kill in range(KILLS):
            app.faults.order(vendor.faults)
            asked, enough = len(sandbox.requests), randomness.randrange(15, 60)
            assert killed(command, lambda: len(sandbox.requests) >= asked + enough), "it ended before it was killed"  # noqa: B023
            forget_killed(connection)
            SyncRun.objects.filter(connection=connection, state="queued").delete()
            Backfill.objects.update(not_before=None)
            for backfill in Backfill.objects.all():
                assert backfill.reached >= reached.get(backfill.stream, backfill.begin)
                reached[backfill.stream] = backfill.reached
        app.faults.order(vendor.faults)
        assert not killed(command, lambda: False)
        assert sorted(Backfill.objects.values_list("stream", "state")) == [
            (key, "done") for key in sorted(vendor.streams)
        ]
        assert not SyncRun.objects.filter(state__in=(*SyncRun.ACTIVE, "partial")).exists()
        vendor.compare(app, first, last)
