"""Sessions and reads of the Odoo connector, as the console and the engine open them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connections.connectors.odoo import OdooConnector
from connections.sandbox.odoo import access
from connections.sdk.declare import Page, Stream
from connections.sdk.settings import check_settings
from tests.connectors.apis import QuickContext

SECRETS = {"password": access.PASSWORD, "api_key": access.API_KEY}


def connector(url: str, *, version: int = 17, **values: Any) -> OdooConnector:
    """Return a session with settings that went through their check: by password on 17, by key on 19."""
    by_key = values.pop("auth", "password" if version == 17 else "api_key") == "api_key"
    given = {
        "url": url, "database": "demo", "username": "admin", "auth": "api_key" if by_key else "password",
        ("api_key" if by_key else "password"): SECRETS["api_key" if by_key else "password"], **values,
    }  # fmt: skip
    checked = check_settings(OdooConnector.settings, given)
    secrets = {name: checked.pop(name) for name in ("password", "api_key") if name in checked}
    return OdooConnector(checked, secrets)


def stream_of(session: OdooConnector, key: str) -> Stream:
    return next(stream for stream in session.streams(session.config) if stream.key == key)


def read(
    session: OdooConnector, key: str, checkpoint: dict[str, Any] | None = None, context: QuickContext | None = None,
    **options: Any,
) -> list[Page]:  # fmt: skip
    return list(session.read(stream_of(session, key), checkpoint, context or QuickContext(**options)))


def rows(pages: Iterable[Page], table: str) -> list[dict[str, Any]]:
    return [dict(row) for page in pages for row in page.rows.get(table, ())]


def ids(pages: Iterable[Page], table: str) -> list[Any]:
    return [row["id"] for row in rows(pages, table)]


def last_checkpoint(pages: Iterable[Page]) -> dict[str, Any] | None:
    """Return what the engine would have stored once all pages were loaded."""
    return next((page.checkpoint for page in reversed(list(pages)) if page.checkpoint is not None), None)
