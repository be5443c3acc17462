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


class Mirror:
    """What the engine would hold of one stream: pages loaded one by one, each with its checkpoint, or not at all."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {table.name: {} for table in stream.tables}
        self.checkpoint: dict[str, Any] | None = None

    def load(self, page: Page) -> None:
        """Upsert rows, replace the lines of the page's records and its sets, and move the checkpoint."""
        for table in self.stream.tables:
            held = self.tables[table.name]
            if table.parent and table.name in page.rows:
                parents = {(row["id"],) for row in page.rows[table.parent]}
                self._drop(table.name, table.parent_key, parents)
            if table.name in page.sets:
                self._drop(table.name, table.set_key, set(page.sets[table.name]))
            for row in page.rows.get(table.name, ()):
                held[tuple(row[name] for name in table.key)] = dict(row)
        self.checkpoint = page.checkpoint or self.checkpoint

    def read(self, session: OdooConnector, *, pages: int | None = None, **options: Any) -> int:
        """Read on from the checkpoint, killed after some pages; return how many were loaded."""
        done = 0
        found = session.read(self.stream, self.checkpoint, QuickContext(**options))
        while pages is None or done < pages:
            page = next(found, None)
            if page is None:
                break
            self.load(page)
            done += 1
        return done

    def _drop(self, table: str, columns: Iterable[str], values: set[tuple[Any, ...]]) -> None:
        held = self.tables[table]
        for key in [key for key, row in held.items() if tuple(row[name] for name in columns) in values]:
            del held[key]
