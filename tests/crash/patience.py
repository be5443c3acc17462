"""Asking a database that is taken away now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import Error, connections

ROUND_SECONDS = 120.0
T = TypeVar("T")


def patiently(ask: Callable[[], T], seconds: float = 60.0) -> T:
    """Return ask()'s answer, asking again while the database is away."""
    until = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except Error:
            connections.close_all()
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def until(ask: Callable[[], T], seconds: float = ROUND_SECONDS) -> T:
    """Return ask()'s first true answer."""
    end = time.monotonic() + seconds
    while not (answer := patiently(ask)):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s in vain")
        time.sleep(0.03)
    return answer
