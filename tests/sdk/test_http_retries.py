"""When HttpClient asks again, how long it waits, and what it says about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connections.sdk import http as http_module
from connections.sdk.context import Rate
from connections.sdk.failures import retry_after
from tests.sdk.source import reply, reset

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_success_after_two_failures_with_a_growing_spread_of_pauses(source, client, context):
    source.then(reply(500), reset, reply(body=[1]))
    assert client(source.url).get("").json() == [1]
    assert len(context.waits) == 2
    assert 0 <= context.waits[0] <= http_module.BACKOFF_SECONDS
    assert 0 <= context.waits[1] <= http_module.BACKOFF_SECONDS * 2


def test_each_retry_is_logged_with_the_cause_by_type_only(source, client, context):
    source.then(reply(500), reset, reply(body=[1]))
    client(source.url).get("?key=canary")
    assert [(level, event) for level, event, _params in context.events] == [("warning", "http_retry")] * 2
    first, second = (params for _level, _event, params in context.events)
    assert first.pop("seconds") >= 0
    assert first == {"host": "127.0.0.1", "code": "server_error", "error": "HTTP 500", "attempt": 1, "tries": 3}
    assert second["error"] == "ConnectionResetError"


def test_pauses_are_spread(source, client, context):
    source.then(*[reply(500)] * 20)
    with pytest.raises(Exception, match="server_error"):
        client(source.url, tries=20).get("")
    assert len(set(context.waits)) == 19
    assert max(context.waits) <= http_module.LONGEST_BACKOFF_SECONDS


@pytest.mark.parametrize("status", [429, 503, 500])
def test_retry_after_in_seconds_is_waited_for(source, client, context, status):
    source.then(reply(status, Retry_After="7"), reply(body=[]))
    client(source.url).get("")
    assert context.waits == [7]


def test_retry_after_as_a_date_is_waited_for(source, client, context):
    context.now = lambda: NOW
    source.then(reply(429, Retry_After=format_datetime(NOW + timedelta(seconds=90), usegmt=True)), reply(body=[]))
    client(source.url).get("")
    assert context.waits == [90]


@pytest.mark.parametrize("value", ["3600", format_datetime(NOW + timedelta(hours=1), usegmt=True)])
def test_retry_after_above_the_cap_ends_at_once_and_says_until_when(source, client, context, failure, value):
    context.now = lambda: NOW
    source.then(reply(429, Retry_After=value))
    error = failure(lambda: client(source.url).get(""))
    assert (error.code, error.until, error.params["tries"]) == ("rate_limited", NOW + timedelta(hours=1), 1)
    assert context.waits == []


def test_unavailable_server_that_says_how_long_is_under_maintenance(source, client, context, failure):
    context.now = lambda: NOW
    source.then(reply(503, Retry_After="3600"))
    error = failure(lambda: client(source.url).get(""))
    assert (error.code, error.until) == ("maintenance", NOW + timedelta(hours=1))


def test_limit_that_lasts_through_all_tries_says_until_when(source, client, context, failure):
    context.now = lambda: NOW
    source.then(*[reply(429, Retry_After="7")] * 3)
    error = failure(lambda: client(source.url).get(""))
    assert (error.code, error.until) == ("rate_limited", NOW + timedelta(seconds=7))
    assert context.waits == [7, 7]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 1.5 ", 1.5),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2026 12:00:30 -0000", 30),
        ("999999999999", 366 * 24 * 3600),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("Fri, 99 Nov 2026 12:00:30 GMT", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_read_without_trusting_it(value, seconds):
    assert retry_after(value, NOW) == seconds


def test_post_is_tried_again_only_where_that_is_allowed(source, client, failure):
    source.then(reply(500), reply(body=[]), reply(500))
    http = client(source.url)
    http.post("a", json={"n": 1})
    assert failure(lambda: http.post("b", json={}, retry=False)).params["tries"] == 1
    assert [asked.body for asked in source.asked] == [b'{"n": 1}', b'{"n": 1}', b"{}"]


def test_each_request_takes_a_permit_and_checks_first(source, client, context):
    checks = []
    context.check = lambda: checks.append(len(context.permits))
    source.then(reply(500), reply(302, Location="/there"), reply(body=[]))
    client(source.url, rate=Rate("vendor:1", 10, 60.0)).get("")
    assert context.permits == ["vendor:1"] * 3
    assert {0, 1, 2} <= set(checks)


def test_credentials_that_were_refused_are_not_tried_again(source, client, context, failure):
    source.then(reply(401))
    assert failure(lambda: client(source.url).get("")).code == "credentials_refused"
    assert context.waits == [] and context.events == []
