"""A run that ends notes what people asked to be told: once when their connection needs them, once when it works."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from connections.models import Connection
from syncruns import decisions, dispatch
from syncruns.alerts import incidents
from syncruns.models import Change, DeleteBrake, Delivery, MissedRow, NotificationRule, SyncRun
from tests.engine.scripted import Script, fails, items, pages, sweep
from tests.web.console_pages import make_run

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Told = list[tuple[str, str, str, str]]
FINE = pages(items((1, "a", "1")))


@pytest.fixture(autouse=True)
def server(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example"


@pytest.fixture
def ana(db: None) -> User:
    """A viewer who wants to be told of everything."""
    user = User.objects.create_user("ana", "ana@example.com")
    user.groups.add(Group.objects.get(name="viewer"))
    NotificationRule.objects.create(user=user, is_on=True)
    return user


@pytest.fixture
def told(ana: User) -> Callable[[], Told]:
    """Return a function that lists what was noted, oldest first."""

    def read() -> Told:
        rows = Delivery.objects.order_by("pk").values_list("user__username", "kind", "code", "state")
        return [(str(user), str(kind), str(code), str(state)) for user, kind, code, state in rows]

    return read


def sent() -> None:
    Delivery.objects.filter(state="waiting").update(state="sent", sent_at=timezone.now())


def test_connection_that_stops_is_told_once_and_so_is_its_recovery(sync_now: Sync, told: Callable[[], Told]) -> None:
    refused: dict[str, Script] = {"items": fails("credentials_refused"), "orders": pages()}
    run = sync_now(refused)
    [delivery] = Delivery.objects.all()
    assert (delivery.run, delivery.code, delivery.failures) == (run, "credentials_refused", 0)
    assert timedelta() < delivery.due_at - delivery.created_at <= timedelta(minutes=2)
    sent()
    sync_now(refused)
    assert told() == [("ana", "problem", "credentials_refused", "sent")]
    sync_now({"items": FINE})
    sync_now({"items": FINE})
    assert told()[1:] == [("ana", "recovery", "credentials_refused", "waiting")]


def test_problem_that_is_over_before_anyone_was_told_is_left_out(sync_now: Sync, told: Callable[[], Told]) -> None:
    sync_now({"items": fails("config_invalid", field="streams"), "orders": pages()})
    sync_now({"items": FINE})
    assert told() == [("ana", "problem", "config_invalid", "dropped")]


def test_what_comes_back_before_its_recovery_was_told_is_no_news(sync_now: Sync, told: Callable[[], Told]) -> None:
    refused: dict[str, Script] = {"items": fails("credentials_refused"), "orders": pages()}
    sync_now(refused)
    sent()
    sync_now({"items": FINE})
    sync_now(refused)
    known = [("ana", "problem", "credentials_refused", "sent"), ("ana", "recovery", "credentials_refused", "dropped")]
    assert told() == known
    sync_now({"items": FINE})
    assert told() == [*known, ("ana", "recovery", "credentials_refused", "waiting")]


def test_failing_is_told_at_the_third_time_and_stopping_once_more(
    sync_now: Sync, shop: Connection, told: Callable[[], Told]
) -> None:
    failing: dict[str, Script] = {"items": fails("not_found"), "orders": pages()}  # partial: the other stream works
    sync_now(failing)
    sync_now(failing)
    assert told() == []
    sync_now(failing)
    sync_now(failing)
    assert told() == [("ana", "problem", "not_found", "waiting")]
    assert Delivery.objects.get().failures == 3
    sent()
    sync_now({"items": fails("credentials_refused"), "orders": pages()})
    assert told()[1:] == [("ana", "problem", "credentials_refused", "waiting")]


def test_first_failure_is_told_when_the_next_try_is_far_away(
    sync_now: Sync, shop: Connection, told: Callable[[], Told]
) -> None:
    Connection.objects.update(next_sync_at=timezone.now() + timedelta(hours=20))
    sync_now({"items": fails("not_found"), "orders": pages()})
    assert told() == [("ana", "problem", "not_found", "waiting")]


def test_waiting_for_quota_and_long_loads_need_nobody(shop: Connection, told: Callable[[], Told]) -> None:
    for fields in ({"error_code": "quota_blocked"}, {"state": "timed_out", "error_code": "timed_out", "read": 9}):
        for hours in (3, 2, 1):
            values = {"state": "failed", "ago": timedelta(hours=hours)} | fields
            run = make_run(shop, str(values.pop("state")), **values)  # type: ignore[arg-type]
        incidents.follow(run)
    assert told() == []


def test_deletions_that_wait_for_a_decision_are_told_until_they_are_decided_on(
    sync_now: Sync, shop: Connection, told: Callable[[], Told]
) -> None:
    sync_now({"items": pages(items(*((number, "x", "1") for number in range(40))))})
    missing: dict[str, Script] = {"items": pages(sweep(*range(20)))}
    sync_now(missing)
    sync_now(missing)
    assert told() == [("ana", "problem", "delete_brake", "waiting")]
    assert Delivery.objects.get().failures == 0
    sent()
    sync_now(missing)
    assert sync_now({"items": FINE}).state == "succeeded"  # without a sweep: what waits goes on waiting
    assert len(told()) == 1
    decisions.decide(DeleteBrake.objects.get(), MissedRow.State.APPROVED)
    decisions.carry_out()
    held = Change.objects.filter(kind="deleted")
    assert sorted(key for [key] in held.values_list("key", flat=True)) == list(range(20, 40))
    sync_now({"items": FINE})
    assert told()[1:] == [("ana", "recovery", "delete_brake", "waiting")]


def test_vanishing_workers_and_schedules_that_never_come_are_told_too(
    shop: Connection, make_connection: Callable[..., Connection], told: Callable[[], Told]
) -> None:
    for hours in (3, 2):
        make_run(shop, "lost", ago=timedelta(hours=hours), error_code="worker_lost")
    run = make_run(shop, "running", lease_until=timezone.now() - timedelta(seconds=1))
    dispatch.reap(timezone.now())
    run.refresh_from_db()
    assert run.state == "lost"
    never = make_connection(schedule_kind="cron", cron="0 0 31 2 *", auto_sync=True, next_sync_at=timezone.now())
    dispatch.queue_due(timezone.now())
    never.refresh_from_db()
    assert [(code, state) for _user, _kind, code, state in told()] == [
        ("worker_lost", "waiting"), (never.status_code, "waiting"),
    ]  # fmt: skip


def test_only_those_are_told_who_want_it_and_about_what_they_chose(
    sync_now: Sync, shop: Connection, make_connection: Callable[..., Connection], told: Callable[[], Told]
) -> None:
    def rule(name: str, *chosen: Connection, email: str = "x@example.com", is_on: bool = True, **more: Any) -> None:
        user = User.objects.create_user(name, email, **more)
        made = NotificationRule.objects.create(user=user, is_on=is_on, only_chosen=bool(chosen))
        made.connections.set(chosen)

    rule("chosen", shop, make_connection())
    rule("elsewhere", make_connection())
    rule("off", is_on=False)
    rule("no address", email="")
    rule("left", is_active=False)
    sync_now({"items": fails("credentials_refused"), "orders": pages()})
    assert sorted(user for user, *_rest in told()) == ["ana", "chosen"]


def test_nothing_is_noted_without_a_mail_server(sync_now: Sync, told: Callable[[], Told], settings: Any) -> None:
    settings.EMAIL_HOST = ""
    sync_now({"items": fails("credentials_refused"), "orders": pages()})
    assert told() == []


def test_run_ends_even_if_nobody_can_be_told(
    sync_now: Sync, ana: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*about: object) -> None:
        Delivery.objects.create(user_id=10**9, kind="problem", code="x" * 99)

    monkeypatch.setattr(incidents, "_tell", fail)
    monkeypatch.setattr(incidents, "_open_problems", fail)
    run = sync_now({"items": fails("credentials_refused"), "orders": pages()})
    assert (run.state, run.error_code) == ("failed", "credentials_refused")
    assert "could not be noted" in caplog.text
