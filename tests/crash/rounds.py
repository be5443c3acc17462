"""Crash rounds by hand: `python -m tests.crash.rounds --database sqlite --rounds 100 --seed 7`.

Workers are killed, frozen and robbed of their database while the source changes; what is left is compared with the
source. Prints what happened, and ends with 1 when anything was not as it must be.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from tests import postgres
from tests.crash.workers import Nursery

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "ENV_FILE": "",
    "DATABASE_URL": "",
    "PUBLIC_URL": "",
    "SECRET_KEY": "for-tests-only-for-tests-only-for-tests-only-0123456789",
    "CREDENTIAL_KEYS": "c2luY3JvLXRlc3RzLW9ubHktMDEyMzQ1Njc4OWFiY2Q=",
    "ALLOW_PRIVATE_ADDRESSES": "1",
    "LEASE_SECONDS": "1",
    "RETRY_DELAY": "0",
    "LOG_LEVEL": "ERROR",
}


def main() -> int:
    """Play the rounds and return the exit code."""
    parser = argparse.ArgumentParser(description="Kill, freeze and starve workers, and compare what is left.")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=4, help="connections that sync side by side")
    parser.add_argument("--changes", type=int, default=0, help="at the source before each round, which is then a kill")
    parser.add_argument("--resets", action="store_true", help="each round is a reset of every stream")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="sincro-crash-"))
        os.environ.update(ENVIRONMENT, DATA_DIR=home)
        server = None
        if asked.database == "postgresql":
            programs = postgres.programs()
            if programs is None:
                sys.stderr.write("PostgreSQL not found.\n")
                return 2
            server = stack.enter_context(postgres.throwaway(programs))
            os.environ["DATABASE_URL"] = server.url
        import django

        django.setup()
        with (Path(home) / "noise.log").open("w") as noise, contextlib.redirect_stderr(noise):
            from django.core.management import call_command

            from connections import connectors
            from tests.crash.ledger import LedgerConnector

            connectors.REGISTRY = (*connectors.REGISTRY, LedgerConnector)
            nursery = Nursery()
            call_command("migrate", verbosity=0)
            from tests.crash.lanes import Arena

            arena = Arena(
                nursery, server, asked.rounds, asked.seed, asked.lanes, changes=asked.changes, resets=asked.resets
            )
            arena.play()
    print(arena.summary())
    return 1 if arena.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
