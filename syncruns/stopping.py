"""Stop marks: files by which the supervisor asks this host's processes of a role to come to an end.

Claims refuse while the mark of `sync` is there, and running syncs see it at every page and in every wait; the ticker
sees that of `control`. A mark per role: the roles of one data directory may have a supervisor each.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from django.conf import settings

# A stop takes 30 s at most. An older mark was left by a supervisor that was killed while stopping.
GOOD_FOR_SECONDS = 60
ROLE = "sync"  # of processes that were given none


def _mark(role: str) -> Path:
    return settings.DATA_DIR / f"stop-{role}"


def set_stop_mark(role: str = ROLE) -> None:
    """Ask every process of the role on this data directory to stop."""
    _mark(role).touch()


def clear_stop_mark(role: str = ROLE) -> None:
    """Let the role's processes work again."""
    _mark(role).unlink(missing_ok=True)


def is_stopping() -> bool:
    """Return whether this process is asked to stop."""
    try:
        return time.time() - _mark(os.environ.get("SINCRO_PROCESS") or ROLE).stat().st_mtime < GOOD_FOR_SECONDS
    except FileNotFoundError:
        return False
