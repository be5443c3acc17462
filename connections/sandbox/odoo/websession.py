"""The browser's way in: a cookie from /web/session/authenticate, then /web/dataset/call_kw."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from connections.sandbox.odoo.answers import HTML, Answer, incompatible, json_answer
from connections.sandbox.odoo.failures import SESSION_EXPIRED, OdooError, access_denied, access_error, named, rpc_error
from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.jsonrpc import call_model, known_user

if TYPE_CHECKING:
    from connections.sandbox.odoo.app import Odoo

AUTHENTICATE, CALL = "/web/session/authenticate", "/web/dataset/call_kw"
FAILURES_ALLOWED = 10  # from one address; then the right password is refused too
COOLDOWN = timedelta(seconds=60)


def new_session() -> str:
    return secrets.token_hex(20)


def cookie_of(session: str) -> str:
    return f"session_id={session}; Max-Age=604800; HttpOnly; Path=/"


class Sessions:
    """The sessions of one server, and the failures that lead to its cooldown."""

    def __init__(self) -> None:
        self._users: dict[str, int] = {}
        self._failures: dict[str, list[datetime]] = defaultdict(list)

    def answer(self, odoo: Odoo, path: str, content_type: str, body: bytes, cookie: str, address: str) -> Answer:
        """Answer a POST to one of the browser's addresses."""
        if not content_type.startswith("application/json"):
            return incompatible(400, "Bad Request", "http", path, "json")
        try:
            asked = json.loads(body)
        except ValueError:
            return Answer(400, b"Invalid JSON data", HTML)
        envelope: Row = {"jsonrpc": "2.0", "id": asked.get("id")}
        headers: dict[str, str] = {}
        result: object
        try:
            if path == AUTHENTICATE:
                result, session = self._authenticate(odoo, asked.get("params") or {}, address)
                headers["Set-Cookie"] = cookie_of(session)
            else:
                result = self._call(odoo, asked.get("params") or {}, cookie)
        except Exception as error:  # noqa: BLE001 - a server answers whatever went wrong, by the name of its class
            return json_answer({**envelope, "error": rpc_error(named(error))})
        return json_answer({**envelope, "result": result}, headers=headers)

    def forget(self) -> None:
        """End all sessions, as a restart with another session store does."""
        self._users.clear()

    def _authenticate(self, odoo: Odoo, params: Row, address: str) -> tuple[Row, str]:
        if params.get("db") not in odoo.databases:
            raise access_error("Database not found.")
        recent = [moment for moment in self._failures[address] if moment > odoo.now - COOLDOWN]
        if len(recent) >= FAILURES_ALLOWED:
            raise OdooError(
                "odoo.exceptions.AccessDenied", "Too many login failures, please wait a bit before trying again."
            )
        user = next((user for user in odoo.users if user.login == params.get("login")), None)
        if user is None or not user.accepts(params.get("password")):
            self._failures[address] = [*recent, odoo.now]
            raise access_denied()
        self._failures.pop(address, None)
        session = new_session()
        self._users[session] = user.uid
        info = odoo.version_info()
        return {
            "uid": user.uid, "is_admin": "system" in user.groups, "username": user.login, "name": user.name,
            "partner_id": odoo.store.rows("res.users")[user.uid]["partner_id"],
            "server_version": info["server_version"], "server_version_info": info["server_version_info"],
            "user_context": {"lang": "en_US", "tz": "America/Sao_Paulo", "uid": user.uid}, "db": params["db"],
        }, session  # fmt: skip

    def _call(self, odoo: Odoo, params: Row, cookie: str) -> object:
        morsel = SimpleCookie(cookie).get("session_id")
        uid = self._users.get(morsel.value) if morsel else None
        if uid is None:
            raise OdooError(SESSION_EXPIRED, "Session expired")
        model, method = str(params.get("model")), str(params.get("method"))
        return call_model(odoo, known_user(odoo, uid), model, method, params.get("args") or (), params.get("kwargs"))
