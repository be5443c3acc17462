"""Child processes that end with their parent, and the files by which the next life finds what an earlier one left.

Plain Python: nothing here knows what the processes do.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connections.sdk.text import gettext_noop as _

logger = logging.getLogger("sync.supervisor")

LONGEST_WAIT = 30.0  # seconds between two starts of a child that keeps ending
STEADY_AFTER = 60.0  # seconds of life after which an end is news again
GONE_SECONDS = 5.0  # for killed processes to be gone
PR_SET_PDEATHSIG = 1
PROC = Path("/proc")


class AlreadyRunning(Exception):
    """Another living process holds the role; pid is its number, 0 when unknown, address what it says of itself."""

    def __init__(self, pid: int, address: str = "") -> None:
        super().__init__(pid)
        self.pid = pid
        self.address = address


@dataclass
class Child:
    """A command kept running in a session, hence a process group, of its own."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_due_at: float = 0.0
    ends_in_a_row: int = 0

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def start(self) -> None:
        """Start the command; its output goes where ours goes."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def keep_running(self) -> bool:
        """Start the command when it is due, or note that it has ended; return whether anything changed."""
        if self.process is None:
            if time.monotonic() < self.start_due_at:
                return False
            self.start()
            return True
        code = self.process.poll()
        if code is None:
            return False
        kill_group(self.process.pid)  # workers may outlive their main process
        self.process = None
        lived = time.monotonic() - self.started_at
        self.ends_in_a_row = 1 if lived > STEADY_AFTER else self.ends_in_a_row + 1
        wait = min(LONGEST_WAIT, 2.0 ** (self.ends_in_a_row - 1))
        self.start_due_at = time.monotonic() + wait
        logger.error(_("%s ended with code %s; it starts again in %.0f s"), self.name, code, wait)
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the main process, which ends its own workers."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the whole group."""
        if self.process is not None:
            kill_group(self.process.pid)


def stop_all(children: Iterable[Child], *, grace_seconds: float, hurry: Callable[[], bool]) -> None:
    """Ask every child to stop, wait until all have or hurry() says so, then kill what is left of the groups."""
    children = list(children)
    for child in children:
        child.ask_to_stop()
    until = time.monotonic() + grace_seconds
    while time.monotonic() < until and not hurry() and not all(child.has_ended() for child in children):
        time.sleep(0.1)
    for child in children:
        child.kill()
        if child.process is not None:
            child.process.wait()


def kill_group(group: int) -> None:
    """Send SIGKILL to every process of the group; nothing when there is none."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _end_with_parent() -> Callable[[], None] | None:
    """Return what a child does before its program starts so that it gets SIGTERM when its parent dies."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: the child may only make the call
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask_the_kernel


LENGTH = 4096  # bytes of a role's file


class RoleFile:
    """A locked file that says who plays a role on this data directory, and with which children.

    The lock ends with its process however that ends; the names of the children stay for the next life.
    """

    def __init__(self, path: Path, address: str = "", listens: tuple[str, int] | None = None) -> None:
        """Take the role; address is what whoever comes too late is told, listens where it serves.

        Raises AlreadyRunning.
        """
        self._said = {"address": address, "listens": listens}
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", errors="replace")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._read()
            self._file.close()
            raise AlreadyRunning(holder.get("pid", 0), holder.get("address", "")) from None

    def _read(self) -> dict[str, Any]:
        self._file.seek(0)
        return _written(self._file.read())

    def end_orphans(self) -> list[int]:
        """Kill the groups that an earlier holder left behind, see them gone, and return their numbers."""
        entries = [entry for entry in self._read()["children"] if _is_orphan(entry["pid"], entry["start"])]
        for entry in entries:
            kill_group(entry["pid"])
        # Until they are gone they keep what they hold, such as the port.
        until = time.monotonic() + GONE_SECONDS
        while any(_is_orphan(entry["pid"], entry["start"]) for entry in entries) and time.monotonic() < until:
            time.sleep(0.02)
        return [entry["pid"] for entry in entries]

    def record(self, children: Iterable[Child]) -> None:
        """Write down the children; one that waits for its next start has no pid."""
        entries = [
            {"name": child.name, "pid": child.pid, "start": None if child.pid is None else start_time(child.pid)}
            for child in children
        ]
        text = json.dumps({"pid": os.getpid(), **self._said, "children": entries}).encode()
        # In one piece over the old one and as long: who reads meanwhile (doctor) meets no half of it.
        number = self._file.fileno()
        os.pwrite(number, text.ljust(max(LENGTH, os.fstat(number).st_size)), 0)

    def close(self) -> None:
        """Give the role back."""
        self._file.close()


def main_process(role_file: Path) -> dict[str, Any] | None:
    """Return what a role's file says of its main process: name, pid, start; None where nothing was written down."""
    with contextlib.suppress(OSError):
        children = _written(role_file.read_text(errors="replace"))["children"]
        # Other entries are helpers of the role, such as the shop of the sample data.
        return next((child for child in children if child["name"] == role_file.name), None)
    return None


def listens_at(role_file: Path) -> tuple[str, int] | None:
    """Return the host and port at which a role serves, None where none was written down."""
    with contextlib.suppress(OSError):
        match _written(role_file.read_text(errors="replace")).get("listens"):
            case [str(host), int(port)]:
                return host, port
    return None


def _written(text: str) -> dict[str, Any]:
    """Return what record() wrote; of a file that is new, cut short by a power failure, or not ours: no children."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    listed = found.get("children")
    children = [child for child in listed if _is_child(child)] if isinstance(listed, list) else []
    return {**found, "children": children}


def _is_child(child: Any) -> bool:
    return isinstance(child, dict) and {"name", "pid", "start"} <= child.keys()


def is_watched(role_file: Path) -> bool:
    """Tell whether the process that wrote a role's file is there and moves: it starts again what ends."""
    try:
        stat = _stat(int(_written(role_file.read_text(errors="replace"))["pid"]))
    except (OSError, KeyError, TypeError, ValueError):
        return False
    if stat is None:
        return not PROC.exists()
    return stat[0] not in "ZXTt"


def stopped_members(group: int) -> list[int]:
    """Return the processes of a group that a signal (SIGSTOP) or a debugger has stopped."""
    if not PROC.exists():
        return []
    found = ((int(entry), _stat(int(entry))) for entry in os.listdir(PROC) if entry.isdigit())
    return [pid for pid, stat in found if stat and int(stat[2]) == group and stat[0] in "Tt"]


def start_time(pid: int) -> int | None:
    """Return when the process started, in ticks since the machine did; None without such a process or without /proc."""
    stat = _stat(pid)
    return int(stat[19]) if stat else None


def is_alive(pid: int | None, start: int | None) -> bool:
    """Tell whether the process that started then still runs; start is None on a machine without /proc."""
    if pid is None:
        return False
    if start is not None:
        stat = _stat(pid)
        return stat is not None and int(stat[19]) == start and stat[0] not in "ZX"  # ended, and not yet waited for
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat from the third (state) on."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets


def _is_orphan(pid: int, start: int | None) -> bool:
    """Tell whether the group is still the one that was recorded, not another that got its number."""
    if start is None:
        return False
    now = start_time(pid)
    if now is not None:
        return now == start
    # Its leader has gone. Members that are left hold the number, so no other process can have got it meanwhile.
    sessions = (_stat(int(entry)) for entry in os.listdir(PROC) if entry.isdigit())
    return any(stat and int(stat[3]) == pid and int(stat[19]) >= start for stat in sessions)
