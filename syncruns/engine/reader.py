"""Reads ahead: a thread runs the connector one or two pages before the load, bounded."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections

from connections.sdk.declare import Page
from connections.sdk.errors import SyncError
from syncruns.engine.whereabouts import whereabouts

AHEAD = 2
LOOK_SECONDS = 0.5
SWITCH_SECONDS = 0.0005  # Python's 5 ms would pass each time the load comes back from the database, holding a lock

END = object()


@contextmanager
def read_ahead(pages: Callable[[], Iterator[Page]], idle: Callable[[], None]) -> Iterator[Iterator[list[Page]]]:
    """Give an iterator over groups of pages in order; what the connector raises is raised to the consumer.

    idle() is called about twice a second while waiting, and may raise to end the read. On leaving, the thread is
    told to stop; it is a daemon, so a source that hangs cannot hold the process.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    inbox: queue.Queue[Page | BaseException | object] = queue.Queue(maxsize=AHEAD)
    stopped = threading.Event()

    def offer(item: Page | BaseException | object) -> bool:
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
                if not offer(page):
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


def _pages(inbox: queue.Queue[Page | BaseException | object], idle: Callable[[], None]) -> Iterator[list[Page]]:
    """Yield what is there without waiting as one group: small pages share a transaction."""
    while True:
        group: list[Page] = []
        ended: BaseException | object | None = None
        while not group and ended is None:
            try:
                item = inbox.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                idle()
                continue
            while True:
                if isinstance(item, Page):
                    group.append(item)
                else:
                    ended = item
                    break
                try:
                    item = inbox.get_nowait()
                except queue.Empty:
                    break
        if group:
            yield group
        if isinstance(ended, BaseException):
            raise ended
        if ended is END:
            return
