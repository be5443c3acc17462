"""A command that has a run executed: in this process, or by a worker with --queue."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connections
from django.utils import timezone
from django.utils.translation import gettext as _

from connections.audit import COMMAND_LINE
from connections.command_line.base import ConsoleCommand, Exit, Refused, add_json
from syncruns.command_line.answers import full_run_answer, run_answer
from syncruns.command_line.explained import result_lines
from syncruns.command_line.progress import Progress, exit_of_run, readings
from syncruns.models import SyncRun
from syncruns.services import cancel_run
from syncruns.tasks import execute_run

UNCLAIMED_SECONDS = 15


class ExecutingCommand(ConsoleCommand):
    """Gives its flags, and carries out a queued run as they say."""

    def add_execution_flags(self, parser: ArgumentParser) -> None:
        parser.add_argument("--queue", action="store_true", help=_("let a worker do it"))
        parser.add_argument("--wait", action="store_true", help=_("with --queue: wait for the end"))
        add_json(parser)

    def refuse_wait_alone(self, options: dict[str, Any]) -> None:
        """Raise Refused for --wait without --queue."""
        if options["wait"] and not options["queue"]:
            raise Refused(_("--wait goes with --queue; without it the sync runs here and is waited for anyway."))

    def carry_out(self, run: SyncRun, options: dict[str, Any]) -> Exit:
        """Execute the queued run here, or leave it to a worker, and say what came of it."""
        if not options["queue"]:
            self.execute_here(run, quiet=options["verbosity"] < 2)
        elif options["wait"]:
            self.say(_("Run %(run)s is queued.") % {"run": run.pk})
            self._wait(run)
        else:
            self.answer(run_answer(run))
            self.say(_("Run %(run)s is queued.") % {"run": run.pk})
            return Exit.SUCCESS
        self.answer(full_run_answer(run))
        for line in result_lines(run):
            self.say(line)
        return exit_of_run(run)

    def execute_here(self, run: SyncRun, *, quiet: bool) -> None:
        """Execute the run in a thread of this process, and show it; the first Ctrl-C cancels it cleanly."""
        failures: list[DatabaseError] = []
        worker = threading.Thread(target=_execute_here, args=(run, failures), daemon=True)
        is_cancelled = has_ended = False
        with _interrupts() as caught, _console_log_muted(quiet), self.progress() as progress:
            worker.start()
            for streams in readings(run):
                progress.show(streams)
                if caught and not is_cancelled:
                    is_cancelled = True
                    cancel_run(run, actor=COMMAND_LINE)
                    progress.close()
                    self.say(_("Cancelling at the next page; press Ctrl-C again to leave at once."))
                # A worker may have claimed the run before this process did; then it is only watched.
                if has_ended and run.shown_state != SyncRun.State.RUNNING:
                    break
                has_ended = not worker.is_alive()
        if failures:
            raise failures[0]

    def _wait(self, run: SyncRun) -> None:
        """Show the run while a worker executes it; Ctrl-C leaves it to the worker."""
        is_told = False
        with self.progress() as progress:
            for streams in readings(run):
                progress.show(streams)
                if run.shown_state not in SyncRun.ACTIVE:
                    break
                waited = (timezone.now() - run.queued_at).total_seconds()
                if run.state == SyncRun.State.QUEUED and waited > UNCLAIMED_SECONDS and not is_told:
                    is_told = True
                    self.say(_("No worker has taken it yet. Is Sincro started (make run)?"))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        progress = Progress(self.stdout, is_silent=self.as_json)
        try:
            yield progress
        finally:
            progress.close()


def _execute_here(run: SyncRun, failures: list[DatabaseError]) -> None:
    try:
        execute_run(run.pk)
    except DatabaseError as problem:
        failures.append(problem)
    finally:
        connections.close_all()


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM, so that it falls between two steps; the next one acts as always."""
    caught: list[int] = []

    def note(number: int, _frame: Any) -> None:
        caught.append(number)
        signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _console_log_muted(quiet: bool) -> Iterator[None]:
    """Keep the application log out of the progress lines; files still get it, and -v 2 shows it."""
    handlers = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    before = [handler.level for handler in handlers]
    for handler in handlers if quiet else ():
        handler.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for handler, level in zip(handlers, before, strict=True):
            handler.setLevel(level)
