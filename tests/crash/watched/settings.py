"""The settings of a host whose write transactions are watched."""

from __future__ import annotations

from config.settings import *  # noqa: F403
from config.settings import DATABASES

DATABASES["default"]["ENGINE"] = "tests.crash.watched"
