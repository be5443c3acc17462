"""The settings of hosts that a test starts: the ledger is among the kinds, and writes may be watched."""

from __future__ import annotations

import os

from config.settings import *  # noqa: F403 - all of them, with the changes below
from config.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.crash.apps.LedgerConfig"]
if "WATCH_DIR" in os.environ:
    DATABASES["default"]["ENGINE"] = "tests.crash.watched"
