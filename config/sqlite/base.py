"""SQLite among many processes: whoever wants the one write lock looks often, and people go before workers.

SQLite's own wait sleeps up to 100 ms between two looks, so that a person who clicks loses turn after turn against
workers that load rows. Here a wait looks every few milliseconds, and says so by a shared lock on a file beside the
database. A connection that `gives_way` asks for the write lock only while nobody says so. A lock on a file ends with
its process, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base

LOOK_SECONDS = 0.002  # between two looks at the write lock
GIVING_WAY_LOOK_SECONDS = 0.005
GIVE_WAY_SECONDS = 5.0  # longer than a wait in good order: who says so is frozen, and is ignored for a while
IGNORE_SECONDS = 60.0
WRITES = ("BEGIN", "INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP")
PRIMARY_CODE = 0xFF  # the part of SQLite's error codes that names the kind of error


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, with turns. Option `timeout`: for how many seconds the write lock is waited for, unless `patience`."""

    gives_way = False
    patience: float | None = None
    _ignores_until = 0.0

    def create_cursor(self, name: Any = None) -> Any:
        cursor = self.connection.cursor(factory=_Cursor)
        cursor.wrapper = self
        return cursor

    def in_turn(self, write: Callable[[], Any]) -> Any:
        """Do what takes the write lock as soon as it is free. Raises sqlite3.OperationalError in the end."""
        timeout = self.settings_dict["OPTIONS"].get("timeout", 5.0)
        until = time.monotonic() + (timeout if self.patience is None else self.patience)
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            with _Sign(f"{self.settings_dict['NAME']}-turn") as sign:
                while True:
                    if self.gives_way:
                        self._give_way(sign)
                    try:
                        return write()
                    except sqlite3.OperationalError as error:
                        is_busy = error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY
                        if not is_busy or time.monotonic() > until:
                            raise
                    if not self.gives_way:
                        sign.show()
                    time.sleep(GIVING_WAY_LOOK_SECONDS if self.gives_way else LOOK_SECONDS)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {round(timeout * 1000)}")

    def _give_way(self, sign: _Sign) -> None:
        now = time.monotonic()
        until = now + GIVE_WAY_SECONDS
        while now > self._ignores_until and sign.is_shown():
            time.sleep(GIVING_WAY_LOOK_SECONDS)
            now = time.monotonic()
            if now > until:
                self._ignores_until = now + IGNORE_SECONDS


class _Cursor(base.SQLiteCursorWrapper):
    wrapper: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        # Within a transaction the lock is held already: every transaction is IMMEDIATE.
        if self.wrapper.in_atomic_block or not query.lstrip()[:10].upper().startswith(WRITES):
            return super().execute(query, params)
        return self.wrapper.in_turn(lambda: super(_Cursor, self).execute(query, params))


class _Sign:
    """The file by whose shared lock those who go first say that they wait. A file that cannot be had says nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> _Sign:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def show(self) -> None:
        """Say so until the end of the block."""
        with contextlib.suppress(OSError):
            fcntl.flock(self._open(), fcntl.LOCK_SH | fcntl.LOCK_NB)

    def is_shown(self) -> bool:
        """Tell whether anyone says so; only for who does not."""
        try:
            fcntl.flock(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        fcntl.flock(self._open(), fcntl.LOCK_UN)
        return False

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        return self._file
