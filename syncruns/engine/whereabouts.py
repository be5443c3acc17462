"""Where an unexpected error happened, on one line and without its text, which may hold anything."""

from __future__ import annotations

import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CALLS = 4  # of our own code, the innermost ones
ROOMS = ("config", "connections", "syncruns")


def whereabouts(error: BaseException) -> str:
    """Return "KeyError at connections/connectors/rest/paging.py:88 < ...sync.py:190", innermost first."""
    calls = []
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ROOMS:
            calls.append(f"{path.relative_to(ROOT)}:{frame.lineno}")
    name = type(error).__name__
    return f"{name} at {' < '.join(calls[:CALLS])}" if calls else name
