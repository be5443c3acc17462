"""The stop mark: a file by which the supervisor asks this host's workers to hand their runs back.

Claims refuse while it is there, and running syncs see it at every page and in every wait.
"""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings

# A stop takes 30 s at most. An older mark was left by a supervisor that was killed while stopping.
GOOD_FOR_SECONDS = 60


def _mark() -> Path:
    return settings.DATA_DIR / "stop"


def set_stop_mark() -> None:
    """Ask every worker on this data directory to stop."""
    _mark().touch()


def clear_stop_mark() -> None:
    """Let workers claim runs again."""
    _mark().unlink(missing_ok=True)


def is_stopping() -> bool:
    """Return whether workers are asked to stop."""
    try:
        return time.time() - _mark().stat().st_mtime < GOOD_FOR_SECONDS
    except FileNotFoundError:
        return False
