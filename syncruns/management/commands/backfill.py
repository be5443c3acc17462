"""`manage.py backfill SLUG --from D --to D`: reads a range of the past, window by window."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connections.audit import COMMAND_LINE
from connections.command_line.base import Exit, Refused, add_json, exit_of, named_connection, refuse_unknown
from connections.command_line.flags import given_moment
from connections.forms.fields import words
from connections.models import Connection
from connections.sdk.settings import SettingsInvalid
from syncruns import backfills, dispatch
from syncruns.command_line.executing import ExecutingCommand
from syncruns.command_line.explained import error_lines
from syncruns.health import label_of
from syncruns.models import Backfill
from syncruns.timewords import duration, exact, number

POLL_SECONDS = 0.5
WAITS = {
    "off": gettext_lazy("the connection's kind is switched off."),
    "error": gettext_lazy("the connection needs a person; see its page, or connections test."),
    "starts_over": gettext_lazy("the next sync starts over with the new source; run it first."),
    "held": gettext_lazy("the connection is paused, or waits for a quota."),
    "due": gettext_lazy("a sync is due, and goes first. Is Sincro started (make run)?"),
    "active": gettext_lazy("another run of the connection is active."),
    "trying_again": gettext_lazy("the window failed, and is tried again later."),
}


class Command(ExecutingCommand):
    about = gettext_lazy("Read what changed in a range of the past, window by window, beside the everyday syncs.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--from", dest="begin", metavar="MOMENT", help=_("where it begins: 2026-12-31, 31/12/2026"))
        parser.add_argument("--to", dest="end", metavar="MOMENT", help=_("where it ends: a whole day, or a moment"))
        parser.add_argument(
            "--stream", action="append", dest="streams", metavar="STREAM", help=_("only this stream; may be repeated")
        )
        parser.add_argument("--pause", type=int, default=0, metavar="SECONDS", help=_("rest between two windows"))
        parser.add_argument("--queue", action="store_true", help=_("let workers do it"))
        parser.add_argument("--stop", action="store_true", help=_("stop what is going on; the same command resumes it"))
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        connection = named_connection(options["slug"])
        streams = self._streams(connection, options["streams"])
        if options["stop"]:
            found = Backfill.objects.filter(connection=connection, stream__in=streams, state=Backfill.State.RUNNING)
            stopped = [one for one in found if backfills.stop_backfill(one, actor=COMMAND_LINE)]
            self._tell(stopped)
            return Exit.SUCCESS
        if options["begin"] is None or options["end"] is None:
            raise Refused(_("Say --from and --to."))
        if options["pause"] < 0:
            raise Refused(_("--pause is a number of seconds."))
        begin, end = (given_moment(options[name], connection.time_zone) for name in ("begin", "end"))
        if len(options["end"]) <= len("31/12/2026"):  # no time of day: the day is part of it, as on the page
            end = backfills.day_after(end)
        done = backfills.done_beside_open(connection, begin)
        wanted = [
            self._begun(connection, stream, begin, end, options["pause"]) for stream in streams if stream not in done
        ]
        if not options["queue"]:
            for backfill in wanted:
                self._carry_out(backfill, quiet=options["verbosity"] < 2)
        self._tell(wanted)
        return Exit.SUCCESS if options["queue"] else max(map(_exit, wanted))

    def _streams(self, connection: Connection, named: Sequence[str] | None) -> list[str]:
        """Return the streams to fill: those named, else those switched on. Raises Refused."""
        known = backfills.streams_to_fill(connection)
        keys = [one.stream.key for one in known]
        for name in named or ():
            if name not in keys:
                text = _("%(connection)s has no stream called %(name)s that can be read for a range.")
                refuse_unknown(text % {"connection": connection.slug, "name": name}, "unknown_stream", name, keys)
        streams = list(named or (one.stream.key for one in known if one.enabled))
        if not streams:
            raise Refused(_("No stream of %(name)s can be read for a range.") % {"name": connection.name})
        return streams

    def _begun(self, connection: Connection, stream: str, begin: datetime, end: datetime, pause: int) -> Backfill:
        """Return the backfill, begun, resumed, or going on already. Raises Refused for another open range."""
        try:
            backfill, created = backfills.begin_backfill(
                connection, stream, begin, end, pause_seconds=pause, actor=COMMAND_LINE
            )
        except SettingsInvalid as invalid:
            raise Refused(" ".join(words(one.text, one.params) for one in invalid.problems)) from None
        if not created and (backfill.begin, backfill.end) != (begin, min(end, backfill.end)):
            span = {"since": exact(backfill.begin), "until": exact(backfill.end), "stream": stream}
            raise Refused(
                _("A backfill of %(stream)s from %(since)s until %(until)s is still open.") % span,
                code="already_open",
                exit_code=Exit.FAILED,
                backfill=backfill.pk,
            )
        if not created:
            backfills.resume_backfill(backfill, actor=COMMAND_LINE)
        return backfill

    def _carry_out(self, backfill: Backfill, *, quiet: bool) -> None:
        """Execute window after window here, as far as the connection's syncs leave room; Ctrl-C stops it cleanly."""
        told = ""
        while backfill.state == Backfill.State.RUNNING:
            now = timezone.now()
            dispatch.reap(now)  # where no workers are, nobody else finds the window that a crash has left
            run = backfills.queue_window(backfill, now)
            if run is not None:
                self.execute_here(run, quiet=quiet)
                told = ""
            else:
                told = self._tell_why(backfill, now, told)
                time.sleep(POLL_SECONDS)
            before = backfill.windows_done
            backfill.refresh_from_db()
            if backfill.windows_done != before:
                self.say(_progress(backfill))

    def _tell_why(self, backfill: Backfill, now: datetime, told: str) -> str:
        """Say once what the next window waits for, and return it."""
        reason = backfills.waits_for(backfill, now)
        if reason and reason != told:
            self.say(_("%(stream)s waits: %(reason)s") % {"stream": backfill.stream, "reason": WAITS[reason]})
        return reason

    def _tell(self, found: Sequence[Backfill]) -> None:
        self.answer([_answer(one) for one in found])
        if not found:
            self.say(_("No backfill is going on."))
        for one in found:
            self.say(f"{one.get_state_display()}: {_progress(one)}")
            if one.error_code:
                for line in error_lines(one.error_code, one.error_params, label_of(one.connection.kind)):
                    self.say(line)


def _exit(backfill: Backfill) -> Exit:
    if backfill.state == Backfill.State.DONE:
        return Exit.SUCCESS
    return exit_of(backfill.error_code) if backfill.state == Backfill.State.FAILED else Exit.PARTIAL


def _progress(backfill: Backfill) -> str:
    facts = {
        "stream": backfill.stream,
        "share": f"{backfill.share:.0%}",
        "reached": exact(backfill.reached),
        "read": number(backfill.read),
    }
    said = _("%(stream)s: %(share)s, read up to %(reached)s, %(read)s rows") % facts
    left = backfill.time_left
    if backfill.state == Backfill.State.RUNNING and left is not None:
        said += ", " + _("about %(time)s left") % {"time": duration(left)}
    return said


def _answer(backfill: Backfill) -> dict[str, Any]:
    return {
        "id": backfill.pk,
        "stream": backfill.stream,
        "state": backfill.state,
        "from": backfill.begin,
        "to": backfill.end,
        "reached": backfill.reached,
        "windows": backfill.windows_done,
        "counts": {name: getattr(backfill, name) for name in ("read", "inserted", "updated")},
        "error": backfill.error_code or None,
    }
