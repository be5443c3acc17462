"""The schedule tab: what became of each slot, when the next should end, and pausing for a while."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections import audit
from connections.models import AuditEvent, Connection
from connections.services import set_auto_sync
from syncruns.dispatch import queue_due
from syncruns.forecast import forecast, percentile_95
from syncruns.ledger import ledger
from syncruns.models import SyncRun
from syncruns.pausing import pause
from syncruns.views.schedule import chosen_moment, typed_moment
from tests.web.console_pages import CONFIG, make_run

pytestmark = pytest.mark.django_db
Make = Callable[..., Connection]
BEGAN = timezone.now()
BRASILIA = ZoneInfo("America/Sao_Paulo")


@pytest.fixture
def shop(make_connection: Make) -> Connection:
    """A connection that has been on for a week, every half hour."""
    connection = make_connection(name="Shop", slug="shop", config=CONFIG, auto_sync=True)
    week_ago = timezone.now() - timedelta(days=7)
    Connection.objects.update(created_at=week_ago, auto_sync_changed_at=week_ago)
    audit.record("auto_sync.on", target=connection)
    AuditEvent.objects.update(at=week_ago)
    connection.refresh_from_db()
    return connection


@pytest.fixture
def page(operator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(operator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def words(response: object) -> str:
    html = response.content.decode()  # type: ignore[attr-defined]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("<main")[1].split("</main>")[0])))


def slot_run(
    connection: Connection, state: str, ago: timedelta, late: timedelta = timedelta(), **fields: Any
) -> SyncRun:
    """Create the run of the slot `ago` before these tests began, started `late` after it."""
    began = BEGAN - ago + late
    moments = {"slot": BEGAN - ago, "queued_at": began, "finished_at": began + timedelta(seconds=10)}
    if state != "skipped":
        moments["started_at"] = began
    return make_run(connection, state, **moments | fields)


def outcomes(connection: Connection) -> list[tuple[str, int]]:
    return [(entry.outcome, entry.count) for entry in ledger(connection, timezone.now()).entries]


def test_each_slot_has_an_outcome_in_words(page: Client, shop: Connection) -> None:
    slot_run(shop, "succeeded", timedelta(minutes=30), inserted=1)
    slot_run(shop, "failed", timedelta(hours=1), late=timedelta(minutes=12), error_code="timeout")
    slot_run(shop, "skipped", timedelta(hours=2), skip_reason="still_running", skipped_slots=2)
    slot_run(shop, "skipped", timedelta(hours=3), skip_reason="no_worker", skipped_slots=9)
    slot_run(shop, "succeeded", timedelta(hours=3), trigger="catch_up", late=timedelta(minutes=50))
    slot_run(shop, "skipped", timedelta(hours=4), skip_reason="paused", skipped_slots=3)
    slot_run(shop, "skipped", timedelta(hours=5), skip_reason="quota")
    slot_run(shop, "lost", timedelta(hours=6))
    slot_run(shop, "succeeded", timedelta(hours=6), trigger="retry")
    assert sorted(outcomes(shop)) == [
        ("failed", 1), ("late", 1), ("missed", 9), ("on_time", 1), ("on_time", 1), ("paused", 3), ("quota", 1),
        ("skipped", 2),
    ]  # fmt: skip
    said = words(page.get("/connections/shop/schedule/?show=all"))
    for told in (
        "19 slots since", "12 min late; failed after 10 s.", "The previous run was still going.",
        "No worker was running.", "this run made up for what was missed.", "The connection was paused.",
        "The source's quota was used up.", "lost after 10 s; tried again", "On time 2", "Missed 9",
    ):  # fmt: skip
        assert told in said, told
    assert "No worker was running. See System" in said
    troubles = page.get("/connections/shop/schedule/").context["page"].object_list  # what the question is about
    assert "on_time" not in {entry.outcome for entry in troubles} and len(troubles) == 6


def test_time_off_or_stopped_is_accounted_for_with_who_and_why(page: Client, shop: Connection, operator: User) -> None:
    def happen(action: str, hours: float, **params: str) -> None:
        event = audit.record(action, target=shop, user=operator, **params)
        AuditEvent.objects.filter(pk=event.pk).update(at=timezone.now() - timedelta(hours=hours))

    happen("auto_sync.off", 20)
    happen("auto_sync.on", 15)
    happen("connection.stopped", 10, code="credentials_refused")
    happen("connection.recovered", 8)
    happen("auto_sync.off", 2)
    assert outcomes(shop) == [("off", 4), ("stopped", 4), ("off", 10)]
    said = words(page.get("/connections/shop/schedule/"))
    assert "operator had switched automatic syncing off." in said
    assert "Stopped until somebody acts: Credentials refused." in said


def test_a_connection_never_switched_on_says_so(make_connection: Make, page: Client) -> None:
    connection = make_connection(slug="fresh", config=CONFIG)
    Connection.objects.filter(pk=connection.pk).update(created_at=timezone.now() - timedelta(hours=5))
    said = words(page.get("/connections/fresh/schedule/"))
    assert "Automatic syncing had not been switched on." in said and "10 slots since" in said


def test_switching_leaves_a_trail_that_the_ledger_reads(shop: Connection, operator: User) -> None:
    with time_machine.travel(timezone.now() - timedelta(hours=3), tick=False):
        set_auto_sync(shop, False, user=operator)
    with time_machine.travel(timezone.now() - timedelta(hours=1), tick=False):
        set_auto_sync(shop, True, user=operator)
    assert outcomes(shop) == [("off", 4)]


def test_a_due_slot_that_nobody_queued_is_not_forgotten(page: Client, shop: Connection) -> None:
    Connection.objects.update(next_sync_at=timezone.now() - timedelta(minutes=20))
    assert "It is due, and the scheduler has not queued it yet." in words(page.get("/connections/shop/schedule/"))


def test_no_slot_yet_and_every_slot_on_time_are_said(page: Client, shop: Connection) -> None:
    assert "No slot has been due yet." in words(page.get("/connections/shop/schedule/"))
    slot_run(shop, "succeeded", timedelta(minutes=30))
    assert "Every slot ran on time." in words(page.get("/connections/shop/schedule/?show=trouble"))


def test_ledger_asks_the_database_as_often_for_many_slots_as_for_few(page: Client, shop: Connection) -> None:
    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            slot_run(
                shop, "failed" if number % 3 else "succeeded", timedelta(minutes=30 * number), error_code="timeout"
            )

    fill(1, 3)
    page.get("/connections/shop/schedule/")
    with CaptureQueriesContext(database) as few:
        page.get("/connections/shop/schedule/")
    fill(3, 90)
    page.get("/connections/shop/schedule/")
    with CaptureQueriesContext(database) as many:
        page.get("/connections/shop/schedule/?page=2")
    assert len(many) == len(few) <= 24


@pytest.mark.parametrize(
    "schedule",
    [
        {"schedule_kind": "interval", "interval_minutes": 60},
        {"schedule_kind": "daily", "daily_at": "06:00"},
        {"schedule_kind": "cron", "cron": "0 6 * * 1-5"},
    ],
)
def test_each_kind_of_schedule_foretells_when_it_should_end(make_connection: Make, schedule: dict) -> None:
    connection = make_connection(config=CONFIG, **schedule)
    connection.refresh_from_db()
    for seconds in (*[10] * 18, 100, 100):
        run = make_run(connection)
        SyncRun.objects.filter(pk=run.pk).update(finished_at=run.started_at + timedelta(seconds=seconds))
    make_run(connection, trigger="review")
    told = forecast(connection, timezone.now())
    assert (told.judged_by, told.typical, told.longest) == (20, timedelta(seconds=10), timedelta(seconds=100))
    assert len(told.slots) == 5
    assert all(
        (slot.ends, slot.ends_latest) == (slot.at + timedelta(seconds=10), slot.at + timedelta(seconds=100))
        for slot in told.slots
    )


def test_the_95th_percentile_of_one_run_is_that_run() -> None:
    assert percentile_95([7.0]) == 7.0


def test_pausing_and_resuming(page: Client, shop: Connection) -> None:
    Connection.objects.update(next_sync_at=timezone.now() + timedelta(minutes=10))
    said = words(page.post("/connections/shop/pause/", {"for": "4h"}, follow=True))
    assert "Paused until" in said and "Resume now" in said
    shop.refresh_from_db()
    assert abs(shop.paused_until - timezone.now() - timedelta(hours=4)) < timedelta(minutes=1)
    said = words(page.post("/connections/shop/pause/", {"lift": "1"}, follow=True))
    shop.refresh_from_db()
    assert shop.paused_until is None and "Resume now" not in said
    assert [event.action for event in AuditEvent.objects.order_by("pk")][-2:] == [
        "connection.paused",
        "connection.resumed",
    ]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "Choose a date and time."),
        ("soon", "Choose a date and time."),
        ("2020-01-01T08:00", "This moment has passed already."),
        ("2090-01-01T08:00", "Choose a moment within a year"),
    ],
)
def test_a_moment_that_cannot_be_is_refused_beside_its_field(
    page: Client, shop: Connection, typed: str, problem: str
) -> None:
    answer = page.post("/connections/shop/pause/", {"until": typed})
    assert answer.status_code == 422
    assert problem in words(answer)
    assert f'value="{typed}" autofocus aria-invalid="true"' in answer.content.decode()
    shop.refresh_from_db()
    assert shop.paused_until is None


def test_moments_are_in_the_reader_s_zone() -> None:
    wednesday = datetime(2026, 11, 25, 23, 30, tzinfo=BRASILIA)
    with timezone.override(BRASILIA):
        assert chosen_moment("tomorrow", wednesday) == datetime(2026, 11, 26, 8, tzinfo=BRASILIA)
        assert chosen_moment("monday", wednesday) == datetime(2026, 11, 30, 8, tzinfo=BRASILIA)
        assert chosen_moment("monday", wednesday + timedelta(days=5)) == datetime(2026, 12, 7, 8, tzinfo=BRASILIA)
        assert chosen_moment("rubbish", wednesday) is None
        assert typed_moment("2026-12-01T06:15") == datetime(2026, 12, 1, 6, 15, tzinfo=BRASILIA)


def test_a_pause_that_ends_sooner_gives_its_slots_back(shop: Connection) -> None:
    """The slots of a pause are noted when its first comes due; what it did not take in the end is taken off."""
    with time_machine.travel(timezone.now() - timedelta(hours=2), tick=False):
        Connection.objects.update(next_sync_at=timezone.now())
        pause(shop, timezone.now() + timedelta(hours=10))
        queue_due(timezone.now())
    noted = SyncRun.objects.get(skip_reason="paused")
    assert noted.skipped_slots in (20, 21)
    shop.refresh_from_db()
    assert shop.next_sync_at > timezone.now() + timedelta(hours=7)
    pause(shop, None)
    noted.refresh_from_db()
    shop.refresh_from_db()
    assert noted.skipped_slots in (4, 5)
    assert timezone.now() < shop.next_sync_at <= timezone.now() + timedelta(minutes=30)


def test_missed_slots_are_chosen_by_who_may_change_the_connection(
    shop: Connection, administrator: User, signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(administrator)
    client.post("/connections/shop/catch-up/", {"catch_up": "none"})
    client.post("/connections/shop/catch-up/", {"catch_up": "rubbish"})
    shop.refresh_from_db()
    assert shop.catch_up == "none"
    assert 'value="none" autocomplete="off" checked' in client.get("/connections/shop/schedule/").content.decode()
