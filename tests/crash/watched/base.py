"""The console's SQLite backend, noting each write: who, how long it waited for the lock, how long it held it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.sqlite import base

ROOMS = ("/syncruns/", "/connections/", "/config/", "/django_q/")
NAMED = 3  # functions that tell who writes


class DatabaseWrapper(base.DatabaseWrapper):
    _begins = False
    _asked = _began = 0.0

    def _start_transaction_under_autocommit(self) -> None:
        self._begins = True
        try:
            super()._start_transaction_under_autocommit()
        finally:
            self._begins = False

    def in_turn(self, write: Callable[[], Any]) -> Any:
        asked = began = time.monotonic()

        def timed() -> Any:
            nonlocal began
            began = time.monotonic()
            return write()

        answer = super().in_turn(timed)
        if self._begins:
            self._asked, self._began = asked, began
        else:
            note(asked, began)
        return answer

    def _commit(self) -> None:
        super()._commit()
        self._note()

    def _rollback(self) -> None:
        super()._rollback()
        self._note()

    def _note(self) -> None:
        if self._began:
            note(self._asked, self._began)
            self._began = 0.0


def note(asked: float, began: float) -> None:
    """Append a line to this process's notes; moments are those of the machine's clock since its start."""
    role = os.environ.get("SINCRO_PROCESS", "start")
    line = json.dumps({"role": role, "who": _who(), "asked": asked, "began": began, "ended": time.monotonic()})
    with open(f"{os.environ['WATCH_DIR']}/{os.getpid()}.jsonl", "a") as file:
        file.write(f"{line}\n")


def _who() -> str:
    frame = sys._getframe(2)
    names: list[str] = []
    while frame.f_back is not None and len(names) < NAMED:
        frame = frame.f_back
        code = frame.f_code
        if any(room in code.co_filename for room in ROOMS) and "/config/sqlite/" not in code.co_filename:
            names.append(f"{Path(code.co_filename).stem}.{code.co_name}")
    return " < ".join(names)
