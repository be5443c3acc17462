"""Sends recorded requests to the sandbox and compares its answers with the recorded ones by shape.

Ids, names and numbers of two databases differ; statuses, envelopes, error names, field descriptions and the kinds of
values must not. Ids are translated: those an earlier answer gave become those the sandbox gave in its place.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from xmlrpc.client import Fault, dumps, loads

from connections.sandbox.odoo import Odoo, access
from connections.sandbox.server import Sandbox
from tests.connectors.odoo.recorded import Exchange

RECORDED_AT = datetime(2026, 11, 22, 13, 10, tzinfo=UTC)
SECRETS = {
    "<PASSWORD>": access.PASSWORD,
    "<API_KEY>": access.API_KEY,
    "<API_KEY_LIMITED>": access.API_KEY_LIMITED,
    "<API_KEY_EXPIRED>": access.API_KEY_EXPIRED,
}
NOWHERE = 100_000  # recorded ids from here on were meant not to exist
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
HEADERS = ("Content-Type", "WWW-Authenticate")
MODEL_FIRST = {
    "read",
    "write",
    "unlink",
    "button_cancel",
    "button_to_approve",
    "button_approved",
    "make_purchase_order",
}
LINKS = {
    "move_id": "account.move",
    "order_id": "",  # of the model that has the lines
    "picking_id": "stock.picking",
    "purchase_line_id": "purchase.order.line",
    "purchase_request_line_id": "purchase.request.line",
    "request_id": "purchase.request",
    "requisition_id": "purchase.requisition",
}


def fresh_odoo(version: int, **options: Any) -> Odoo:
    """Return a sandbox with a business that stands where the recordings were made."""
    databases = ("demo", "demo19") if version == 17 else ("demo19",)
    opened = RECORDED_AT - timedelta(days=3)
    return Odoo(version=version, databases=databases, speed=4, opened=opened, clock=lambda: RECORDED_AT, **options)


class Replay:
    """Plays the exchanges of one file against one sandbox, in order."""

    def __init__(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox.app, Odoo)
        self.odoo = sandbox.app
        self._address = sandbox.url.removeprefix("http://")
        self._known: dict[tuple[str, int], int] = {}
        self._moments: dict[str, str] = {}
        self._session = ""

    def play(self, exchange: Exchange) -> tuple[int, dict[str, str], Any]:
        """Send the request, translated, and return status, headers and decoded body."""
        asked = exchange.request
        if "after 62 s" in exchange.name:
            self.odoo.pass_time(timedelta(seconds=62))
        times = 10 if exchange.name.endswith("web session wrong #11") else 1
        for _time in range(times):
            status, headers, body = self._send(exchange, asked)
        if cookie := headers.get("Set-Cookie"):
            self._session = cookie.partition("=")[2].partition(";")[0]
        self._learn(exchange, body)
        return status, headers, body

    def _send(self, exchange: Exchange, asked: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        body = self._body(exchange)
        headers = {name: self._secret(str(value)) for name, value in asked["headers"].items()}
        if headers.get("X-Odoo-Database") == "demo":
            headers["X-Odoo-Database"] = "demo19"
        connection = http.client.HTTPConnection(self._address, timeout=20)
        connection.request(asked["method"], asked["path"], body, headers)
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        received = dict(response.getheaders())
        assert received["Date"], "every answer tells the server's clock"
        is_json = received["Content-Type"].startswith("application/json")
        return response.status, received, json.loads(raw) if is_json else raw.decode()

    def _body(self, exchange: Exchange) -> bytes | None:
        asked = exchange.request.get("body")
        if asked is None:
            return None
        if isinstance(asked, str):
            if not asked.startswith("<?xml"):
                return asked.encode()
            args, method = loads(asked)
            call = [SECRETS.get(value, value) if isinstance(value, str) else value for value in args]
            return dumps(tuple(self._translated_call(call)), methodname=str(method)).encode()
        filled = json.loads(self._secret(json.dumps(asked)))
        params = filled.get("params") if isinstance(filled, dict) else None
        if params and params.get("service") == "object":
            params["args"] = self._translated_call(params["args"])
        elif params and "password" in params and "wrong" in exchange.name:
            params["password"] = "not it"
        elif exchange.request["path"].startswith("/json/2/") and isinstance(filled, dict):
            model = exchange.request["path"].split("/")[3]
            filled = {name: self._translated(model, name, value) for name, value in filled.items()}
        return json.dumps(filled).encode()

    def _secret(self, text: str) -> str:
        for name, value in SECRETS.items():
            text = text.replace(name, value)
        return text.replace("<SESSION_ID>", self._session)

    # Ids

    def _translated_call(self, call: list[Any]) -> list[Any]:
        if len(call) < 6:
            return call
        model, method, args, *rest = call[3:]
        if method in MODEL_FIRST and args:
            args = [self._translated(model, "ids", args[0]), *(self._values(value) for value in args[1:])]
        elif method == "create":
            args = [self._values(args[0])]
        elif args:
            args = [self._translated(model, "domain", args[0]), *args[1:]]
        named = {name: self._translated(model, name, value) for name, value in (rest[0] if rest else {}).items()}
        return [*call[:3], model, method, args, *([named] if rest else [])]

    def _translated(self, model: str, name: str, value: Any) -> Any:
        if name == "ids":
            return [self._id(model, number) for number in value]
        if name == "context":
            companies = {3: 2}
            asked = [companies.get(number, number) for number in value.get("allowed_company_ids", ())]
            lines = [self._id("purchase.request.line", number) for number in value.get("active_ids", ())]
            return value | ({"allowed_company_ids": asked} if asked else {}) | ({"active_ids": lines} if lines else {})
        if name == "domain" and isinstance(value, list):
            return [self._leaf(model, leaf) for leaf in value]
        return value

    def _leaf(self, model: str, leaf: Any) -> Any:
        if not isinstance(leaf, list) or len(leaf) != 3:
            return leaf
        name, operator, value = leaf
        links = {**LINKS, "id": model, "order_id": model.removesuffix(".line")}
        if name == "company_id" and value == 3:
            return [name, operator, 2]
        if name == "write_date":
            return [name, operator, self._moments.get(value, value)]
        if name not in links or isinstance(value, bool):
            return leaf
        if isinstance(value, list):
            return [name, operator, [self._id(links[name], number) for number in value]]
        return [name, operator, self._id(links[name], value) if value else value]

    def _values(self, value: Any) -> Any:
        """Translate the ids in values to write."""
        if isinstance(value, list):
            return [self._values(item) for item in value]
        if not isinstance(value, dict):
            return value
        links = {"partner_id": "res.partner", "supplier_id": "res.partner", "product_id": "product.product"}
        return {
            name: self._id(links[name], item) if name in links else self._values(item) for name, item in value.items()
        }

    def _id(self, model: str, number: int) -> int:
        if number >= NOWHERE or not isinstance(number, int):
            return number
        if (model, number) not in self._known:
            self._known[model, number] = self._any(model, number)
        return self._known[model, number]

    def _any(self, model: str, number: int) -> int:
        """Return some row of ours for a recorded id no answer has given: a posted invoice, a done receipt."""
        rows = self.odoo.rows(model)
        wanted = [
            found
            for found, row in rows.items()
            if (model != "account.move" or (row["state"] == "posted" and row["move_type"] == "out_invoice"))
            and (model != "stock.picking" or (row["state"] == "done" and row["location_id"] == 1))
            and (model != "purchase.order" or row["state"] == "purchase")
        ]
        return wanted[number % len(wanted)] if wanted else number

    def _learn(self, exchange: Exchange, answered: Any) -> None:
        """Remember which of our ids stand for the recorded ones."""
        model = model_of(exchange)
        for recorded, ours in zip(_ids(result(exchange.response["body"])), _ids(result(answered)), strict=False):
            self._known[model, recorded] = ours
        for left, right in zip(_rows(exchange.response["body"]), _rows(answered), strict=False):
            for name, relation in LINKS.items():
                if isinstance(left.get(name), list) and isinstance(right.get(name), list):
                    self._known[relation or f"{model.removesuffix('.line')}", left[name][0]] = right[name][0]
            self._moments |= {left[name]: right[name] for name in ("write_date",) if name in left and name in right}
        for name, relation in (("order_line", "purchase.order.line"), ("line_ids", "purchase.request.line")):
            for left, right in zip(_rows(exchange.response["body"]), _rows(answered), strict=False):
                pairs = zip(left.get(name) or (), right.get(name) or (), strict=False)
                self._known |= {(relation, recorded): ours for recorded, ours in pairs}


def model_of(exchange: Exchange) -> str:
    body = exchange.request.get("body")
    if isinstance(body, dict) and len(body.get("params", {}).get("args", ())) > 4:
        return str(body["params"]["args"][3])
    parts = exchange.request["path"].split("/")
    return parts[3] if len(parts) > 3 else ""


def result(body: Any) -> Any:
    return body.get("result") if isinstance(body, dict) and "jsonrpc" in body else body


def _rows(body: Any) -> list[dict[str, Any]]:
    found = result(body)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _ids(found: Any) -> Iterable[int]:
    if isinstance(found, int) and not isinstance(found, bool):
        return [found]
    if isinstance(found, list):
        return [row["id"] if isinstance(row, dict) and "id" in row else row for row in found
                if isinstance(row, int) or (isinstance(row, dict) and "id" in row)]  # fmt: skip
    return []


# Shapes


def differences(recorded: Any, answered: Any, at: str = "") -> list[str]:
    """Return where two decoded answers differ in shape, each with its place."""
    left, right = kind(recorded), kind(answered)
    if "records" in (left, right) and recorded and not answered:
        return [f"{at or 'answer'}: no records to compare"]
    if "empty" in (left, right) and left != "object" != right:
        return []  # false stands for every empty value
    if left != right:
        return [f"{at or 'answer'}: recorded {left} {recorded!r:.80}, answered {right} {answered!r:.80}"]
    if left == "object":
        missing = [f"{at}: {name} is missing" for name in recorded if name not in answered]
        added = [f"{at}: {name} is too much" for name in answered if name not in recorded]
        inner = [
            differences(value, answered[name], f"{at}.{name}") for name, value in recorded.items() if name in answered
        ]
        return [*missing, *added, *(each for found in inner for each in found)]
    if left == "records":
        return [each for row in answered for each in differences(recorded[0], row, f"{at}[]")]
    return []


def kind(value: Any) -> str:
    """Return what sort of value the wire carries; false and empty lists count as empty."""
    if value is False or value is None or value == []:
        return "empty"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "moment" if MOMENT.fullmatch(value) else "day" if DAY.fullmatch(value) else "text"
    if isinstance(value, dict):
        return "object"
    if isinstance(value[0], dict):
        return "records"
    return "pair" if len(value) == 2 and isinstance(value[1], str) and isinstance(value[0], int) else "list"


def xml(text: str) -> Any:
    """Return what an XML-RPC answer holds, a fault as its code."""
    try:
        return loads(text)[0][0]
    except Fault as fault:
        return {"faultCode": fault.faultCode, "faultString": fault.faultString}
