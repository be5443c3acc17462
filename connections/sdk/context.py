"""What the engine hands to a connector: time, waiting, permits, log. A connector has no other way out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Rate:
    """A vendor account's limit: at most `permits` requests in any `per_seconds`, shared by all workers."""

    account: str  # names the account, never holds its secret
    permits: int
    per_seconds: float


@dataclass(frozen=True)
class ReadOptions:
    """What a person asked of one read, beyond the checkpoint."""

    window_minutes: int | None = None  # look back this far from now
    since: datetime | None = None  # read what changed since this aware moment, not from the checkpoint or window
    page_size: int | None = None


class Context(Protocol):
    """The engine's side of a read. Every method may raise Interruption; a connector lets it pass."""

    allow_private_addresses: bool
    options: ReadOptions
    is_hurried: bool  # a person waits for the answer: better a failure soon than an answer late

    def now(self) -> datetime:
        """Return the current moment, aware, UTC."""

    def check(self) -> None:
        """Raise Interruption when the run was cancelled, is past its deadline, or must stop."""

    def wait(self, seconds: float) -> None:
        """Sleep so that cancel, deadline and stop are seen at once (Interruption), and life signs go on."""

    def take_permit(self, rate: Rate) -> None:
        """Wait until one more request is allowed on the account."""

    def log(self, level: Level, event: str, **params: Any) -> None:
        """Note an event worth telling an operator; event is a code of syncruns/events.py."""


class PlainContext:
    """A Context without an engine: for Test connection, sample reads and connector tests."""

    def __init__(
        self, *, allow_private_addresses: bool = False, options: ReadOptions | None = None, is_hurried: bool = False
    ) -> None:
        self.allow_private_addresses = allow_private_addresses
        self.is_hurried = is_hurried
        self.options = options or ReadOptions()
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self._sleep = threading.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def check(self) -> None:
        return None

    def wait(self, seconds: float) -> None:
        self._sleep.wait(seconds)

    def take_permit(self, rate: Rate) -> None:
        return None

    def log(self, level: Level, event: str, **params: Any) -> None:
        self.events.append((level, event, params))
