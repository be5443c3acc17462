"""Life signs of a run: one thread extends its lease while the work moves, and listens for cancel and stop."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from django.conf import settings
from django.db import Error, connection

from connections.sdk.errors import Interruption
from syncruns.models import SyncRun
from syncruns.stopping import is_stopping

# Work may stand still this long, beyond the wait it announced, before the lease is let go: longer than one request.
PATIENCE_SECONDS = 150.0
LISTEN_SECONDS = 1.0


class Lease:
    """Holds a claimed run while its body works. check() and wait() raise Interruption as soon as it must end."""

    def __init__(self, run: SyncRun) -> None:
        self._run = run
        self._source = run.connection.source_number
        self._lease_seconds: float = settings.LEASE_SECONDS
        self._deadline = time.monotonic() + settings.RUN_DEADLINE
        self._alive_until = time.monotonic() + PATIENCE_SECONDS
        self._held_until = time.monotonic() + self._lease_seconds
        self._interrupted = threading.Event()
        self._reason = ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._hold, name=f"lease-{run}", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._interrupted.set()
        self._thread.join(timeout=5)

    def check(self) -> None:
        """Note that the work moves, and look()."""
        self._moves(0)
        self.look()

    def look(self) -> None:
        """Raise Interruption when the run must end: cancelled, stopping, timed_out, worker_lost, source_changed."""
        if time.monotonic() > self._deadline:
            raise Interruption("timed_out")
        if self._reason:
            raise Interruption(self._reason)

    def wait(self, seconds: float) -> None:
        """Sleep, and wake at once to raise Interruption when the run must end."""
        seconds = min(seconds, max(0.0, self._deadline - time.monotonic()))
        self._moves(seconds)
        self._interrupted.wait(seconds)
        self.check()

    def expect(self, seconds: float) -> None:
        """Hold the run for so long without a sign of life: nothing else may be written while everything is."""
        self._moves(seconds)
        if not self._run.extend_lease(seconds):
            self._interrupt("worker_lost")
        self._held_until = max(self._held_until, time.monotonic() + seconds)
        self.look()

    def _moves(self, wait: float) -> None:
        # Two threads move: the reader and the load. Neither cuts short what the other announced.
        self._alive_until = max(self._alive_until, time.monotonic() + wait + PATIENCE_SECONDS)

    def _interrupt(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._interrupted.set()

    def _hold(self) -> None:
        beat = self._lease_seconds / 6
        next_beat = time.monotonic() + beat
        while not self._closed.wait(min(beat, LISTEN_SECONDS)):
            if is_stopping():
                self._interrupt("stopping")
            try:
                self._listen()
                if time.monotonic() >= next_beat:
                    self._beat()
                    next_beat = time.monotonic() + beat
            except Error:
                connection.close()  # the database may be back at the next beat
            if time.monotonic() > self._held_until:
                self._interrupt("worker_lost")
        connection.close()

    def _listen(self) -> None:
        of_run = SyncRun.objects.filter(pk=self._run.pk)
        for cancelled_at, source in of_run.values_list("cancel_requested_at", "connection__source_number"):
            if cancelled_at is not None:
                self._interrupt("cancelled")
            if source != self._source:
                self._interrupt("source_changed")

    def _beat(self) -> None:
        if time.monotonic() > self._alive_until:
            return  # hung: let the lease end, so that another may take over
        if self._run.extend_lease(self._lease_seconds):
            self._held_until = time.monotonic() + self._lease_seconds
        elif not self._closed.is_set():
            self._interrupt("worker_lost")
