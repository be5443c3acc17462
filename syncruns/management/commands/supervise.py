"""supervise: prepares the database and runs every process of Sincro until it is told to stop."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from syncruns.processes import AlreadyRunning, is_alive, main_process
from syncruns.startup import StartError, check_address, prepare
from syncruns.supervisor import ROLES, Supervisor, address


class Command(BaseCommand):
    help = "Prepare the database, then run the web, the workers and the scheduler until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=ROLES, help="Run one of them only, where several hosts share the work.")
        parser.add_argument("--check", action="store_true", help="Start nothing: exit 0 if they run here, else 1.")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # what Sincro writes, its database first of all, is for its own user
        roles = (options["only"],) if options["only"] else ROLES
        if options["check"]:
            self._check(roles)
            return
        try:
            supervisor = Supervisor(roles, self._say)
            supervisor.end_orphans()
            if "web" in roles:
                check_address(settings.HOST, settings.PORT)
            self._say("Preparing the database ...")
            prepare(for_web="web" in roles)
        except AlreadyRunning as error:
            self._stop(f"Sincro already runs on {settings.DATA_DIR} (pid {error.pid}): {error.address or address()}")
        except StartError as error:
            self._stop(str(error))
        except KeyboardInterrupt:
            self._stop("stopped before it had started.")
        sys.exit(supervisor.run())

    def _check(self, roles: tuple[str, ...]) -> None:
        """Look at what the supervisor of this data directory wrote down; for health checks of containers."""
        mains = {role: main_process(settings.DATA_DIR / "run" / role) for role in roles}
        ended = [role for role, main in mains.items() if main is None or not is_alive(main["pid"], main["start"])]
        if ended:
            self._stop(f"not running here: {', '.join(ended)}.")
        self._say(f"running: {', '.join(roles)}.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _stop(self, line: str) -> None:
        self.stderr.write(f"sincro: {line}")
        sys.exit(1)
