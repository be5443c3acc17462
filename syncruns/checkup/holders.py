"""Who keeps others from the database: sessions of PostgreSQL, and the process that writes to a SQLite file."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

IDLE_SECONDS = 10  # inside a transaction, with locks: our own loads pause for about 3 s at most
WRITE_LOCK = "120"  # the byte of SQLite's -shm file that a writer locks
FACTS = "a.pid, a.usename, a.application_name, host(a.client_addr), a.state"


@dataclass(frozen=True)
class Holder:
    """A session that holds locks. seconds: for how long it has done nothing, or its transaction has lasted."""

    words: str
    seconds: float = 0.0
    tables: tuple[str, ...] = ()


def waiting(patience: float) -> tuple[int, float, Holder | None]:
    """Return how many sessions of this PostgreSQL wait for longer than patience, the longest wait, and for whom."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_blocking_pids(pid), extract(epoch FROM clock_timestamp() - query_start) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
            " AND clock_timestamp() - query_start > make_interval(secs => %s)",
            [patience],
        )
        found = cursor.fetchall()
    if not found:
        return 0, 0.0, None
    blockers = {pid for pids, _seconds in found for pid in pids}
    return len(found), float(max(seconds for _pids, seconds in found)), _first_of(blockers)


def holder_of_what_we_asked() -> Holder | None:
    """Return whom this PostgreSQL session would wait for: who holds locks longest, other than for reading."""
    held = _holders("a.xact_start < clock_timestamp() - interval '1 s'")
    return held[0] if held else None


def idle_holders() -> list[Holder]:
    """Return sessions of this PostgreSQL that do nothing inside a transaction while they hold locks, longest first."""
    return _holders(
        "a.state LIKE 'idle in transaction%%' AND a.state_change < clock_timestamp() - make_interval(secs => %s)",
        IDLE_SECONDS,
    )


def _holders(condition: str, *values: Any) -> list[Holder]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {FACTS}, extract(epoch FROM clock_timestamp() - a.xact_start),"  # noqa: S608 - our own text
            " array_agg(DISTINCT c.relname::text ORDER BY c.relname::text)"
            " FROM pg_stat_activity AS a JOIN pg_locks AS l ON l.pid = a.pid JOIN pg_class AS c ON c.oid = l.relation"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname NOT LIKE 'pg\\_%%'"
            " WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND l.granted"
            " AND l.mode <> 'AccessShareLock' AND c.relkind IN ('r', 'p')"
            f" AND {condition} GROUP BY {FACTS}, a.xact_start ORDER BY a.xact_start",
            values,
        )
        return [Holder(_words(*facts), float(seconds), tuple(tables)) for *facts, seconds, tables in cursor.fetchall()]


def _first_of(pids: set[int]) -> Holder | None:
    """Return the one that waits for none of the others."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {FACTS} FROM pg_stat_activity AS a WHERE a.pid = ANY(%s)"  # noqa: S608 - our own text
            " ORDER BY cardinality(pg_blocking_pids(a.pid)), a.xact_start LIMIT 1",
            [sorted(pids)],
        )
        found = cursor.fetchone()
    return Holder(_words(*found)) if found else None


def _words(pid: int, user: str | None, program: str | None, host: str | None, state: str | None) -> str:
    """Return facts that read the same in every language."""
    return ", ".join(filter(None, (program, f"pid {pid}", user, host, state)))


def sqlite_writer(path: str) -> Holder | None:
    """Return the process that holds the write lock of a SQLite file, as far as this machine tells."""
    with contextlib.suppress(OSError, ValueError):
        inode = os.stat(f"{path}-shm").st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            _number, _kind, _advisory, mode, pid, file, start, *_end = line.replace("-> ", "").split()
            if mode == "WRITE" and start == WRITE_LOCK and file.rpartition(":")[2] == str(inode) and int(pid) > 0:
                return Holder(f"{Path(f'/proc/{pid}/comm').read_text().strip()}, pid {pid}")
    return None
