"""Sessions and reads of the Auvo connector, as the console and the engine open them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from connections.connectors.auvo import AuvoConnector
from connections.sandbox.auvo import API_KEY, API_TOKEN
from connections.sdk.declare import Page, Stream
from connections.sdk.settings import check_settings
from tests.connectors.apis import QuickContext

NOW = datetime(2026, 6, 10, 15, tzinfo=UTC)  # a Wednesday, noon in São Paulo


class At(QuickContext):
    """A context whose clock stands still."""

    def __init__(self, now: datetime = NOW, **options: Any) -> None:
        super().__init__(**options)
        self._now = now

    def now(self) -> datetime:
        return self._now


def connector(url: str, **values: Any) -> AuvoConnector:
    """Return a session with settings that went through their check."""
    given = {"api_url": f"{url}/v2", "api_key": API_KEY, "api_token": API_TOKEN, **values}
    checked = check_settings(AuvoConnector.settings, given)
    return AuvoConnector(checked, {name: checked.pop(name) for name in ("api_key", "api_token")})


def stream_of(session: AuvoConnector, key: str) -> Stream:
    return next(stream for stream in session.streams(session.config) if stream.key == key)


def read(
    session: AuvoConnector, key: str, checkpoint: dict[str, Any] | None = None, context: QuickContext | None = None
) -> list[Page]:
    return list(session.read(stream_of(session, key), checkpoint, context or At()))


def days(count: int, **options: Any) -> At:
    """Return a context that asks for a look-back of so many days."""
    return At(window_minutes=count * 24 * 60, **options)


def rows(pages: Iterable[Page], table: str) -> list[dict[str, Any]]:
    return [dict(row) for page in pages for row in page.rows.get(table, ())]


def ids(pages: Iterable[Page], table: str = "task", key: str = "task_id") -> set[Any]:
    return {row[key] for row in rows(pages, table)}


def deleted(pages: Iterable[Page]) -> set[int]:
    return {number for page in pages for (number,) in page.deletes.get("task", ())}


def last_checkpoint(pages: Iterable[Page]) -> dict[str, Any]:
    """Return what the engine would have stored once all pages were loaded."""
    return next(page.checkpoint for page in reversed(list(pages)) if page.checkpoint is not None)


def later(**length: float) -> At:
    """Return a context some time after NOW, with a look-back of three days."""
    return At(NOW + timedelta(**length), window_minutes=3 * 24 * 60)
