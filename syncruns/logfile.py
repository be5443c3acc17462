"""The rotating application log. Many processes append to it; only the supervisor rotates."""

from __future__ import annotations

import fcntl
import os
from collections import deque
from pathlib import Path

LARGEST_BYTES = 10 * 2**20
KEPT = 5


def rotate(path: Path, *, largest: int = LARGEST_BYTES) -> bool:
    """Move a log that has grown large to path.1 (that to path.2, and so on); writers open a new one by themselves."""
    if _size(path) < largest:
        return False
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # supervisors of single roles may share the log
        if _size(path) < largest:
            return False
        for number in range(KEPT - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.rename(path.with_name(f"{path.name}.{number + 1}"))
        path.rename(path.with_name(f"{path.name}.1"))
    finally:
        os.close(folder)
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last count lines, without their ends; none when there is no log."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=count)]
