"""Small APIs that no connector was written for, and ways to read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connections.connectors.rest import RestConnector
from connections.sandbox.faults import Faults
from connections.sandbox.server import Environ, Sandbox, StartResponse, answer, query
from connections.sdk.context import PlainContext, ReadOptions
from connections.sdk.declare import Page
from connections.sdk.settings import check_settings

Reply = tuple[int, Any, dict[str, str]]
Route = Callable[[dict[str, str], Environ], Any]


class Api:
    """A WSGI app: path -> function of the query (and environ) that returns JSON, or (status, JSON, headers)."""

    token = ""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self.routes = dict(routes)
        self.faults = Faults()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        route = self.routes.get(environ["PATH_INFO"])
        found = route(query(environ), environ) if route else (404, {"error": "nothing here"}, {})
        status, body, headers = found if isinstance(found, tuple) else (200, found, {})
        return answer(start_response, status, json.dumps(body).encode(), "application/json", headers)


class QuickContext(PlainContext):
    """Waits no longer than asked for by anybody patient, and remembers how long that would have been."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_private_addresses=True, options=ReadOptions(**options))
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


def column(path: str, type: str = "text", *, name: str = "", key: bool = False, **digits: int) -> dict[str, Any]:
    return {"path": path, "name": name or path.rpartition(".")[2], "type": type, "key": key, **digits}


ID = column("id", "integer", key=True)


def connector(url: str, *streams: dict[str, Any], **values: Any) -> RestConnector:
    """Return a session as the console opens it: with settings that went through their check."""
    filled = [{"path": stream["name"], "columns": [ID], **stream} for stream in streams]
    checked = check_settings(
        RestConnector.settings, {"base_url": url, "table_prefix": "t", "streams": filled, **values}
    )
    names = [setting.name for setting in RestConnector.settings if setting.is_secret]
    secrets = {name: checked.pop(name) for name in names if name in checked}
    return RestConnector(checked, secrets)


def read(
    session: RestConnector,
    context: PlainContext | None = None,
    *,
    checkpoint: dict[str, Any] | None = None,
    stream: int = 0,
) -> list[Page]:
    wanted = session.streams(session.config)[stream]
    return list(session.read(wanted, checkpoint, context or QuickContext()))


def rows(pages: Iterable[Page], table: str) -> list[dict[str, Any]]:
    return [dict(row) for page in pages for row in page.rows.get(table, ())]


def ids(pages: Iterable[Page], table: str = "t_things") -> list[Any]:
    return [row["id"] for row in rows(pages, table)]


def serve(routes: Mapping[str, Route]) -> Sandbox:
    return Sandbox(Api(routes))
