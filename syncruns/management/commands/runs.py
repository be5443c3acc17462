"""`manage.py runs list | show ID`: what ran, what it moved, and what went wrong."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connections.command_line.base import ConsoleCommand, Exit, Refused, add_json, named_connection
from syncruns.command_line.answers import full_run_answer, log_answer, run_answer
from syncruns.command_line.explained import failure_lines
from syncruns.command_line.progress import counts_in_words
from syncruns.events import REASONS, sentence
from syncruns.models import SyncRun
from syncruns.outcomes import LEVEL_LOOKS, look_of_run, look_of_stream
from syncruns.timewords import duration, exact, number


class Command(ConsoleCommand):
    about = gettext_lazy("List runs, or show one with its streams, errors and log.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | show")
        listing = actions.add_parser("list", help=_("the latest runs"))
        listing.add_argument("--connection", metavar="SLUG", help=_("only this connection's"))
        listing.add_argument("--state", choices=[str(state) for state in SyncRun.State], help=_("only in this state"))
        listing.add_argument("--limit", type=int, default=20, metavar="N", help=_("how many at most (20)"))
        add_json(listing)
        showing = actions.add_parser("show", help=_("one run"))
        showing.add_argument("id", metavar="ID", help=_("the run's id, or its first characters"))
        add_json(showing)

    def run(self, options: dict[str, Any]) -> Exit:
        return self._list(options) if options["action"] == "list" else self._show(options)

    def _list(self, options: dict[str, Any]) -> Exit:
        runs = SyncRun.objects.select_related("connection")
        if options["connection"]:
            runs = runs.filter(connection=named_connection(options["connection"]))
        if options["state"]:
            runs = runs.filter(state=options["state"])
        if options["limit"] < 1:
            raise Refused(_("--limit is a number of runs, at least 1."))
        found = list(runs[: options["limit"]])
        self.answer([run_answer(run) for run in found])
        if not found:
            self.say(_("No run yet."))
            return Exit.SUCCESS
        headers = (_("id"), _("connection"), _("state"), _("queued"), _("took"), _("read"), _("new"), _("changed"))
        self.table(
            headers,
            [
                (
                    str(run),
                    run.connection.slug,
                    str(look_of_run(run).word),
                    exact(run.queued_at),
                    duration(run.duration),
                    number(run.read),
                    number(run.inserted),
                    number(run.updated),
                )
                for run in found
            ],
        )
        return Exit.SUCCESS

    def _show(self, options: dict[str, Any]) -> Exit:
        run = _run_called(options["id"])
        self.answer({**full_run_answer(run), "log": [log_answer(entry) for entry in run.logs.all()]})
        self.say(_("Run %(run)s of %(connection)s") % {"run": run.pk, "connection": run.connection.slug})
        self.say(f"{look_of_run(run).word}, {duration(run.duration)}: {counts_in_words(run)}")
        if run.skip_reason:
            self.say(str(REASONS.get(run.skip_reason, run.skip_reason)))
        self.say(f"{run.get_trigger_display()}, {exact(run.queued_at)}")
        for stream in run.streams.all():
            self.say(f"  {_(stream.label)}: {look_of_stream(stream).word}, {counts_in_words(stream)}")
        for line in failure_lines(run):
            self.say(line)
        for entry in run.logs.all():
            times = f" (x{entry.repeats})" if entry.repeats > 1 else ""
            place = f" [{entry.stream}]" if entry.stream else ""
            level = LEVEL_LOOKS[entry.level].word
            self.say(f"{exact(entry.at)} {level}{place} {sentence(entry.event, entry.params)}{times}")
        return Exit.SUCCESS


def _run_called(prefix: str) -> SyncRun:
    """Return the one run whose id begins so. Raises Refused."""
    digits = prefix.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{4,32}", digits):
        raise Refused(_("A run's id is at least its first 4 characters, 0-9 and a-f."), code="unknown_run", name=prefix)
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = list(SyncRun.objects.select_related("connection").filter(pk__gte=first, pk__lte=last)[:6])
    if not found:
        raise Refused(_("There is no run %(name)s.") % {"name": prefix}, code="unknown_run", name=prefix)
    if len(found) > 1:
        ids = [str(run.pk) for run in found]
        text = _("Several runs begin with %(name)s: %(runs)s.") % {"name": prefix, "runs": ", ".join(ids)}
        raise Refused(text, code="ambiguous_run", name=prefix, suggestions=ids)
    return found[0]
