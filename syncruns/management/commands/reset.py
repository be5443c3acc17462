"""`manage.py reset SLUG STREAM`: reads a stream whole and deletes what the source no longer shows."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connections.audit import COMMAND_LINE
from connections.command_line.base import Exit, Refused, named_connection, refuse_unknown
from connections.services import streams_of
from syncruns.command_line.executing import ExecutingCommand
from syncruns.dispatch import reap
from syncruns.engine.steps import is_step
from syncruns.resetting import ResetPreview, reset_preview
from syncruns.services import request_reset
from syncruns.timewords import duration


class Command(ExecutingCommand):
    about = gettext_lazy(
        "Reset a stream: read everything again, replace what is stored, and delete what the source no longer shows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("stream", metavar="STREAM")
        parser.add_argument("--yes", action="store_true", help=_("do it; without it, only say what would be done"))
        self.add_execution_flags(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        self.refuse_wait_alone(options)
        connection = named_connection(options["slug"])
        known = [selected.stream.key for selected in streams_of(connection) if not is_step(selected)]
        if options["stream"] not in known:
            text = _("%(connection)s has no stream called %(name)s.")
            words = text % {"connection": connection.slug, "name": options["stream"]}
            refuse_unknown(words, "unknown_stream", options["stream"], known)
        preview = reset_preview(connection, options["stream"])
        self._tell(preview)
        if not options["yes"]:
            self.answer(_answer(preview))
            self.say(_("Nothing was done. Say --yes to reset the stream."))
            return Exit.SUCCESS
        reap(timezone.now())  # where no workers are, nobody else finds the runs that a crash has left
        run, created = request_reset(
            connection, options["stream"], rows=preview.rows, actor=COMMAND_LINE, call_worker=options["queue"]
        )
        if not created:
            raise Refused(
                _("%(name)s is already syncing (run %(run)s).") % {"name": connection.name, "run": run.pk},
                code="already_running",
                exit_code=Exit.FAILED,
                run=run.pk,
            )
        return self.carry_out(run, options)

    def _tell(self, preview: ResetPreview) -> None:
        for name, rows in preview.stored.by_table.items():
            text = ngettext("%(table)s: %(count)s row stored", "%(table)s: %(count)s rows stored", rows)
            self.say(text % {"table": name, "count": preview.stored.told(rows)})
        if preview.time is not None:
            self.say(_("Expected time: about %(time)s") % {"time": duration(preview.time)})


def _answer(preview: ResetPreview) -> dict[str, Any]:
    seconds = round(preview.time.total_seconds()) if preview.time is not None else None
    return {
        "stream": preview.stream.stream.key,
        "tables": dict(preview.stored.by_table),
        "rows": preview.rows,
        "exact": preview.stored.is_exact,
        "expected_seconds": seconds,
        "done": False,
    }
