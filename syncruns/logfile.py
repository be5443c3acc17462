"""The rotating application log. Many processes append to it; only the supervisor rotates."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sys
import time
from collections import deque
from logging.handlers import WatchedFileHandler
from pathlib import Path

LARGEST_BYTES = 10 * 2**20
KEPT = 5
COMPLAIN_EVERY_SECONDS = 600.0


class LogFile(WatchedFileHandler):
    """Appends to the log. A log that cannot be written stops nobody, and is told on the terminal now and then."""

    _quiet_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # opening it again is outside of the handler's own net
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Tell that the log cannot be written, in one line, and open it anew for the next one."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
        if time.monotonic() > self._quiet_until:
            self._quiet_until = time.monotonic() + COMPLAIN_EVERY_SECONDS
            sys.stderr.write(f"sincro: the log cannot be written: {self.baseFilename}: {error.strerror}\n")


def rotate(path: Path, *, largest: int = LARGEST_BYTES) -> bool:
    """Move a log that has grown large to path.1 (that to path.2, and so on); writers open a new one by themselves."""
    if _size(path) < largest:
        return False
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # supervisors of single roles may share the log
        if _size(path) < largest:
            return False
        for number in range(KEPT - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.rename(path.with_name(f"{path.name}.{number + 1}"))
        path.rename(path.with_name(f"{path.name}.1"))
    finally:
        os.close(folder)
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last count lines, without their ends; none when there is no log."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=count)]
