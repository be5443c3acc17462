"""`connections deletions SLUG`: shows deletions that wait for a person, and takes the decision."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.audit import COMMAND_LINE
from connections.command_line.base import ConsoleCommand, Exit, Refused, named_connection, refuse_unknown
from connections.models import Connection
from syncruns import decisions
from syncruns.decisions import State
from syncruns.models import DeleteBrake, MissedRow
from syncruns.timewords import number

ALL = "all"
SHOWN = 20  # rows per table for people; --json lists all


def add_deletion_flags(parser: ArgumentParser) -> None:
    """Give the action its flags."""
    parser.add_argument("--table", help=_("only this table"))
    what = parser.add_mutually_exclusive_group()
    for verb, words in (
        ("delete", _("delete the rows with these numbers, or all")),
        ("keep", _("keep the rows with these numbers, or all")),
    ):
        what.add_argument(f"--{verb}", nargs="+", metavar="NUMBER", help=words)


def show_or_decide(command: ConsoleCommand, options: dict[str, Any]) -> Exit:
    """Show what waits, or decide as the flags say; what is approved goes at once unless a run is active."""
    connection = named_connection(options["slug"])
    brakes = _brakes(connection, options["table"])
    if options["delete"] is None and options["keep"] is None:
        command.answer({"slug": connection.slug, "waiting": [_answer(brake) for brake in brakes]})
        _show(command, connection, brakes)
        return Exit.SUCCESS
    wanted = options["delete"] or options["keep"]
    state = State.APPROVED if options["delete"] is not None else State.KEPT
    chosen = None if wanted == [ALL] else _numbers(wanted, brakes)
    decided = sum(decisions.decide(brake, state, chosen=chosen, actor=COMMAND_LINE) for brake in brakes)
    deleted = decisions.carry_out_of(connection)
    left = MissedRow.objects.filter(connection=connection, state=State.APPROVED).count()
    command.answer({"slug": connection.slug, "decided": decided, "deleted": deleted, "waiting_for_run": left})
    if not decided:
        command.say(_("No deletion waits for a decision."))
    elif state == State.KEPT:
        command.say(ngettext("Kept %(count)s row.", "Kept %(count)s rows.", decided) % {"count": number(decided)})
    elif left:
        command.say(_("They are deleted as soon as the active run has ended."))
    else:
        text = ngettext(
            "Deleted %(count)s row, the rows that belong to it included.",
            "Deleted %(count)s rows, those that belong to them included.",
            deleted,
        )
        command.say(text % {"count": number(deleted)})
    return Exit.SUCCESS


def _brakes(connection: Connection, table: str | None) -> list[DeleteBrake]:
    """Return what holds deletions of the connection. Raises Refused for a table that holds none."""
    brakes = list(DeleteBrake.objects.filter(connection=connection).select_related("connection"))
    if table is None:
        return brakes
    found = [brake for brake in brakes if brake.table == table]
    if not found:
        text = _("No deletion of a table called %(name)s waits.") % {"name": table}
        refuse_unknown(text, "unknown_table", table, [brake.table for brake in brakes])
    return found


def _numbers(wanted: Sequence[str], brakes: Sequence[DeleteBrake]) -> list[int]:
    """Return the numbers. Raises Refused, before anything is decided, for one that no waiting row has."""
    waiting = {str(pk) for brake in brakes for pk in decisions.held(brake).values_list("pk", flat=True)}
    for text in wanted:
        if text not in waiting:
            raise Refused(
                _("No waiting row has the number %(number)s.") % {"number": text}, code="unknown_row", row=text
            )
    return [int(text) for text in wanted]


def _answer(brake: DeleteBrake) -> dict[str, Any]:
    columns = [column.name for column in decisions.shown_columns(brake)]
    rows = decisions.rows_shown(brake, list(decisions.held(brake)))
    return {
        "stream": brake.stream,
        "table": brake.table,
        "missing": brake.missing,
        "total": brake.total,
        "since": brake.pulled_at,
        "rows": [
            {"number": row.pk, "missing_since": row.missed_at, "values": dict(zip(columns, row.values, strict=False))}
            for row in rows
        ],
    }


def _show(command: ConsoleCommand, connection: Connection, brakes: Sequence[DeleteBrake]) -> None:
    if not brakes:
        command.say(_("No deletion waits for a decision."))
    for brake in brakes:
        facts = {"missing": number(brake.missing), "total": number(brake.total), "table": brake.table}
        command.say(_("%(table)s: %(missing)s of %(total)s rows are missing at the source.") % facts)
        columns = [column.name for column in decisions.shown_columns(brake)]
        rows = decisions.rows_shown(brake, list(decisions.held(brake)[:SHOWN]))
        lines = [(str(row.pk), *("-" if value is None else str(value) for value in row.values)) for row in rows]
        width = 1 + len(columns)
        command.table((_("number"), *columns), [(*line, *[""] * (width - len(line))) for line in lines])
        if brake.missing > len(rows):
            command.say(_("... and %(count)s more (--json lists all)") % {"count": number(brake.missing - len(rows))})
    if brakes:
        command.say(_("Decide with --delete all, --keep all, or the numbers of rows."))
