"""Health is derived from a connection's row and its runs, and always says one clear thing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import translation

from connections.models import Connection
from syncruns import health
from syncruns.health import health_of, next_sync_of
from syncruns.models import SyncRun
from syncruns.run_words import run_sentence
from tests.web.console_pages import at

NOW = at(14, 26)
Run = SyncRun


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def connection(**fields: Any) -> Connection:
    values: dict[str, Any] = {
        "name": "Shop", "slug": "shop", "kind": "rest", "auto_sync": True, "interval_minutes": 30,
        "next_sync_at": at(14, 41), "created_at": at(9),
    }  # fmt: skip
    return Connection(**values | fields)


def run(state: str = "succeeded", **fields: Any) -> SyncRun:
    values: dict[str, Any] = {"state": state, "queued_at": at(14, 15), "started_at": at(14, 15)}
    return SyncRun(**values | fields)


def test_connection_whose_last_run_succeeded_is_ok_and_says_how_fresh_its_data_is() -> None:
    assert health_of(connection(), run(), None, NOW) == health.Health("ok", "Data from 14:15.")


def test_running_run_makes_it_running_even_when_a_person_was_needed_before() -> None:
    stopped = connection(status="error", status_code="credentials_refused")
    active = run("running", lease_until=NOW + timedelta(seconds=20))
    assert health_of(stopped, run("failed"), active, NOW).state == "running"


@pytest.mark.parametrize(
    ("trigger", "auto_sync", "state", "then"),
    [
        ("schedule", True, "retrying", "the run starts again in a moment."),
        ("manual", True, "retrying", "the next sync goes on from there."),
        ("manual", False, "off", "sync again to go on from there."),
    ],
)
def test_run_whose_lease_ended_is_not_shown_as_running_and_says_truly_what_comes_next(
    trigger: str, auto_sync: bool, state: str, then: str
) -> None:
    active = run("running", trigger=trigger, lease_until=NOW - timedelta(seconds=1))
    shown = health_of(connection(auto_sync=auto_sync), run(), active, NOW)
    assert shown == health.Health(state, f"The worker stopped answering; {then}")


@pytest.mark.parametrize(("trigger", "then"), [("schedule", "starts again in a moment"), ("manual", "the next sync")])
def test_page_of_a_run_whose_lease_ended_says_truly_what_comes_next(trigger: str, then: str) -> None:
    lost = run("running", trigger=trigger, lease_until=at(9), connection=connection())
    assert then in run_sentence(lost, [])


def test_queued_run_that_no_worker_takes_is_late() -> None:
    assert health_of(connection(), run(), run("queued", queued_at=NOW - timedelta(seconds=30)), NOW).state == "running"
    waiting = health_of(connection(), run(), run("queued", queued_at=NOW - timedelta(minutes=4)), NOW)
    assert waiting == health.Health("late", "Waiting for a free worker since 14:22.")


def test_slot_just_passed_is_due_and_not_late() -> None:
    assert health_of(connection(next_sync_at=NOW - timedelta(seconds=90)), run(), None, NOW).state == "ok"
    late = health_of(connection(next_sync_at=at(14, 14)), run(), None, NOW)
    assert late == health.Health("late", "It should have started at 14:14.")


def test_grace_grows_with_the_interval_up_to_ten_minutes() -> None:
    graces = [health.grace_of(connection(interval_minutes=minutes)) for minutes in (5, 60, 1440)]
    assert graces == [timedelta(minutes=2), timedelta(minutes=6), timedelta(minutes=10)]


@pytest.mark.parametrize("state", ["failed", "lost", "timed_out"])
def test_failure_that_needs_nobody_is_retrying_and_says_when(state: str) -> None:
    shown = health_of(connection(), run(state, error_code="timeout"), None, NOW)
    assert shown.state == "retrying"
    assert shown.sentence.endswith("; next try 14:41.")


def test_partial_run_says_how_many_records_were_left_out() -> None:
    shown = health_of(connection(), run("partial", quarantined=2), None, NOW)
    assert shown == health.Health("partial", "2 records could not be loaded.")


def test_stopped_connection_says_why_and_since_when() -> None:
    stopped = connection(status="error", status_code="credentials_refused", status_since=at(14, 5))
    assert health_of(stopped, run("failed"), None, NOW) == health.Health("action", "Credentials refused since 14:05.")


def test_used_up_quota_waits_until_the_source_said() -> None:
    blocked = connection(blocked_until=at(14, 52), next_sync_at=at(14, 52))
    assert health_of(blocked, run("failed", error_code="quota_blocked"), None, NOW).state == "quota"
    assert next_sync_of(blocked, NOW).at == at(14, 52)


def test_connection_switched_off_says_by_whom_and_since_when() -> None:
    off = connection(
        auto_sync=False, next_sync_at=None, auto_sync_changed_at=at(9) - timedelta(days=4),
        auto_sync_changed_by=User(username="ana", first_name="Ana"),
    )  # fmt: skip
    assert health_of(off, run(), None, NOW) == health.Health("off", "Nothing is read until somebody switches it on.")
    assert next_sync_of(off, NOW).words == "Off"


def test_connection_switched_off_after_a_failure_still_tells_the_failure() -> None:
    shown = health_of(connection(auto_sync=False), run("failed", error_code="credentials_refused"), None, NOW)
    assert shown == health.Health("off", "The last run failed: Credentials refused.")


def test_connection_without_any_run_never_ran_unless_it_is_late() -> None:
    assert health_of(connection(), None, None, NOW).state == "never"
    assert health_of(connection(auto_sync=False), None, None, NOW).state == "never"
    assert health_of(connection(next_sync_at=at(14)), None, None, NOW).state == "late"


def test_paused_and_deactivated_connections_are_off() -> None:
    assert health_of(connection(paused_until=at(18)), run(), None, NOW).sentence == "Paused until 18:00."
    assert health_of(connection(status="inactive"), run(), None, NOW).state == "off"


def test_lists_put_what_needs_a_person_first_and_what_is_off_last() -> None:
    assert list(health.ATTENTION)[0] == "action"
    assert list(health.ATTENTION)[-1] == "off"
