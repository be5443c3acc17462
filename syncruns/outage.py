"""The database is away: one line when it goes and one when it is back, however many processes meet it.

A file marks the outage. Whoever fails first makes it and says so, the others only touch it; the supervisor ends it.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sqlite3
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, Error, InterfaceError, OperationalError, connections
from django.utils.translation import gettext_noop as _

logger = logging.getLogger("sync.outage")

OVER_AFTER_SECONDS = 30  # without a failure; SQLite lets whoever waits for a lock fail after 20
# Of SQLite: the file is locked for long, damaged, or its disk is full, read-only, failing or gone.
AWAY = ("BUSY", "NOTADB", "CORRUPT", "CANTOPEN", "READONLY", "FULL", "IOERR")
SHUTTING_DOWN = ("57P01", "57P02", "57P03")  # also: crashed, starting up


def is_away(error: BaseException | None) -> bool:
    """Say whether the error means that the database cannot be used at all, and not that it refused one statement."""
    if not (isinstance(error, InterfaceError | OperationalError) or type(error) is DatabaseError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_").split("_")[0] in AWAY
    if not hasattr(cause, "pgcode"):
        return False
    code = getattr(cause, "pgcode", None) or ""
    return not code or str(code).startswith("08") or code in SHUTTING_DOWN


def note(error: BaseException | None) -> bool:
    """Note a failed call if the database is away; the first of an outage is logged. Says whether it is."""
    if not is_away(error):
        return False
    try:
        with _mark().open("x") as file:
            file.write(str(time.time()))
    except FileExistsError:
        with contextlib.suppress(OSError):
            _mark().touch()
        return True
    except OSError:
        pass  # a disk that is full, for one: then everybody tells of it
    logger.error(_("the database does not answer; everything waits for it: %s"), " ".join(str(error).split()))
    return True


def over() -> None:
    """End the outage, if there is one and nothing has failed for a while; called where the database just answered."""
    try:
        last = _mark().stat().st_mtime
        began = float(_mark().read_text() or last)
    except FileNotFoundError:
        return
    if time.time() - last >= OVER_AFTER_SECONDS:
        _mark().unlink(missing_ok=True)
        logger.warning(_("the database answers again; it was away for %.0f s"), max(last - began, 0))


def excused(task: Callable[[], str]) -> Callable[[], str]:
    """Let a task end with a word, not a traceback, when the database is away; its doorbell rings again."""

    @functools.wraps(task)
    def run() -> str:
        try:
            return task()
        except Error as error:
            if not note(error):
                raise
            connections.close_all()
            return "away"

    return run


class OncePerOutage(logging.Filter):
    """Takes out of a logger an outage's tracebacks, which note() tells in one line, and health probes told of it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", None) == HTTPStatus.SERVICE_UNAVAILABLE:
            return False
        return not (record.exc_info and note(record.exc_info[1]))


def _mark() -> Path:
    return settings.DATA_DIR / "database-away"
