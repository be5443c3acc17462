"""How questions travel to an Odoo server: one interface, so that its upgrade changes nothing but the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from connections.connectors.odoo.clock import ServerClock
from connections.connectors.odoo.errors import no_odoo
from connections.connectors.odoo.version import Version
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient, Retry

Arguments = Mapping[str, Any]  # by the names of JSON-2; `ids` are the records a method is bound to
Asked = bool | Retry
# How servers answer that tell nobody the names of their databases, or have no such service any more.
KEPT_TO_ITSELF = ("credentials_refused", "permission_denied", "contract_changed", "not_found", "request_refused")


class Transport(Protocol):
    """One sign-in over one protocol."""

    def sign_in(self) -> int:
        """Return the user's id. Raises SyncError credentials_refused."""

    def call(self, model: str, method: str, arguments: Arguments, context: Arguments, retry: Asked) -> Any:
        """Return what the method answers. Raises SyncError."""


class Server:
    """The HTTP side of an Odoo server, and what it tells before anyone signs in."""

    def __init__(self, client: HttpClient, clock: ServerClock) -> None:
        self._client = client
        self._asked = 0
        self.clock = clock
        self.seconds = 0.0  # how long the last call took

    def post(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None, retry: Asked = True) -> Any:
        """Send body as JSON and return the answer's document."""
        answer = self._client.post(path, json=body, headers=headers, retry=retry)
        self.clock.note(answer)
        self.seconds = answer.seconds
        return answer.json()

    def service(self, service: str, method: str, arguments: list[Any], *, retry: Asked = True) -> Any:
        """Call a method of a JSON-RPC service and return its result; None when it answers none."""
        self._asked += 1
        params = {"service": service, "method": method, "args": arguments}
        body = {"jsonrpc": "2.0", "method": "call", "id": self._asked, "params": params}
        document = self.post("jsonrpc", body, retry=retry)
        if not isinstance(document, dict) or "jsonrpc" not in document:
            raise no_odoo()
        return document.get("result")

    def version(self) -> Version:
        """Return the server's version; servers without JSON-RPC tell it elsewhere. Raises SyncError."""
        try:
            answer = self.service("common", "version", [])
        except SyncError as error:
            if error.code != "not_found":
                raise
            answer = self._client.get("web/version").json()
        version = Version.of(answer)
        if version is None:
            raise no_odoo()
        return version

    def databases(self) -> list[str]:
        """Return the names of the server's databases; none where it keeps them to itself."""
        try:
            names = self.service("db", "list", [])
        except SyncError as error:
            if error.code not in KEPT_TO_ITSELF:
                raise
            return []
        return [str(name) for name in names] if isinstance(names, list) else []
