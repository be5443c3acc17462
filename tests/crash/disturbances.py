"""What a blow to one lane does to all: it explains why a run that nobody struck did not succeed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from syncruns.models import SyncRun


class Disturbances:
    """When the database was away, the stop mark set, or a frozen worker in the way of others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: list[tuple[str, datetime, datetime | None]] = []

    @contextlib.contextmanager
    def felt(self, what: str) -> Iterator[None]:
        """Note that all lanes feel what happens in this block."""
        began = timezone.now()
        with self._lock:
            place = len(self._noted)
            self._noted.append((what, began, None))
        try:
            yield
        finally:
            self._noted[place] = (what, began, timezone.now())

    def of(self, run: SyncRun) -> str:
        """Return what disturbed an ended run; without any blow, only a machine too slow for its lease is left."""
        ended = run.finished_at or timezone.now()
        for what, began, over in list(self._noted):
            if began < ended and (over is None or over > run.queued_at):
                return what
        return f"no blow (ended {run.state} {run.error_code}; the lease is {settings.LEASE_SECONDS} s)"
