"""`manage.py sandbox KIND`: a small vendor over real HTTP, with faults on demand."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from connections.sandbox.run import add_arguments, run


class Command(BaseCommand):
    help = "Run a small vendor over HTTP, for demonstrations and tests. It needs no database."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own attribute

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(run(argparse.Namespace(**options)))
