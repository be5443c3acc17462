"""Runs a command and tells its seconds, its memory, and what it made PostgreSQL write.

As a program of the peers' Python it prints the versions of what they are made of.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import metadata
from urllib.parse import urlsplit, urlunsplit

import psycopg2

PACKAGES = ("dlt", "pyarrow", "adbc-driver-postgresql", "psycopg", "psycopg2-binary", "requests", "orjson")


@dataclass(frozen=True)
class Figures:
    """cpu_s: seconds that the process computed, the database's own not among them; rss_mb: MiB that it used at most;
    wal_mb: MB of write-ahead log, None when there is no PostgreSQL."""

    seconds: float
    cpu_s: float
    rss_mb: float
    wal_mb: float | None
    output: str = ""


class Postgres:
    """A server that is there for the benchmark alone."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def created(self) -> Iterator[str]:
        """Give the URL of a new database, and drop it afterwards."""
        self._execute("DROP DATABASE IF EXISTS bench")
        self._execute("CREATE DATABASE bench")
        parts = urlsplit(self._url)
        try:
            yield urlunsplit(parts._replace(path="/bench"))
        finally:
            self._execute("DROP DATABASE bench WITH (FORCE)")

    def wal_bytes(self) -> int:
        """Return how many bytes of log were ever written, after a checkpoint."""
        self._execute("CHECKPOINT")
        return self._position()

    def wal_bytes_since(self, start: int) -> int:
        return self._position() - start

    def _position(self) -> int:
        return int(self._execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))

    def _execute(self, statement: str) -> int:
        server = psycopg2.connect(self._url)
        server.autocommit = True
        try:
            with server.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0] if cursor.description else 0
        finally:
            server.close()


def count_rows(database_url: str, table: str) -> int:
    """Return how many rows the table has; on SQLite schema.table is schema_table, or table for dlt."""
    if database_url.startswith("sqlite"):
        name = table.removeprefix("dlt.").replace(".", "_")
        with closing(sqlite3.connect(urlsplit(database_url).path)) as database:
            return int(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0])
    with closing(psycopg2.connect(database_url)) as server, server.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def measured(command: Sequence[str], environment: Mapping[str, str], database: Postgres | None = None) -> Figures:
    """Run the command to its end. SystemExit with what it said when it fails."""
    before = database.wal_bytes() if database else 0
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        output = process.stdout.read() if process.stdout else ""
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    wal = database.wal_bytes_since(before) / 1e6 if database else None
    return Figures(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, wal, output)


if __name__ == "__main__":
    print(json.dumps({name: metadata.version(name) for name in PACKAGES}))
