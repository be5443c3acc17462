"""`manage.py sync SLUG`: one sync, in this process or by a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connections.audit import COMMAND_LINE
from connections.command_line.base import Exit, Refused, named_connection, refuse_unknown
from connections.command_line.flags import given_since
from connections.models import Connection
from connections.sdk.declare import Step
from connections.services import streams_of
from syncruns.command_line.answers import dry_run_answer
from syncruns.command_line.executing import ExecutingCommand
from syncruns.command_line.explained import error_lines
from syncruns.command_line.progress import exit_of_streams
from syncruns.dispatch import reap
from syncruns.engine.dry_run import dry_run
from syncruns.health import label_of
from syncruns.models import SyncRun
from syncruns.services import request_sync


class Command(ExecutingCommand):
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
        self.add_execution_flags(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        self.refuse_wait_alone(options)
        connection = named_connection(options["slug"])
        if options["dry_run"]:
            return self._dry_run(connection, options)
        reap(timezone.now())  # where no workers are, nobody else finds the runs that a crash has left
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
        return self.carry_out(run, options)

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
        with self.progress() as progress:
            rows = dry_run(connection, streams=streams, options=wanted, progress=progress.show)
        self.answer(dry_run_answer(rows))
        for row in rows:
            if row.error_code:
                for line in error_lines(row.error_code, row.error_params, label_of(connection.kind)):
                    self.say(line)
        self.say(_("Nothing was written."))
        return exit_of_streams(rows)


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
