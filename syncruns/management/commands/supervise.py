"""supervise: prepares the database and runs every process of Sincro until it is told to stop."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from syncruns.processes import AlreadyRunning
from syncruns.startup import StartError, check_address, prepare
from syncruns.supervisor import ROLES, Supervisor, address


class Command(BaseCommand):
    help = "Prepare the database, then run the web, the workers and the scheduler until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=ROLES, help="Run one of them only, where several hosts share the work.")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # what Sincro writes, its database first of all, is for its own user
        roles = (options["only"],) if options["only"] else ROLES
        try:
            supervisor = Supervisor(roles, self._say)
            supervisor.end_orphans()
            if "web" in roles:
                check_address(settings.HOST, settings.PORT)
            self._say("Preparing the database ...")
            prepare(for_web="web" in roles)
        except AlreadyRunning as error:
            self._stop(f"Sincro already runs on {settings.DATA_DIR} (pid {error.pid}): {address()}")
        except StartError as error:
            self._stop(str(error))
        except KeyboardInterrupt:
            self._stop("stopped before it had started.")
        sys.exit(supervisor.run())

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _stop(self, line: str) -> None:
        self.stderr.write(f"sincro: {line}")
        sys.exit(1)
