"""A whole Sincro for a test: `manage.py supervise` with a data directory and a port of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
import requests

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 90
PASSWORD = "a-password-for-the-tests"
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first true answer of what; fail when there is none for long."""
    until = time.monotonic() + seconds
    while not (answer := what()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds:.0f} s in vain")
        time.sleep(0.2)
    return answer


def processes_on(data_dir: Path) -> dict[int, str]:
    """Return the command line by pid of every process that runs on a data directory."""
    mark = f"DATA_DIR={data_dir}".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                found[int(entry.name)] = b" ".join(words).decode()
    return found


class Console:
    """One data directory and what runs on it."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": "",
            "PUBLIC_URL": "",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.output_file = data_dir.with_name(f"{data_dir.name}.output")

    def start(self, *command: str) -> None:
        """Start supervise, or another command of manage.py, and wait until the web answers."""
        with self.output_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *(command or ("supervise",))],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(self.answers)

    def answers(self) -> bool:
        """Return whether the web answers; fail when what start() started has ended."""
        assert self.process is not None and self.process.poll() is None, self.output()
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py to its end; keywords are environment variables."""
        return self.python("manage.py", *arguments, **environment)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in this console's environment."""
        given = {**self.environment, **environment}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=120)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def processes(self) -> dict[int, str]:
        """Return the command line by pid of every process that runs on this data directory."""
        return processes_on(self.data_dir)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the console's database."""
        with contextlib.closing(self._database()) as database:
            cursor = database.cursor()
            cursor.execute(sql)
            return cursor.fetchall()

    def change(self, sql: str) -> None:
        """Write to the console's database."""
        with contextlib.closing(self._database()) as database, database:
            database.cursor().execute(sql)

    def _database(self) -> Any:
        url = self.environment["DATABASE_URL"]
        return psycopg2.connect(url) if url else sqlite3.connect(self.data_dir / "sincro.sqlite3", timeout=20)

    def first_password(self) -> tuple[str, str]:
        """Return name and password of the first administrator."""
        text = (self.data_dir / "first-admin.txt").read_text()
        return re.findall(r"name: (.*)", text)[0], re.findall(r"password: (.*)", text)[0]

    def browse(self) -> Browser:
        """Return a browser without scripts, signed in as the first administrator."""
        browser = Browser(self.url)
        name, password = self.first_password()
        answer = browser.post("/sign-in/", username=name, password=password)
        if answer.url.endswith("/password/"):
            answer = browser.post("/password/", old_password=password, new_password1=PASSWORD, new_password2=PASSWORD)
            (self.data_dir / "first-admin.txt").write_text(f"name: {name}\npassword: {PASSWORD}\n")
        assert answer.ok and not answer.url.endswith("/sign-in/"), answer.text
        return browser


class Browser(requests.Session):
    """Follows redirects, keeps cookies, and sends the token that forms carry."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def open(self, path: str) -> requests.Response:
        return self.get(self.url + path, timeout=30)

    def post(self, path: str, **fields: str) -> requests.Response:  # type: ignore[override]
        """Post a form as its page would."""
        if "csrftoken" not in self.cookies:
            self.open(path)
        data = {"csrfmiddlewaretoken": self.cookies["csrftoken"], **fields}
        return super().post(self.url + path, data=data, timeout=60, headers={"Referer": self.url + path})


@contextlib.contextmanager
def console(data_dir: Path, **environment: str) -> Iterator[Console]:
    """Yield a console that is not started yet; whatever it started ends with the block."""
    one = Console(data_dir, **environment)
    try:
        yield one
    finally:
        if one.process is not None:
            one.stop()
        for pid in one.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
