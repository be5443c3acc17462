"""How fast rows go from a JSON API into the database, beside others that do it: `make bench [QUICK=1]`.

Every figure is of a whole process, start-up included. All of a round run one after the other on the same server and the
same data, and rounds are repeated; the least is shown, since whatever else the machine does only adds. The table
goes to the terminal, the figures to benchmarks/results/latest.json.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Figures, Postgres, count_rows, measured
from benchmarks.source import source
from tests.postgres import programs, throwaway

HERE = Path(__file__).parent
PEERS_PYTHON = HERE.parent / ".venv" / "peers" / "bin" / "python"
RESULTS = HERE / "results" / "latest.json"
# As a production server is set up, except that its memory is small.
SERVER_OPTIONS = ("max_connections=100", "shared_buffers=256MB", "max_wal_size=4GB")
KEYS = {"SECRET_KEY": "b" * 50, "CREDENTIAL_KEYS": "c2luY3JvLWJlbmNoLW9ubHktMDEyMzQ1Njc4OWFiY2Q="}

SINCRO, LIMIT = "Sincro", "limit"
PEERS = {
    SINCRO: ["benchmarks.sincro", "sync"],
    "dlt Arrow": ["benchmarks.peers.dlt_pipeline", "arrow"],
    "dlt tuned": ["benchmarks.peers.dlt_pipeline", "tuned"],
    "requests + upsert": ["benchmarks.peers.plain"],
    LIMIT: ["benchmarks.peers.limit"],
}
# Where each of them puts the first connection's rows.
TABLES = {SINCRO: "rest.items0_items", "dlt Arrow": "dlt.items0", "dlt tuned": "dlt.items0"}
# Arrow is loaded by ADBC; the second of dlt's merges of 100,000 rows into SQLite does not end within minutes.
ONLY_ON_POSTGRESQL = ("dlt Arrow", "dlt tuned")

Place = tuple[str, str, int, str]  # workload, destination, rows, peer


@dataclass(frozen=True)
class Load:
    """connections read the same rows each, into a table of its own; workload names it in the results."""

    workload: str
    rows: int
    connections: int
    is_repeated: bool  # also measured a second time, when nothing has changed


LOADS = {
    True: (Load("first", 100_000, 1, True), Load("small connections", 50, 200, False)),
    False: (
        Load("first", 100_000, 1, True),
        Load("first", 500_000, 1, True),
        Load("small connections", 50, 200, False),
    ),
}
ROUNDS = {True: 2, False: 5}


@dataclass(frozen=True)
class Result:
    """The least of the rounds, of each figure."""

    workload: str
    destination: str
    peer: str
    rows: int
    seconds: float
    cpu_s: float
    rows_per_s: int
    rss_mb: int
    wal_mb: float | None
    rounds: int


def main() -> int:
    quick = bool(os.environ.get("QUICK"))
    directory = programs()
    if directory is None:
        print("PostgreSQL not found: it is not measured.")
        return 1
    figures: dict[Place, list[Figures]] = {}
    busy = []
    with tempfile.TemporaryDirectory(prefix="sincro-bench-") as home, throwaway(directory, SERVER_OPTIONS) as server:
        for load in LOADS[quick]:
            with source(load.rows) as source_url:
                for number in range(ROUNDS[quick]):
                    busy.append(os.getloadavg()[0])
                    for place, found in one_round(load, source_url, Postgres(server.url), Path(home)):
                        figures.setdefault(place, []).append(found)
                        print(f"round {number + 1}: {', '.join(map(str, place))}: {found.seconds:.2f} s", flush=True)
    results = [summary(*place, found) for place, found in figures.items()]
    show(results)
    keep(results, busy, directory)
    return 0


def one_round(load: Load, source_url: str, server: Postgres, home: Path) -> Iterator[tuple[Place, Figures]]:
    """Measure everyone once on both databases."""
    for destination, database in (("postgresql", server), ("sqlite", None)):
        for peer in PEERS:
            if database is not None or peer not in ONLY_ON_POSTGRESQL:
                for workload, found in run(peer, load, source_url, database, home):
                    yield (workload, destination, load.rows * load.connections, peer), found


def run(peer: str, load: Load, source_url: str, database: Postgres | None, home: Path) -> Iterator[tuple[str, Figures]]:
    """Measure the peer in an empty database and yield a workload and its figures, or two."""
    with place_of_work(database, home) as (url, directory):
        environment = {**os.environ, **KEYS, "ENV_FILE": "", "DATABASE_URL": url, "DATA_DIR": str(directory)}
        environment["BENCHMARK_STATE"] = str(directory)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles his modules at each start
        if peer == SINCRO:
            command = [sys.executable, "-m", *PEERS[peer]]
            measured([sys.executable, "manage.py", "migrate", "--verbosity", "0"], environment)
            prepare = ["benchmarks.sincro", "prepare", source_url, str(load.connections)]
            measured([sys.executable, "-m", *prepare], environment)
        else:
            command = [str(PEERS_PYTHON), "-m", *PEERS[peer], source_url, url, str(load.connections)]
        table = TABLES.get(peer, "items0")
        yield load.workload, measured(command, environment, database)
        check(peer, load, count_rows(url, table))
        if load.is_repeated:
            yield "unchanged", measured(command, environment, database)
            check(peer, load, count_rows(url, table))


def check(peer: str, load: Load, found: int) -> None:
    """Refuse figures of a load that did not load."""
    if found != load.rows:
        raise SystemExit(f"{peer} has {found} rows where the source has {load.rows}.")


@contextmanager
def place_of_work(database: Postgres | None, home: Path) -> Iterator[tuple[str, Path]]:
    """Give the URL of an empty database and a directory, and remove both afterwards."""
    directory = home / "work"
    directory.mkdir()
    try:
        if database is None:
            yield f"sqlite:///{directory / 'bench.sqlite3'}", directory
        else:
            with database.created() as url:
                yield url, directory
    finally:
        shutil.rmtree(directory)


def summary(workload: str, destination: str, rows: int, peer: str, found: list[Figures]) -> Result:
    seconds = min(one.seconds for one in found)
    return Result(
        workload=workload,
        destination=destination,
        peer=peer,
        rows=rows,
        seconds=round(seconds, 3),
        cpu_s=round(min(one.cpu_s for one in found), 3),
        rows_per_s=round(rows / seconds),
        rss_mb=round(min(one.rss_mb for one in found)),
        wal_mb=None if found[0].wal_mb is None else round(min(one.wal_mb or 0 for one in found), 2),
        rounds=len(found),
    )


def show(results: list[Result]) -> None:
    """Print a table; the last column is the time as a multiple of the limit's."""
    limits = {(one.workload, one.destination, one.rows): one.seconds for one in results if one.peer == LIMIT}
    heads = f"{'s':>8}{'CPU s':>8}{'rows/s':>10}{'MiB':>7}{'WAL MB':>9}{'x limit':>9}"
    print(f"\n{'workload':<19}{'rows':>8}  {'database':<12}{'':<19}{heads}")
    for one in sorted(results, key=lambda one: (one.workload, one.rows, one.destination)):
        wal = "" if one.wal_mb is None else f"{one.wal_mb:.1f}"
        times = one.seconds / limits[one.workload, one.destination, one.rows]
        print(
            f"{one.workload:<19}{one.rows:>8}  {one.destination:<12}{one.peer:<19}"
            f"{one.seconds:>8.2f}{one.cpu_s:>8.2f}{one.rows_per_s:>10,}{one.rss_mb:>7}{wal:>9}{times:>9.2f}"
        )


def keep(results: list[Result], busy: list[float], postgres: Path) -> None:
    """Write results, with how busy the machine was before each round: the load average of a minute.

    postgres: the directory of its programs.
    """
    RESULTS.parent.mkdir(exist_ok=True)
    server = subprocess.run([postgres / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    versions = measured([str(PEERS_PYTHON), "-m", "benchmarks.measure"], dict(os.environ)).output
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "load_average": {"least": round(min(busy), 1), "most": round(max(busy), 1)},
        "versions": {**json.loads(versions), "postgresql": server.split()[2], "sqlite": sqlite3.sqlite_version},
        "results": [asdict(one) for one in results],
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
