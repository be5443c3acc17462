"""Sessions and reads of the eTrac connector, as the console and the engine open them."""

from __future__ import annotations

from typing import Any

from connections.connectors.etrac import EtracConnector
from connections.sandbox.etrac import API_KEY, EMAIL
from connections.sdk.declare import Page
from connections.sdk.settings import check_settings
from tests.connectors.apis import QuickContext
from tests.connectors.auvo.reader import NOW, At, days, last_checkpoint, rows

__all__ = ["NOW", "At", "days", "last_checkpoint", "rows"]


def connector(url: str, **values: Any) -> EtracConnector:
    """Return a session with settings that went through their check."""
    given = {"api_url": f"{url}/monitoramento", "email": EMAIL, "api_key": API_KEY, "pause_seconds": 0, **values}
    checked = check_settings(EtracConnector.settings, given)
    return EtracConnector(checked, {"api_key": checked.pop("api_key")})


def read(
    session: EtracConnector, key: str, checkpoint: dict[str, Any] | None = None, context: QuickContext | None = None
) -> list[Page]:
    stream = next(stream for stream in session.streams(session.config) if stream.key == key)
    return list(session.read(stream, checkpoint, context or At()))
