"""Writes a run's log: buffered, bounded, and the same event again and again as one row."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import Error, connections
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from connections.sdk.errors import Interruption
from connections.sdk.text import storable
from syncruns.engine import journal
from syncruns.engine.claim import held
from syncruns.models import SyncLog, SyncRun

logger = logging.getLogger("sync.engine")


class RunLog:
    """Collects entries from any thread; flush() writes them, called by the thread that owns the database."""

    def __init__(self, run: SyncRun) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._waiting: list[SyncLog] = []
        self._last: SyncLog | None = None  # the newest row already written ...
        self._repeats = 0  # ... and with how many repeats
        self._room = settings.RUN_LOG_LIMIT - (run.logs.count() if run.fence > 1 else 0)  # of before it was handed back
        self._left_out = 0
        self._flushed_at = time.monotonic()  # there is nothing yet

    def add(self, level: str, event: str, stream: str = "", /, **params: Any) -> None:
        """Note an event. params must be JSON values, without secrets."""
        params = storable(params)
        entry = SyncLog(run=self._run, stream=stream, at=timezone.now(), level=level, event=event, params=params)
        with self._lock:
            newest = self._waiting[-1] if self._waiting else self._last
            if newest is not None and _same(newest, entry):
                newest.repeats += 1
                newest.at = entry.at
            elif self._room > 0:
                self._room -= 1
                self._waiting.append(entry)
            elif level == SyncLog.Level.ERROR:
                self._waiting.append(entry)  # what went wrong is never left out
            else:
                self._left_out += 1
        journal.noted(self._run, level, event, stream, params)

    def flush(self, rest: float = 0.0) -> None:
        """Write what was collected, or leave it to a later call within so many seconds after the last one.

        Nothing is written when the run has been taken away, for its log ends with it.
        """
        if time.monotonic() < self._flushed_at + rest:
            return
        with self._lock:
            has_news = self._waiting or (self._last is not None and self._last.repeats != self._repeats)
        if has_news:
            with suppress(Interruption), held(self._run):
                self.write()

    def write(self) -> None:
        """Write what was collected in the caller's transaction, which holds the run."""
        self._flushed_at = time.monotonic()
        with self._lock:
            waiting, self._waiting = self._waiting, []
            last = self._last
            repeats, at = (last.repeats, last.at) if last is not None else (0, None)
        if not waiting and (last is None or repeats == self._repeats):
            return
        if last is not None and repeats != self._repeats:
            SyncLog.objects.filter(pk=last.pk).update(repeats=repeats, at=at)
        SyncLog.objects.bulk_create(waiting)
        self._repeats = repeats
        if waiting:
            self._last, self._repeats = waiting[-1], waiting[-1].repeats

    def close(self) -> None:
        """Write the rest, and how much was left out; a database that is away must not change how the run ends."""
        if self._left_out:
            left_out, self._left_out, self._room = self._left_out, 0, 1
            self.add(SyncLog.Level.WARNING, "log_full", count=left_out)
        try:
            self.flush()
        except Error as error:
            connections.close_all()
            logger.warning(_("run %s: the end of its log could not be written: %s"), self._run, type(error).__name__)


def _same(one: SyncLog, other: SyncLog) -> bool:
    return (one.stream, one.level, one.event, one.params) == (other.stream, other.level, other.event, other.params)
