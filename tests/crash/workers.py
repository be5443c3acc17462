"""Workers to kill: forked from a process that has Django loaded, each executes one run with one thing going wrong.

The boundaries are made here, by wrapping the product's functions in the worker; the product knows nothing of them.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import importlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from ctypes import CDLL
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1

# Where a worker can be struck: before and after each of these.
STEPS = {
    "claim": ("syncruns.models", "SyncRun", "claim"),
    "beat": ("syncruns.models", "SyncRun", "extend_lease"),
    "hold": ("syncruns.models", "SyncRun", "hold"),
    "begin": ("syncruns.engine.sync", "_StreamSync", "_begin"),
    "take": ("syncruns.models", "Checkpoint", "take"),
    "prepare": ("syncruns.engine.warehouse.base", "Warehouse", "prepare"),
    "transaction": ("syncruns.engine.load", "StreamLoad", "_commit"),
    "own": ("syncruns.models", "Checkpoint", "own"),
    "rows": ("syncruns.engine.load", None, "load_page"),
    "close": ("syncruns.engine.load", None, "close_settled"),
    "quarantine": ("syncruns.engine.load", None, "keep_rejects"),
    "sweep": ("syncruns.engine.sweep", "Sweeps", "complete"),
    "settle": ("syncruns.engine.settlement", "Settlement", "_owned"),
    "checkpoint": ("syncruns.models", "Checkpoint", "save_state"),
    "count": ("syncruns.engine.load", "StreamLoad", "_count"),
    "log": ("syncruns.engine.log", "RunLog", "flush"),
    "end": ("syncruns.engine.sync", "_StreamSync", "_end"),
    "outcome": ("syncruns.tasks", None, "_write_outcome"),
    "finish": ("syncruns.models", "SyncRun", "finish"),
}
# ... and in a reset.
RESET_STEPS = {
    "take up": ("syncruns.engine.reset_load", "ResetLoad", "begin"),
    "beside": ("syncruns.engine.reset_load", "ResetLoad", "_commit"),
    "shadow": ("syncruns.engine.warehouse.staging", "Staging", "shadow"),
    "move": ("syncruns.engine.reset_load", "ResetLoad", "_move"),
    "judge": ("syncruns.engine.settlement", "Settlement", "judge"),
    "compare": ("syncruns.engine.warehouse.staging", "Staging", "compare"),
    "swap": ("syncruns.engine.warehouse.staging", "Staging", "swap"),
    "mark": ("syncruns.engine.settlement", "Settlement", "mark"),
    "in place": ("syncruns.engine.reset_load", "ResetLoad", "_swap"),
    "drop": ("syncruns.engine.warehouse.staging", "Staging", "drop"),
    "end": STEPS["end"],
    "outcome": STEPS["outcome"],
}
BOUNDARIES = tuple(f"{side} {step}" for step in STEPS for side in ("before", "after"))
RESET_BOUNDARIES = tuple(f"{side} {step}" for step in RESET_STEPS for side in ("before", "after"))


@dataclass(frozen=True)
class Blow:
    """What befalls a worker. where: a boundary, met for the nth time, or "" for a moment that the harness chooses.

    kind: kill, freeze, database (away for seconds), stop (the mark is set), cancel; what a boundary stops, except for
    kill, is stopped by SIGSTOP so that the harness can act.
    """

    kind: str
    where: str = ""
    nth: int = 1
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind} {self.where or 'at a random moment'}"


class Nursery:
    """Forks workers on demand. Made before the caller has threads or database connections."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        if os.fork() == 0:
            ours.close()
            _end_with(parent)
            _serve(theirs)
        theirs.close()
        self._channel = ours.makefile("rw")
        self._lock = threading.Lock()

    def spawn(self, run_id: str, blow: Blow | None) -> int:
        """Start a worker on the run and return its pid."""
        with self._lock:
            self._channel.write(json.dumps({"run": run_id, "blow": asdict(blow) if blow else None}) + "\n")
            self._channel.flush()
            return int(self._channel.readline())


def status(pid: int) -> str:
    """Return the letter of /proc/<pid>/stat: T is stopped; "" when the process has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    letter = text.rpartition(")")[2].split()[0]
    return "" if letter in "ZX" else letter


def send(pid: int, number: int) -> None:
    """Send a signal; nothing when the process has gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _end_with(parent: int) -> None:
    CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _serve(channel: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    nursery = os.getpid()
    stream = channel.makefile("rw")
    for line in stream:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _end_with(nursery)
                faulthandler.register(signal.SIGUSR1, file=2)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _work(asked["run"], Blow(**asked["blow"]) if asked["blow"] else None)
                code = 0
            finally:
                os._exit(code)
        stream.write(f"{pid}\n")
        stream.flush()
    os._exit(0)


def _work(run_id: str, blow: Blow | None) -> None:
    from syncruns.engine.warehouse.sqlite import SqliteWarehouse
    from syncruns.tasks import execute_run

    SqliteWarehouse.rows_at_once = 7  # so that the ledger's small pages take several transactions
    if blow is not None and blow.where:
        _arm(blow)
    execute_run(run_id)


def _arm(blow: Blow) -> None:
    side, step = blow.where.split(maxsplit=1)
    module, owner_name, name = {**RESET_STEPS, **STEPS}[step]
    owner = importlib.import_module(module)
    if owner_name:
        owner = getattr(owner, owner_name)
    wrapped = _wrapped(getattr(owner, name), side, blow)
    setattr(owner, name, wrapped)


def _wrapped(function: Callable[..., Any], side: str, blow: Blow) -> Callable[..., Any]:
    met = 0

    def strike() -> None:
        nonlocal met
        met += 1
        if met == blow.nth:
            os.kill(os.getpid(), signal.SIGKILL if blow.kind == "kill" else signal.SIGSTOP)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if side == "before":
            strike()
        answer = function(*args, **kwargs)
        if side == "after":
            strike()
        return answer

    return call
