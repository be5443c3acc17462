"""The sandbox Odoo against 354 exchanges recorded from real servers: same shape of answer to each request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connections.sandbox.server import Sandbox
from tests.connectors.odoo.recorded import Exchange, exchanges, files
from tests.connectors.odoo.replaying import HEADERS, Replay, differences, fresh_odoo, result, xml

VERSIONS = (17, 19)
OTHERWISE = ("new request", "wizard", "approved request")  # an id, an id, and what the demo data did not have
EXACT = ("jsonrpc-pagination", "json2-pagination", "jsonrpc-change-tracking")  # made the rows they ask for themselves


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(fresh_odoo(request.param)) as sandbox:
        yield sandbox


def test_every_recorded_request_is_answered_in_the_recorded_shape(server: Sandbox) -> None:
    version = server.app.version  # type: ignore[attr-defined] # the app is the fixture's Odoo
    wrong = {}
    for file in files(version):
        replay = Replay(server)
        for exchange in exchanges(version):
            if exchange.file == file:
                found = compared(exchange, *replay.play(exchange))
                if found:
                    wrong[f"{file}: {exchange.name}"] = found
    assert wrong == {}


def compared(exchange: Exchange, status: int, headers: dict[str, str], body: Any) -> list[str]:
    """Return what in an answer is not as recorded."""
    expected = exchange.response
    wrong = [] if status == expected["status"] else [f"status {status}, recorded {expected['status']}"]
    for name in (*HEADERS, "Set-Cookie"):
        ours, theirs = headers.get(name), expected["headers"].get(name)
        if (ours is None) != (theirs is None) or (name in HEADERS and ours != theirs):
            wrong.append(f"{name}: {ours!r}, recorded {theirs!r}")
    recorded = expected["body"]
    if isinstance(recorded, str) and recorded.startswith("<?xml"):
        recorded, body = xml(recorded), xml(body)
        if isinstance(recorded, dict) and recorded.get("faultCode") != (body or {}).get("faultCode"):
            wrong.append(f"fault {body!r:.200}")
        return wrong + differences(recorded, body)
    if exchange.name == "web session right after 62 s":
        recorded = {**recorded, "result": body["result"]}  # the recording left out most of it
    if _error(recorded) != _error(body):
        wrong.append(f"error {_error(body)}, recorded {_error(recorded)}: {body!r:.300}")
    if exchange.request["path"].endswith("fields_get") or _is_fields_get(exchange):
        return wrong + _fields(result(recorded), result(body))
    counted = exchange.file in EXACT and exchange.name not in OTHERWISE
    if counted and _size(recorded) != _size(body):
        wrong.append(f"{_size(body)}, recorded {_size(recorded)}")
    return wrong + differences(recorded, body)


def _size(body: Any) -> Any:
    """Return how many records a list has, or a small count; ids and other answers have none."""
    found = result(body)
    if isinstance(found, list):
        return len(found)
    return found if isinstance(found, int) and found <= 10 else None


def _error(body: Any) -> tuple[Any, ...] | None:
    if not isinstance(body, dict):
        return None
    if "error" in body:
        return body["error"]["code"], body["error"]["message"], body["error"]["data"]["name"]
    return (body["name"], len(body["arguments"])) if "debug" in body else None


def _is_fields_get(exchange: Exchange) -> bool:
    body = exchange.request.get("body")
    return isinstance(body, dict) and "fields_get" in body.get("params", {}).get("args", ())


def _fields(recorded: dict[str, Any], answered: dict[str, Any]) -> list[str]:
    """Compare field descriptions word for word."""
    names = {*recorded, *answered}
    return [
        f"{name}: {answered.get(name)}, recorded {recorded.get(name)}"
        for name in sorted(names)
        if answered.get(name) != recorded.get(name)
    ]
