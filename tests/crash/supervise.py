"""`manage.py supervise` with a watchdog that loses patience sooner, so that a test need not wait for minutes."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.management import execute_from_command_line  # noqa: E402

SILENCE_SECONDS = 20
CONFIRM_SECONDS = int(os.environ.get("CONFIRM_SECONDS", "150"))

if __name__ == "__main__":
    import django

    django.setup()
    from syncruns import supervisor

    supervisor.SILENCE_SECONDS = SILENCE_SECONDS
    supervisor.CONFIRM_SECONDS = CONFIRM_SECONDS
    execute_from_command_line(["manage.py", "supervise", *sys.argv[1:]])
