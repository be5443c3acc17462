"""JSON-2 (/json/2): from version 19 on; the API key says who asks."""

from __future__ import annotations

from typing import Any

from connections.connectors.odoo.errors import no_odoo
from connections.connectors.odoo.transport import Arguments, Asked, Server


class Json2:
    def __init__(self, server: Server, database: str, key: str) -> None:
        self._server = server
        self._headers = {"Authorization": f"bearer {key}", "X-Odoo-Database": database}

    def sign_in(self) -> int:
        known = self.call("res.users", "context_get", {}, {}, retry=True)
        uid = known.get("uid") if isinstance(known, dict) else None
        if not isinstance(uid, int):
            raise no_odoo()
        return uid

    def call(self, model: str, method: str, arguments: Arguments, context: Arguments, retry: Asked) -> Any:
        body = {**arguments, "context": context} if context else dict(arguments)
        return self._server.post(f"json/2/{model}/{method}", body, headers=self._headers, retry=retry)
