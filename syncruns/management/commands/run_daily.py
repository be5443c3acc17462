"""`manage.py run_daily`: the daily connections, on a host without workers."""

from __future__ import annotations

import logging
import os
import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error, connections
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from connections.command_line.base import ConsoleCommand, Exit, add_json, refuse_unknown
from connections.connectors import REGISTRY
from syncruns import daily
from syncruns.chores import do_due
from syncruns.command_line.answers import full_run_answer
from syncruns.command_line.explained import result_lines
from syncruns.command_line.progress import exit_of_run
from syncruns.stopping import clear_stop_mark, is_stopping, set_stop_mark

logger = logging.getLogger("sync.daily")

ROLE = "daily"
SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOOK_SECONDS = 30  # between two looks at what is due: a schedule may have been changed meanwhile
WORST_FIRST = (Exit.ACTION_NEEDED, Exit.FAILED, Exit.PARTIAL, Exit.SUCCESS)


class Command(ConsoleCommand):
    about = gettext_lazy("Run the daily connections when they are due, on a host without workers.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help=_("run what is due now, then end"))
        parser.add_argument(
            "--kind", action="append", dest="kinds", metavar="KIND", help=_("only this kind; may be repeated")
        )
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        kinds = options["kinds"] or []
        known = [connector.kind for connector in REGISTRY]
        for kind in kinds:
            if kind not in known:
                refuse_unknown(_("There is no kind of connection called %s.") % kind, "unknown_kind", kind, known)
        with _stops_on_signal():
            if options["once"]:
                return self._once(kinds)
            return self._watch(kinds)

    def _once(self, kinds: list[str]) -> Exit:
        runs = []
        for run in daily.run_due(kinds):
            runs.append(run)
            self.say(f"{run.connection.name}:")
            for line in result_lines(run):
                self.say(f"  {line}")
        self.answer([full_run_answer(run) for run in runs])
        if not runs:
            following = daily.next_slot(kinds)
            self.say(
                _("Nothing is due; next: %s.") % timezone.localtime(following).strftime("%Y-%m-%d %H:%M %Z")
                if following
                else _("Nothing is due: no daily connection is switched on.")
            )
        do_due()
        ends = {exit_of_run(run) for run in runs}
        return next((end for end in WORST_FIRST if end in ends), Exit.SUCCESS)

    def _watch(self, kinds: list[str]) -> Exit:
        """Run what is due until a signal; while the database is away, wait for it."""
        while not is_stopping():
            try:
                for run in daily.run_due(kinds):
                    self.say(f"{run.connection.slug}: {next(result_lines(run))}")
                do_due()
            except Error as error:
                away = gettext_noop("the database does not answer, tried again in %s s: %s")
                logger.warning(away, LOOK_SECONDS, type(error).__name__)
                connections.close_all()
            until = time.monotonic() + LOOK_SECONDS
            while time.monotonic() < until and not is_stopping():
                time.sleep(0.25)
        return Exit.SUCCESS


@contextmanager
def _stops_on_signal() -> Iterator[None]:
    """Make SIGTERM and Ctrl-C stop as a worker stops: the run is handed back, and goes on at the next start."""
    os.environ["SINCRO_PROCESS"] = ROLE  # whose stop mark counts: workers on the same data directory have their own
    clear_stop_mark(ROLE)
    before = {
        number: signal.signal(number, lambda *_: set_stop_mark(ROLE)) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        clear_stop_mark(ROLE)
        os.environ.pop("SINCRO_PROCESS")
