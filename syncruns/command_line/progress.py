"""Shows a run in a terminal while it goes on, and its result when it has ended."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

from django.core.management.base import OutputWrapper
from django.db import InterfaceError, OperationalError, connections
from django.utils.translation import gettext as _

from connections.command_line.base import Exit, Refused, exit_of
from syncruns.models import StreamRun, SyncRun
from syncruns.outcomes import look_of_stream
from syncruns.timewords import number

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 60
BAR_WIDTH = 24


class Progress:
    """Writes one line per stream that has ended; on a terminal also a live line of the one being read."""

    def __init__(self, out: OutputWrapper, *, is_silent: bool = False) -> None:
        self._out = out
        self._is_silent = is_silent
        self._is_terminal = out.isatty()
        self._told: set[str] = set()
        self._live = 0  # characters of the live line

    def show(self, streams: list[StreamRun]) -> None:
        if self._is_silent:
            return
        for stream in streams:
            if stream.finished_at and stream.stream not in self._told:
                self._told.add(stream.stream)
                self._clear()
                self._out.write(f"{_(stream.label)}: {look_of_stream(stream).word}, {counts_in_words(stream)}")
        reading = next((stream for stream in streams if stream.state == StreamRun.State.RUNNING), None)
        if self._is_terminal and reading is not None:
            label = _(reading.label)
            if reading.attempt > 1:
                label += " (" + _("attempt %(attempt)s") % {"attempt": reading.attempt} + ")"
            line = f"{label}: {_bar(reading)}{counts_in_words(reading)}"
            line = line[: shutil.get_terminal_size().columns - 1]
            self._out.write(line.ljust(self._live), ending="\r")
            self._out.flush()
            self._live = len(line)

    def close(self) -> None:
        """Leave the cursor on an empty line."""
        self._clear()

    def _clear(self) -> None:
        if self._live:
            self._out.write(" " * self._live, ending="\r")
            self._live = 0


def readings(run: SyncRun) -> Iterator[list[StreamRun]]:
    """Yield the run's streams again and again, run itself refreshed; the reader decides when to stop.

    A database that is away for a moment skips a reading: the run may well survive it. Raises Refused when the run
    has gone with its connection.
    """
    read_at = time.monotonic()
    while True:
        try:
            run.refresh_from_db()
            streams = list(run.streams.all())
        except SyncRun.DoesNotExist:
            raise Refused(_("The connection was deleted."), code="deleted", exit_code=Exit.FAILED) from None
        except (OperationalError, InterfaceError):
            if time.monotonic() - read_at > PATIENCE_SECONDS:
                raise
            connections.close_all()
        else:
            yield streams
            read_at = time.monotonic()
        time.sleep(POLL_SECONDS)


def counts_in_words(counted: SyncRun | StreamRun) -> str:
    """Return the counts of a run or stream as words; quarantined only where there are any."""
    names = ("read", "inserted", "updated", "deleted", "quarantined")
    numbers = {name: number(getattr(counted, name)) for name in names}
    words = _("%(read)s read, %(inserted)s new, %(updated)s changed, %(deleted)s deleted") % numbers
    if counted.quarantined:
        words += ", " + _("%(quarantined)s quarantined") % numbers
    return words


def exit_of_run(run: SyncRun) -> Exit:
    """Return the exit code for a run's end."""
    codes = [run.error_code, *run.streams.values_list("error_code", flat=True)]
    if Exit.ACTION_NEEDED in map(exit_of, codes):
        return Exit.ACTION_NEEDED
    if run.state == SyncRun.State.SUCCEEDED:
        return Exit.SUCCESS
    return Exit.PARTIAL if run.state == SyncRun.State.PARTIAL else Exit.FAILED


def exit_of_streams(streams: list[StreamRun]) -> Exit:
    """Return the exit code for a dry run."""
    codes = [exit_of(stream.error_code) for stream in streams if stream.error_code]
    if Exit.ACTION_NEEDED in codes:
        return Exit.ACTION_NEEDED
    if codes and len(codes) == len(streams):
        return Exit.FAILED
    return Exit.PARTIAL if codes or any(stream.quarantined for stream in streams) else Exit.SUCCESS


def _bar(stream: StreamRun) -> str:
    if not stream.expected:
        return ""
    share = min(stream.read / stream.expected, 1.0)
    filled = round(share * BAR_WIDTH)
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {share:.0%} "
