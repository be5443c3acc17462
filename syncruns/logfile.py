"""The rotating application log, in the console's language. Many processes append to it; only the supervisor rotates."""

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

from django.apps import apps
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_noop as _

LARGEST_BYTES = 10 * 2**20
KEPT = 5
COMPLAIN_EVERY_SECONDS = 600.0


# Django-Q2 looks its own words up as well; with these in our catalogue they are found there.
DJANGO_Q_WORDS = (
    _("reincarnated worker %(name)s after death"),
    _("reincarnated monitor %(name)s after sudden death"),
    _("reincarnated pusher %(name)s after sudden death"),
)


class LogLines(logging.Formatter):
    """One line a message, in the console's language where the message has a translation."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = " ".join(translated(record).split())
        return super().formatMessage(record)


def translated(record: logging.LogRecord) -> str:
    """Return the record's message in the console's language, in English before Django is ready."""
    if not isinstance(record.msg, str) or not record.msg or not apps.ready:
        return record.getMessage()
    text = in_console_language(record.msg)
    return text % record.args if record.args else text


def in_console_language(text: str) -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return translation.gettext(text)


class WithoutTraceback(logging.Filter):
    """Takes the traceback out of what strangers can cause by the thousand."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


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
