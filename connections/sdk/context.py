"""What the engine hands to a connector: time, waiting, permits, log. A connector has no other way out."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from connections.sdk.declare import Document, Within

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
    until: datetime | None = None  # with since, of a stream that is ranged: nothing at or after it, but for whole days
    page_size: int | None = None
    place: Mapping[str, Any] | None = None  # within the range, a Page's: what came before it was loaded


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


class StepContext(Context, Protocol):
    """What a step has besides: the rows that its connection has loaded, and their documents."""

    def rows(
        self,
        table: str,
        columns: Sequence[str] = (),
        *,
        within: tuple[Within, ...] = (),
        changed_since: datetime | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the connection's live rows of a declared table in batches, by key; column -> value.

        columns: all declared ones when empty. Values are as columns are typed: int, Decimal, bool, date, aware
        datetime, str, and what JSON text says. changed_since: only rows written at that aware moment or later.
        No batch holds the database up, so work on one may take its time. KeyError for what is not declared.
        """

    def document(self, sha256: str) -> Document | None:
        """Return a kept document of the connection; None when it was never kept, or is no longer."""


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


class PlainStepContext(PlainContext):
    """A StepContext without an engine. tables: rows by table, in the order of their keys, with typed values."""

    def __init__(
        self, tables: Mapping[str, Sequence[Mapping[str, Any]]], documents: Sequence[Document] = (), **options: Any
    ) -> None:
        super().__init__(**options)
        self._tables = tables
        self._documents = {document.sha256: document for document in documents}

    def rows(
        self,
        table: str,
        columns: Sequence[str] = (),
        *,
        within: tuple[Within, ...] = (),
        changed_since: datetime | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield every row one by one: whoever counts on a batch's size is found out."""
        for row in self._tables[table]:
            if all(each.admits(row[each.column]) for each in within):
                yield [{name: row[name] for name in columns or row}]

    def document(self, sha256: str) -> Document | None:
        return self._documents.get(sha256)
