"""Hosts that share the tests' database: each a supervisor without web, on a data directory of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from connections.models import Connection
from tests.console import ROOT, processes_on, wait_for
from tests.crash.ledger import Ledger

SETTINGS = "tests.crash.settings"


@dataclass(frozen=True)
class Source:
    """A connection and the ledger that it reads."""

    connection: Connection
    ledger: Ledger


class Host:
    """One `supervise --only ROLE`."""

    def __init__(self, role: str, data_dir: Path, **environment: str) -> None:
        self.role = role
        self.data_dir = data_dir
        self.output = data_dir.with_suffix(".output")
        own = {"DATABASE_URL": database_url(), "DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": SETTINGS}
        self._environment = {**os.environ, **own, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, or start again after an end."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.supervise", "--only", self.role],
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cluster(self) -> list[int]:
        """Return the pids of the cluster in the order of their birth: main, sentinel, workers, monitor, pusher.

        Empty while it is not complete.
        """
        workers = 1 if self.role == "control" else int(self._environment.get("SYNC_WORKERS", "2"))
        mains = [pid for pid in children(self.pid) if "qcluster" in command(pid)]
        sentinels = [pid for main in mains for pid in children(main) if "qcluster" in command(pid)]
        members = [pid for sentinel in sentinels for pid in children(sentinel)]
        found = [*mains, *sentinels, *sorted(members)]
        return found if len(found) == 4 + workers else []

    def kill(self) -> None:
        """End the supervisor as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End everything this host runs, also what a killed supervisor left: its ticker would use the database on."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=60)
        for pid in processes_on(self.data_dir):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not processes_on(self.data_dir))


def database_url() -> str:
    """Return the DATABASE_URL of the database that the tests use right now."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return f"postgresql://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


def children(pid: int) -> list[int]:
    """Return the pids of a process's children."""
    try:
        found = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return sorted(int(child) for part in found for child in part)


def command(pid: int) -> str:
    """Return the command line of a process, "" when it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
