"""A server that knows nothing but what real ones once answered: it finds the recorded question and repeats its answer.

Questions match by address, model, method and domain; ids of calls, secrets, named fields and the condition on
companies do not count. Questions that were not recorded are answered with nothing, and remembered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from connections.sandbox.faults import Faults
from connections.sandbox.server import Environ, StartResponse, answer
from tests.connectors.odoo.recorded import Exchange, exchanges

PASSWORD = "canary-odoo-4711"
API_KEY = "canary-key-5813"
SECRETS = {"<PASSWORD>": PASSWORD, "<API_KEY>": API_KEY}
NOW = datetime(2026, 11, 22, 22, 59, 58, tzinfo=UTC)  # windows then end where those of the recordings do
ME = [{"id": 2, "name": "Mitchell Admin", "company_ids": [3, 2, 1]}]
NOTHING = {"read": ME, "search_read": [], "search": [], "search_count": 0}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class Replay:
    """Answers as the server of one version did."""

    token = ""

    def __init__(self, version: int, *, now: datetime = NOW) -> None:
        self.faults = Faults()
        self.now = now
        self.unknown: list[tuple[str, str, Any]] = []
        self.asked: list[tuple[str, str, Any]] = []  # model, method, domain
        self._known: dict[str, Exchange] = {}
        self.fields: dict[str, dict[str, Any]] = {}
        self._blank: dict[str, set[str]] = {}
        self._records: dict[str, dict[int, dict[str, Any]]] = {}
        for exchange in exchanges(version):
            self._learn(exchange)
        for model, names in self._blank.items():
            for name in names:
                self.fields.setdefault(model, {}).setdefault(name, {"type": "char", "store": True})

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = json.loads(sent) if sent else None
        status, found = self._answer(str(environ["PATH_INFO"]), body, str(environ.get("HTTP_AUTHORIZATION", "")))
        headers = {"Date": format_datetime(self.now, usegmt=True)}
        return answer(start_response, status, json.dumps(found).encode(), "application/json; charset=utf-8", headers)

    def _answer(self, path: str, body: Any, bearer: str) -> tuple[int, Any]:
        model, method, domain = question(path, body)
        if model:
            self.asked.append((model, method, domain))
        if method == "fields_get":
            known = self.fields.get(model, {})
            told = {name: known[name] for name in fields_asked(path, body) or known if name in known}
            return 200, told if path != "/jsonrpc" else envelope(body, told)
        exchange = self._known.get(signature(path, body, bearer))
        if exchange is not None:
            return int(exchange.response["status"]), exchange.response["body"]
        if method == "search_read" and len(domain) == 1 and domain[0][1] == "in":  # the set of an allocation's owner
            found = self._records_linked(model, *domain[0])
            return 200, found if path != "/jsonrpc" else envelope(body, found)
        if (model, method) != ("res.users", "read"):
            self.unknown.append((model, method, domain))
        nothing = NOTHING.get(method, False)
        return 200, nothing if path != "/jsonrpc" else envelope(body, nothing)

    def _records_linked(self, model: str, link: str, _in: str, ids: list[int]) -> list[dict[str, Any]]:
        known = self._records.get(model, {})
        return [known[number] for number in sorted(known) if known[number].get(link) and known[number][link][0] in ids]

    def _learn(self, exchange: Exchange) -> None:
        path, body = exchange.request["path"], exchange.request.get("body")
        if not isinstance(body, dict):
            return
        model, method, _domain = question(path, body)
        found = exchange.response["body"]
        result = found.get("result") if path == "/jsonrpc" and isinstance(found, dict) else found
        if method == "fields_get" and isinstance(result, dict):
            self.fields.setdefault(model, {}).update(result)
        elif method == "search_read" and isinstance(result, list):
            for record in result:
                self._records.setdefault(model, {})[record.get("id", 0)] = record
                for name, value in record.items():
                    if value is False:
                        self._blank.setdefault(model, set()).add(name)
                    else:
                        about = {"type": guessed_type(value), "store": True}
                        self.fields.setdefault(model, {}).setdefault(name, about)
        bearer = str(exchange.request["headers"].get("Authorization", ""))
        self._known.setdefault(signature(path, body, bearer), exchange)


def question(path: str, body: Any) -> tuple[str, str, Any]:
    """Return model, method and domain of a call on a model; empty ones for what is none."""
    if path.startswith("/json/2/") and path.count("/") == 4:
        model, method = path.split("/")[3:]
        return model, method, scoped(body.get("domain")) if isinstance(body, dict) else None
    params = body.get("params", {}) if isinstance(body, dict) else {}
    if path != "/jsonrpc" or params.get("method") != "execute_kw":
        return "", "", None
    _db, _uid, _secret, model, method, placed, *_named = params["args"]
    return model, method, scoped(placed[0]) if placed and method != "fields_get" else None


def signature(path: str, body: Any, bearer: str) -> str:
    """Return what questions have in common that get the same answer."""
    model, method, domain = question(path, body)
    if model:
        # A key or password that is not the right one gets another answer.
        secret = bearer if path != "/jsonrpc" else body["params"]["args"][2]
        return json.dumps([path, model, method, domain, hidden(secret)])
    return json.dumps([path, hidden(body and body.get("params"))])


def scoped(domain: Any) -> Any:
    """Return a domain without its condition on companies: recordings were made without one."""
    if not isinstance(domain, list):
        return domain
    return [leaf for leaf in domain if not (isinstance(leaf, list) and leaf[:2] == ["company_id", "in"])]


def hidden(value: Any) -> Any:
    """Return value with the real secrets as recordings spell them."""
    text = json.dumps(value)
    for name, secret in SECRETS.items():
        text = text.replace(secret, name)
    return json.loads(text)


def fields_asked(path: str, body: Any) -> list[str]:
    return list(body["allfields"] if path != "/jsonrpc" else body["params"]["args"][5][0])


def envelope(body: Mapping[str, Any], result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": body.get("id"), "result": result}


def guessed_type(value: Any) -> str:
    """Return the type of a field that fields_get was not asked about when the recordings were made."""
    if isinstance(value, list):
        return "many2one" if len(value) == 2 and isinstance(value[1], str) else "many2many"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) else "float"
    return "datetime" if MOMENT.fullmatch(value) else "char"
