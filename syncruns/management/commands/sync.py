"""`manage.py sync SLUG`: one sync, in this process or by a worker."""

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
from django.utils.translation import gettext_lazy

from connections.audit import COMMAND_LINE
from connections.command_line.base import ConsoleCommand, Exit, Refused, add_json, named_connection, refuse_unknown
from connections.command_line.flags import given_since
from connections.models import Connection
from connections.sdk.declare import Step
from connections.services import streams_of
from syncruns.command_line.answers import dry_run_answer, full_run_answer, run_answer
from syncruns.command_line.explained import error_lines, result_lines
from syncruns.command_line.progress import Progress, exit_of_run, exit_of_streams, readings
from syncruns.engine.dry_run import dry_run
from syncruns.health import label_of
from syncruns.models import SyncRun
from syncruns.services import cancel_run, request_sync
from syncruns.tasks import execute_run

UNCLAIMED_SECONDS = 15


class Command(ConsoleCommand):
    about = gettext_lazy("Sync a connection now: here, or by a worker with --queue.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "--stream", action="append", dest="streams", metavar="STREAM", help=_("only this stream; may be repeated")
        )
        parser.add_argument(
            "--step", action="append", dest="steps", metavar="STEP", help=_("only this step; may be repeated")
        )
        start = parser.add_mutually_exclusive_group()
        start.add_argument("--window", type=int, metavar="MINUTES", help=_("look back this far from now"))
        start.add_argument("--since", metavar="MOMENT", help=_("read what changed since: 2026-12-31, 31/12/2026..."))
        parser.add_argument("--dry-run", action="store_true", help=_("read and compare, but write nothing"))
        parser.add_argument("--queue", action="store_true", help=_("let a worker do it"))
        parser.add_argument("--wait", action="store_true", help=_("with --queue: wait for the end"))
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        if options["wait"] and not options["queue"]:
            raise Refused(_("--wait goes with --queue; without it the sync runs here and is waited for anyway."))
        connection = named_connection(options["slug"])
        if options["dry_run"]:
            return self._dry_run(connection, options)
        run, created = request_sync(
            connection,
            trigger=SyncRun.Trigger.CLI,
            actor=COMMAND_LINE,
            call_worker=options["queue"],
            **_requested(connection, options),
        )
        if not created:
            raise Refused(
                _("%(name)s is already syncing (run %(run)s).") % {"name": connection.name, "run": run.pk},
                code="already_running",
                exit_code=Exit.FAILED,
                run=run.pk,
            )
        if not options["queue"]:
            self._execute(run, quiet=options["verbosity"] < 2)
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

    def _dry_run(self, connection: Connection, options: dict[str, Any]) -> Exit:
        """Read and compare in this process; no run is made, so none is in the way."""
        if options["queue"]:
            raise Refused(_("--dry-run is not for a worker: leave --queue out."))
        asked = _requested(connection, options)
        streams = asked.pop("streams")
        since = asked["since"]
        wanted = {name: value for name, value in asked.items() if value is not None}
        if since is not None:
            wanted["since"] = since.isoformat()
        with self._progress() as progress:
            rows = dry_run(connection, streams=streams, options=wanted, progress=progress.show)
        self.answer(dry_run_answer(rows))
        for row in rows:
            if row.error_code:
                for line in error_lines(row.error_code, row.error_params, label_of(connection.kind)):
                    self.say(line)
        self.say(_("Nothing was written."))
        return exit_of_streams(rows)

    def _execute(self, run: SyncRun, *, quiet: bool) -> None:
        """Execute the run in a thread of this process, and show it; the first Ctrl-C cancels it cleanly."""
        failures: list[DatabaseError] = []
        worker = threading.Thread(target=_execute_here, args=(run, failures), daemon=True)
        is_cancelled = has_ended = False
        with _interrupts() as caught, _console_log_muted(quiet), self._progress() as progress:
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
        with self._progress() as progress:
            for streams in readings(run):
                progress.show(streams)
                if run.shown_state not in SyncRun.ACTIVE:
                    break
                waited = (timezone.now() - run.queued_at).total_seconds()
                if run.state == SyncRun.State.QUEUED and waited > UNCLAIMED_SECONDS and not is_told:
                    is_told = True
                    self.say(_("No worker has taken it yet. Is Sincro started (make run)?"))

    @contextmanager
    def _progress(self) -> Iterator[Progress]:
        progress = Progress(self.stdout, is_silent=self.as_json)
        try:
            yield progress
        finally:
            progress.close()


def _requested(connection: Connection, options: dict[str, Any]) -> dict[str, Any]:
    """Return request_sync's arguments for the flags. Raises Refused."""
    declared = streams_of(connection)
    known = [one.stream.key for one in declared if not isinstance(one.stream, Step)]
    for stream in options["streams"] or ():
        if stream not in known:
            text = _("%(connection)s has no stream called %(name)s.")
            refuse_unknown(text % {"connection": connection.slug, "name": stream}, "unknown_stream", stream, known)
    known = [one.stream.key for one in declared if isinstance(one.stream, Step)]
    for step in options["steps"] or ():
        if step not in known:
            text = _("%(connection)s has no step called %(name)s.")
            refuse_unknown(text % {"connection": connection.slug, "name": step}, "unknown_step", step, known)
    if options["window"] is not None and options["window"] < 1:
        raise Refused(_("--window is a number of minutes, at least 1."))
    return {
        "streams": [*(options["streams"] or ()), *(options["steps"] or ())] or None,
        "window_minutes": options["window"],
        "since": given_since(options["since"], connection.time_zone) if options["since"] is not None else None,
    }


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
