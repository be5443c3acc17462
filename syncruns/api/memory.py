"""What many requests ask in the same second is looked up once: in this process, and for no longer than that second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

SECONDS = 1.0
MOST = 1000

T = TypeVar("T")


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.until = 0.0
        self.value: T


class Memory(Generic[T]):
    """Keeps what was looked up by key for a second; who asks meanwhile waits for whoever looks it up."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry[T]] = {}
        self._lock = threading.Lock()

    def recall(self, key: Hashable, look_up: Callable[[], T], *, anew: bool = False) -> T:
        """Return what is kept, or look it up; anew: in any case. What look_up raises is not kept."""
        with self._lock:
            if len(self._entries) >= MOST and key not in self._entries:
                self._entries.clear()
            entry = self._entries.setdefault(key, _Entry())
        with entry.lock:
            if anew or time.monotonic() >= entry.until:
                entry.value = look_up()
                entry.until = time.monotonic() + SECONDS
            return entry.value

    def forget(self) -> None:
        """Look everything up anew, because this process has just changed something."""
        with self._lock:
            self._entries.clear()
