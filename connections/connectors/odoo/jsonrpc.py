"""JSON-RPC (/jsonrpc): every version in use up to 21; each call carries database, user and secret."""

from __future__ import annotations

from typing import Any

from connections.connectors.odoo.transport import Arguments, Asked, Server
from connections.sdk.errors import SyncError

# What goes by position, since its name differs between versions.
POSITIONS = {
    "search_read": ("domain", "fields"),
    "search": ("domain",),
    "search_count": ("domain",),
    "read": ("ids", "fields"),
    "fields_get": ("allfields", "attributes"),
}


class JsonRpc:
    def __init__(self, server: Server, database: str, username: str, secret: str) -> None:
        self._server = server
        self._database = database
        self._username = username
        self._secret = secret
        self._uid = 0

    def sign_in(self) -> int:
        uid = self._server.service("common", "login", [self._database, self._username, self._secret])
        if not isinstance(uid, int) or uid is False:  # a wrong password is no error here, only `false`
            raise SyncError("credentials_refused")
        self._uid = uid
        return uid

    def call(self, model: str, method: str, arguments: Arguments, context: Arguments, retry: Asked) -> Any:
        named = dict(arguments)
        placed = [named.pop(name) for name in POSITIONS.get(method, ())]
        signed = [self._database, self._uid, self._secret, model, method, placed, {**named, "context": context}]
        return self._server.service("object", "execute_kw", signed, retry=retry)
