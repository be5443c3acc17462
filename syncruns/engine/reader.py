"""Reads ahead: a thread runs the connector, types and hashes about one group of pages before the load, bounded."""

from __future__ import annotations

import gc
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connections

from connections.sdk.declare import Page, Stream
from connections.sdk.errors import SyncError
from syncruns.engine.transform import Typed, to_rows
from syncruns.engine.warehouse.digest import HashedRows
from syncruns.engine.whereabouts import whereabouts

LOOK_SECONDS = 0.5
ROWS_TOGETHER, GATHER_SECONDS = 5000, 0.1  # a group has so many rows, or what came within that time
MOST_AHEAD = 8  # pages, be they small
# What Python does for long-running programs of one thread does not suit two that make and drop rows by the thousand.
SWITCH_SECONDS = 0.0005  # 5 ms would pass each time the load comes back from the database, where it may hold a lock
UNREACHABLE_AFTER = 50_000  # new objects before a search for cycles, of which pages have none; 700 is several a page

END = object()


@dataclass(frozen=True)
class TypedPage(Page):
    """A page that was typed beforehand: as to_rows does it, whatever people decided. Its rows are hashed, too."""

    typed: Typed = field(default_factory=Typed)

    @classmethod
    def of(cls, page: Page, stream: Stream) -> TypedPage:
        """Type the page. Raises what to_rows raises."""
        typed = to_rows(page, stream)
        for name, rows in typed.rows.items():
            typed.rows[name] = HashedRows.of(stream.table(name), rows)
        return cls(**vars(page), typed=typed)


Item = TypedPage | BaseException | object


class _Inbox(queue.Queue[Item]):
    """Full when the next group is in it, so that it can be made while the last one is being written."""

    def __init__(self) -> None:
        super().__init__(maxsize=ROWS_TOGETHER)

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._rows = 0

    def _qsize(self) -> int:
        return self._rows

    def _put(self, item: Item) -> None:
        super()._put(item)
        self._rows += self._counted(item)

    def _get(self) -> Item:
        item = super()._get()
        self._rows -= self._counted(item)
        return item

    def _counted(self, item: Item) -> int:
        """Count a small page for more than it has, so that there are not too many."""
        return max(_rows_of(item), ROWS_TOGETHER // MOST_AHEAD) if isinstance(item, TypedPage) else 1


@contextmanager
def read_ahead(
    pages: Callable[[], Iterator[Page]], stream: Stream, idle: Callable[[], None]
) -> Iterator[Iterator[list[TypedPage]]]:
    """Give an iterator over groups of typed pages in order; what the connector raises is raised to the consumer.

    idle() is called about twice a second while waiting, and may raise to end the read. On leaving, the thread is
    told to stop; it is a daemon, so a source that hangs cannot hold the process.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(UNREACHABLE_AFTER)
    inbox = _Inbox()
    stopped = threading.Event()

    def offer(item: Item) -> bool:
        while not stopped.is_set():
            try:
                inbox.put(item, timeout=LOOK_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        try:
            for page in pages():
                if not offer(TypedPage.of(page, stream)):
                    return
            offer(END)
        except SyncError as error:
            offer(error)
        except Exception as error:  # noqa: BLE001 - a connector's bug must end its stream, not hang it
            offer(SyncError("internal", detail=whereabouts(error)))
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name="reader", daemon=True)
    thread.start()
    try:
        yield _pages(inbox, idle)
    finally:
        stopped.set()
        thread.join(timeout=LOOK_SECONDS * 4)


def _pages(inbox: queue.Queue[Item], idle: Callable[[], None]) -> Iterator[list[TypedPage]]:
    """Yield pages that come shortly after each other as one group: small ones share a transaction."""
    while True:
        group: list[TypedPage] = []
        room, until = ROWS_TOGETHER, 0.0
        item: Item = None
        while room > 0:
            try:
                item = inbox.get(timeout=max(0.0, until - time.monotonic()) if group else LOOK_SECONDS)
            except queue.Empty:
                if group:
                    break
                idle()
                continue
            if not isinstance(item, TypedPage):
                break
            until = until or time.monotonic() + GATHER_SECONDS
            group.append(item)
            room -= _rows_of(item)
        if group:
            yield group
        if isinstance(item, BaseException):
            raise item
        if item is END:
            return


def _rows_of(page: Page) -> int:
    return sum(map(len, page.rows.values()))
