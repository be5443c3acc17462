"""How fast rows go from a JSON API into the database, beside a plain script: `make bench [ROWS=100000]`.

Each figure is the wall time of a whole process, start-up included, and the best of three. Two loads are measured: the
first, into an empty table, and one in which nothing has changed. Sincro also types, hashes, counts and checkpoints.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2

from benchmarks.source import source
from tests.postgres import programs, throwaway

TIMES = 3
SLUG = "bench"
SYNC = [sys.executable, "manage.py", "sync", SLUG, "--json"]


def measure(name: str, rows: int, source_url: str, database_url: str, home: Path) -> None:
    """Print the figures of one database; it is filled anew for each repetition."""
    figures: dict[str, list[float]] = {}
    for repetition in range(TIMES):
        url = _fresh(database_url, home, repetition)
        environment = _environment(url, home / f"{name}-{repetition}")
        _run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], environment)
        _run(_new_connection(source_url), environment)
        peer = [sys.executable, "-m", "benchmarks.peer", source_url, url]
        for load in ("first", "unchanged"):
            figures.setdefault(f"plain script, {load}", []).append(_run(peer, environment))
            figures.setdefault(f"Sincro, {load}", []).append(_run(SYNC, environment))
    for what, seconds in figures.items():
        best = min(seconds)
        print(f"{name:<12}{what:<28}{best * 1000:>9,.0f} ms{rows / best:>12,.0f} rows/s")


def _fresh(database_url: str, home: Path, repetition: int) -> str:
    """Return the URL of an empty database beside the given one."""
    if not database_url:
        return f"sqlite:///{home / f'bench-{repetition}.sqlite3'}"
    name = f"bench{repetition}"
    server = psycopg2.connect(database_url)
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    server.close()
    return f"{database_url.rpartition('/')[0]}/{name}"


def _environment(url: str, data_dir: Path) -> dict[str, str]:
    keys = {"SECRET_KEY": "b" * 50, "CREDENTIAL_KEYS": "c2luY3JvLWJlbmNoLW9ubHktMDEyMzQ1Njc4OWFiY2Q="}
    return {**os.environ, **keys, "ENV_FILE": "", "DATABASE_URL": url, "DATA_DIR": str(data_dir)}


def _new_connection(source_url: str) -> list[str]:
    streams = Path(__file__).with_name("streams.json")
    settings = [
        f"base_url={source_url}",
        "table_prefix=bench",
        "auth=none",
        "allow_private_addresses=true",
        f"streams=@{streams}",
    ]
    flags = [flag for setting in settings for flag in ("--set", setting)]
    return [sys.executable, "manage.py", "connections", "add", "rest", "Bench", "--slug", SLUG, *flags]


def _run(command: list[str], environment: dict[str, str]) -> float:
    """Run the command and return its seconds."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return seconds


def main() -> None:
    rows = int(os.environ.get("ROWS", "100000"))
    print(f"{rows:,} rows of 14 columns over HTTP on loopback; best of {TIMES}, whole process")
    with tempfile.TemporaryDirectory(prefix="sincro-bench-") as directory, source(rows) as source_url:
        measure("SQLite", rows, source_url, "", Path(directory))
        server = programs()
        if server is None:
            print("PostgreSQL not found: it is not measured.")
            return
        with throwaway(server) as running:
            measure("PostgreSQL", rows, source_url, running.url, Path(directory))


if __name__ == "__main__":
    main()
