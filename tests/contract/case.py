"""One connector, its sandbox, and everything that its streams bring: what the checks of the contract look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from connections.sandbox.server import App, Sandbox
from connections.sdk import http
from connections.sdk.connector import Connector
from connections.sdk.context import PlainContext, ReadOptions
from connections.sdk.declare import Page, Stream
from connections.sdk.errors import SyncError
from connections.sdk.settings import check_settings

SMALL = 3  # a page size for which every stream has several pages
MOST_REQUESTS = 2000  # of one read; beyond that it goes round in circles
LOOK_BACK = timedelta(days=2)
SLOW = ("hang", "drip")  # faults that time-outs of parts of a second end


class Impatient(PlainContext):
    """A Context whose waits cost nothing, as of a person in front of the form: few tries, short timeouts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_private_addresses=True, options=ReadOptions(**options), is_hurried=True)

    def wait(self, seconds: float) -> None:
        return None


@dataclass
class Case:
    """connector: a class as the registry holds it. make_app and sample: as SANDBOXES and SAMPLES have them."""

    connector: type[Connector]
    make_app: Callable[[], App]
    sample: Callable[[str], dict[str, Any]]
    sandbox: Sandbox = field(init=False)
    played: Mapping[str, int] = field(default_factory=dict)  # faults, during the last outcome
    _read: dict[str, list[Page]] = field(default_factory=dict)
    _efforts: dict[str, tuple[int, int]] = field(default_factory=dict)

    @contextmanager
    def served(self) -> Iterator[Case]:
        """Serve the sandbox, awake: some play their whole history at the first request, and a hurried one gives up."""
        with Sandbox(self.make_app()) as self.sandbox:
            try:
                urlopen(self.sandbox.url).close()
            except HTTPError as nothing_there:
                nothing_there.close()
            yield self

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.sample(self.sandbox.url)["values"])

    def session(self, **changed: Any) -> Connector:
        """Open a session as the console does: with settings that went through their check."""
        config = check_settings(self.connector.settings, {**self.values, **changed})
        names = [setting.name for setting in self.connector.settings if setting.is_secret]
        return self.connector(config, {name: config.pop(name) for name in names if name in config})

    def streams(self) -> tuple[Stream, ...]:
        session = self.session()
        return session.streams(session.config)

    def pages(self, stream: Stream) -> list[Page]:
        """Return the pages of a read from the start, in peace; read once for all checks."""
        if stream.key not in self._read:
            self._read[stream.key] = list(self.read(stream))
        return self._read[stream.key]

    def read(
        self, stream: Stream, checkpoint: dict[str, Any] | None = None, context: Impatient | None = None
    ) -> Iterator[Page]:
        """Yield the pages of a read; AssertionError when it asks without end."""
        before = len(self.sandbox.requests)
        for page in self.session().read(stream, checkpoint, context or Impatient()):
            assert len(self.sandbox.requests) - before < MOST_REQUESTS, "the read does not end"
            yield page

    def in_small_pages(self, stream: Stream) -> dict[str, Any]:
        """Return the options of a read that takes several pages, and goes far enough back for there to be some."""
        since = {"since": datetime.now(UTC) - LOOK_BACK} if stream.can_begin_at else {}
        return {"page_size": SMALL, **since}

    def effort_of(self, stream: Stream) -> tuple[int, int]:
        """Return how many requests a read in small pages takes, in peace, and how many pages with rows it brings."""
        if stream.key not in self._efforts:
            before = len(self.sandbox.requests)
            read = self.read(stream, None, Impatient(**self.in_small_pages(stream)))
            pages = sum(any(map(len, page.rows.values())) for page in read)
            self._efforts[stream.key] = len(self.sandbox.requests) - before, pages
        return self._efforts[stream.key]

    def outcome(self, stream: Stream, faults: str, **options: Any) -> tuple[list[Page], SyncError | None, Impatient]:
        """Read while the sandbox plays faults; return the pages, what ended the read, and the context."""
        context, pages = Impatient(**options), list[Page]()
        self.sandbox.faults.order(faults)
        with pytest.MonkeyPatch.context() as patch:
            if faults.startswith(SLOW):
                patch.setattr(http, "HURRIED", http.Haste(read=0.3, total=1.0, tries=1, wait=0.0))
            try:
                for page in self.read(stream, None, context):
                    pages.append(page)
            except SyncError as error:
                return pages, error, context
            finally:
                self.played = self.sandbox.faults.played
                self.sandbox.faults.order("")
        return pages, None, context
