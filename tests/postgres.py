"""A PostgreSQL for one run of the tests: `python -m tests.postgres COMMAND ...` runs COMMAND with its DATABASE_URL.

It lives in a temporary directory, listens on a loopback port and a socket of its own, and ends with the command.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2

# It holds nothing worth keeping.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=100", "shared_buffers=64MB")
START_SECONDS = 60


def programs() -> Path | None:
    """Return the directory of the newest initdb and postgres on this machine, None when there are none."""
    packaged = [Path(root) for root in ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")]
    found = [path for root in packaged for path in root.glob("*/bin") if (path / "initdb").exists()]
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return max(found, key=_version, default=None)


def _version(directory: Path) -> int:
    digits = re.search(r"\d+", directory.parent.name)
    return int(digits.group()) if digits else 0


class Server:
    """A server with its data in a directory of its own, home; it can be stopped and started again."""

    def __init__(self, directory: Path, home: str, options: Sequence[str] = OPTIONS) -> None:
        """Make the database from the programs in directory. Nothing runs yet."""
        password = secrets.token_hex(16)
        self._programs = directory
        self._options = options
        self._home = home
        self._owner = _owner(home)
        self._data = os.path.join(home, "data")
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://sincro:{password}@127.0.0.1:{self._port}/postgres"
        secret = os.path.join(home, "password")
        Path(secret).write_text(password)
        if self._owner:
            shutil.chown(secret, self._owner["user"], self._owner["group"])
        login = ["-U", "sincro", "-A", "scram-sha-256", "--pwfile", secret]
        init = [directory / "initdb", "-D", self._data, *login, "-E", "UTF8", "--no-sync", "--locale=C"]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=home, **self._owner)

    def start(self) -> None:
        """Start and return when it answers."""
        flags = [flag for option in self._options for flag in ("-c", option)]
        address = ["-h", "127.0.0.1", "-p", str(self._port), "-k", self._home]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, *address, *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._home,
            start_new_session=True,  # Ctrl-C reaches the tests; the server ends after them
            **self._owner,
        )
        _wait(self._process, self.url)

    def stop(self) -> None:
        """Stop at once, in good order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # PostgreSQL's fast stop
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def throwaway(directory: Path, options: Sequence[str] = OPTIONS) -> Iterator[Server]:
    """Run a server from the programs in directory, by default one that saves time and not data; remove it after."""
    with tempfile.TemporaryDirectory(prefix="sincro-postgres-") as home:
        server = Server(directory, home, options)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _owner(home: str) -> dict[str, Any]:
    """Return the user to run as: initdb refuses root, so another owns the directory then."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            psycopg2.connect(url, connect_timeout=1).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("PostgreSQL did not start.")


def main(command: list[str]) -> int:
    """Run the command with DATABASE_URL of a new server and return its exit code."""
    directory = programs()
    if directory is None:
        print("PostgreSQL not found: its tests are skipped.")
        return 1 if os.environ.get("CI") else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with throwaway(directory) as server:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": server.url}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
