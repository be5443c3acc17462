"""How fast one caller may ask: a bucket of requests that fills again evenly, in each web process."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict

CALLERS = 10_000  # kept in mind; of more, the one that asked least recently is forgotten


class Limiter:
    """Lets per_minute requests of a caller pass each minute, all at once or spread."""

    def __init__(self, per_minute: int) -> None:
        self._cost = 60 / per_minute  # seconds of the bucket's time that a request takes
        self._full_at: OrderedDict[str, float] = OrderedDict()  # when the caller's bucket is full again
        self._lock = threading.Lock()

    def take(self, caller: str, *, count: bool = True) -> int:
        """Take one request; returns the seconds to wait when there is none left, else 0. count=False: only look."""
        now = time.monotonic()
        with self._lock:
            full_at = max(self._full_at.get(caller, now), now) + self._cost
            missing = full_at - now - 60
            if missing > 1e-9:
                return math.ceil(missing)
            if count:
                self._full_at[caller] = full_at
                self._full_at.move_to_end(caller)
                if len(self._full_at) > CALLERS:
                    self._full_at.popitem(last=False)
        return 0
