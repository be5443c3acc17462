"""Every failure of Auvo as it looks on the wire: the code it becomes, what is waited for, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connections.catalogue import explain
from connections.connectors.auvo import session as sessions
from connections.sandbox.auvo import Auvo
from connections.sandbox.server import Sandbox
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid
from tests.connectors.auvo.reader import NOW, At, connector, days, ids, read
from tests.sdk.source import Source, Step, reply, reset, running

CANARY = "canary-auvo-secret"
SIGNED_IN = reply(200, {"result": {"authenticated": True, "accessToken": "canary-access"}})
LIMIT = reply(403, {"error": "Rate limit temporarily exceeded"})
HTML = b"<!doctype html><title>Portal</title>"
SETTINGS = {"look_ahead_days": 2, "hot_days": 1}


@pytest.fixture
def source() -> Iterator[Source]:
    with running() as each:
        yield each


@pytest.fixture
def auvo() -> Auvo:
    return Auvo(seed=3, limit=100_000, clock=lambda: NOW)


@pytest.fixture
def sandbox(auvo: Auvo) -> Iterator[Sandbox]:
    with Sandbox(auvo) as each:
        yield each


def failure(url: str, key: str = "keywords", context: At | None = None, **values: Any) -> SyncError:
    with pytest.raises(SyncError) as caught:
        read(connector(url, **values), key, None, context)
    return caught.value


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (reply(400, {"apiKey": ["apiKey is required"]}), "credentials_refused"),
        (reply(404, {"message": "User not found"}), "credentials_refused"),
        (reply(401, {"message": "no"}), "credentials_refused"),
        (reply(200, {"result": {"authenticated": False, "accessToken": ""}}), "credentials_refused"),
        (reply(404, HTML), "bad_response"),
        (reply(200, HTML), "bad_response"),
        (reply(200, {"hello": "world"}), "bad_response"),
        (reply(403, {"message": f"not from your address, {CANARY}"}), "permission_denied"),
        (reply(415, b"Unsupported"), "request_refused"),
    ],
)
def test_sign_in_that_fails_says_why_once(source: Source, step: Step, code: str) -> None:
    source.then(step)
    error = failure(source.url, api_key=CANARY)
    assert error.code == code
    assert len(source.asked) == 1
    assert (source.asked[0].method, source.asked[0].target) == ("POST", "/v2/login/")  # never in an address
    assert CANARY not in f"{error} {error.detail} {error.params} {explain(error.code, error.params).sentence}"


@pytest.mark.parametrize(
    ("steps", "code", "reason"),
    [
        ([reply(400, {"startDate": ["is required"]})], "request_refused", None),
        ([reply(403, {"message": "User is not allowed"})], "unavailable", "right"),
        ([reply(415, b"")], "request_refused", None),
        ([reply(500, {"error": "x"})] * 4, "server_error", None),
        ([reply(503, b"busy")] * 4, "server_error", None),
        ([LIMIT] * 4, "rate_limited", None),
        ([reply(429, b"")] * 4, "rate_limited", None),
        ([reply(403, b"")] * 4, "rate_limited", None),
        ([reset] * 4, "connection_failed", "reset"),
        ([reply(200, HTML)], "bad_response", "html"),
        ([reply(200, b"")], "bad_response", "empty"),
        ([reply(200, {"error": "something"})], "bad_response", "other_service"),
        ([reply(200, {"result": {"other": []}})], "contract_changed", None),
        ([reply(401, b""), SIGNED_IN, reply(401, b"")], "credentials_refused", None),
        ([reply(404, b""), reply(404, b"")], "bad_response", "other_service"),  # not even users answer
    ],
)
def test_failure_of_a_list_becomes_its_code(source: Source, steps: list[Step], code: str, reason: Any) -> None:
    source.then(SIGNED_IN, *steps)
    error = failure(source.url, api_token=CANARY)
    assert (error.code, error.params.get("reason")) == (code, reason)
    assert len(source.asked) == 1 + len(steps)
    everything = f"{error} {error.detail} {error.params} {explain(error.code, error.params).sentence}"
    assert CANARY not in everything and "canary-access" not in everything


def test_limit_is_waited_for_longer_each_time_and_then_holds_the_connection(source: Source) -> None:
    source.then(SIGNED_IN, *[LIMIT] * 4)
    context = At()
    error = failure(source.url, context=context)
    assert context.waited == [5.0, 10.0, 20.0]
    assert error.until == NOW + timedelta(seconds=60)


def test_limit_that_passes_is_no_failure(sandbox: Sandbox) -> None:
    sandbox.faults.order("vendor-error:2,code=limit,path=/v2/keywords")
    context = At()
    assert len(ids(read(connector(sandbox.url), "keywords", None, context), "keyword", "keyword_id")) == 8
    assert context.waited == [5.0, 10.0]


def test_sandbox_keeps_to_its_limit_and_the_connector_takes_a_permit_for_each_call() -> None:
    taken = []

    class Counting(At):
        def take_permit(self, rate: Any) -> None:
            taken.append((rate.account, rate.permits, rate.per_seconds))

    with Sandbox(Auvo(limit=3, clock=lambda: NOW)) as sandbox:
        error = failure(sandbox.url, "teams", Counting())
        assert error.code == "rate_limited"
        assert taken == [("auvo 127.0.0.1", 400, 60.0)] * len(sandbox.requests)


def test_token_that_ends_early_is_renewed_once_and_nothing_is_lost(auvo: Auvo, sandbox: Sandbox) -> None:
    session = connector(sandbox.url, **SETTINGS)
    whole = ids(read(session, "tasks", None, days(2)))
    sandbox.faults.order("vendor-error:1,code=expired,path=/v2/tasks,after=3")
    auvo.logins = 0
    assert ids(read(session, "tasks", None, days(2))) == whole
    assert auvo.logins == 2


def test_token_is_renewed_before_it_ends(auvo: Auvo, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "TOKEN_SECONDS", 0)
    read(connector(sandbox.url), "equipments", None, At(page_size=30))
    assert auvo.logins == len([each for each in sandbox.requests if "/equipments/" in each])


def test_period_that_is_too_much_for_auvo_is_halved(sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    whole = ids(read(session, "tickets", None, days(30)), "ticket", "ticket_id")
    sandbox.faults.order("504:4,path=/v2/tickets")
    sandbox.requests.clear()
    context = days(30)
    assert ids(read(session, "tickets", None, context), "ticket", "ticket_id") == whole
    assert context.waited == [3.0, 6.0, 9.0]
    assert len([each for each in sandbox.requests if "/tickets" in each]) == 6


@pytest.mark.parametrize("fault", ["duplicate-ids", "shifting-pages"])
def test_pages_that_shift_lose_nothing_they_show(sandbox: Sandbox, fault: str) -> None:
    session = connector(sandbox.url)
    whole = ids(read(session, "equipments"), "equipment", "equipment_id")
    sandbox.faults.order(f"{fault},path=/v2/equipments")
    assert ids(read(session, "equipments", None, At(page_size=20)), "equipment", "equipment_id") == whole


@pytest.mark.parametrize(
    "values",
    [{"api_url": "auvo"}, {"time_zone": "Mars/Olympus"}, {"look_ahead_days": "1.5"}, {"look_ahead_days": "-1"},
     {"api_key": ""}, {"calls_per_minute": "401"}],
)  # fmt: skip
def test_setting_that_cannot_be_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid):
        connector("http://127.0.0.1:1", **values)
