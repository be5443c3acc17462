"""Calls to the sandbox Odoo over real HTTP, in its two protocols."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from typing import Any

from connections.sandbox.odoo import access
from connections.sandbox.server import Sandbox


def post(sandbox: Sandbox, path: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Send JSON; return status and body, decoded when it is JSON."""
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=20)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
    response = connection.getresponse()
    raw, is_json = response.read(), response.headers["Content-Type"].startswith("application/json")
    connection.close()
    return response.status, json.loads(raw) if is_json else raw.decode()


def service(sandbox: Sandbox, name: str, method: str, *args: Any) -> Any:
    """Call a JSON-RPC service; return the result, or the name of the error."""
    params = {"service": name, "method": method, "args": args}
    status, body = post(sandbox, "/jsonrpc", {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params})
    assert status == 200, "JSON-RPC answers 200 whatever happens"
    return body["error"]["data"]["name"] if "error" in body else body.get("result")


def call(
    sandbox: Sandbox, model: str, method: str, *args: Any, uid: int = 2, secret: str = access.PASSWORD, **named: Any
) -> Any:
    """Call a model's method over JSON-RPC; return the result, or the name of the error."""
    return service(sandbox, "object", "execute_kw", "demo", uid, secret, model, method, args, named)


def json2(
    sandbox: Sandbox, model: str, method: str, *, key: str = access.API_KEY, database: str = "demo", **named: Any
) -> tuple[int, Any]:
    """Call a model's method over JSON-2; return status and body."""
    headers = {"Authorization": f"bearer {key}", "X-Odoo-Database": database}
    return post(sandbox, f"/json/2/{model}/{method}", named, headers)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 11, 22, 13, 10, tzinfo=UTC)) -> None:  # noqa: B008
        self.now = now

    def __call__(self) -> datetime:
        return self.now
