"""`manage.py warehouse_migrate`: makes the destination tables before the first sync needs them."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connections.command_line.base import ConsoleCommand, Exit, add_json, exit_of, refuse_unknown
from connections.connectors import REGISTRY, connector_class
from connections.defaults import fixed_parts
from connections.destination import table_name
from connections.models import Connection
from connections.sdk.declare import Stream
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.engine.evolution import prepared
from syncruns.engine.warehouse import Evolution, warehouse


class Command(ConsoleCommand):
    about = gettext_lazy(
        "Create the destination tables of every connection, and bring those that stand up to date. May be repeated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--kind",
            action="append",
            dest="kinds",
            metavar="KIND",
            help=_("the tables of this kind too, before there is a connection; may be repeated"),
        )
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        changes: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for of, schema, streams in chain(_of_kinds(options["kinds"] or []), _of_connections(errors)):
            name = of.slug if isinstance(of, Connection) else of
            for stream in streams:
                try:
                    found = _prepared(of, schema, stream)
                except SyncError as error:
                    errors.append({"of": name, "stream": stream.key, "code": error.code, "params": error.params})
                else:
                    changes += [{"of": name, **_change(schema, change)} for change in found]
        self.answer({"changes": changes, "errors": errors})
        for change in changes:
            self.say(_line(change))
        for problem in errors:
            self.say(f"{problem['of']}:")
            self.explain_error(problem["code"], problem["params"])
        if not changes and not errors:
            self.say(_("Every table stands as it is declared."))
        ends = {exit_of(problem["code"]) for problem in errors}
        return Exit.ACTION_NEEDED if Exit.ACTION_NEEDED in ends else Exit.FAILED if ends else Exit.SUCCESS


def _prepared(of: Connection | str, schema: str, stream: Stream) -> list[Evolution]:
    if isinstance(of, Connection):
        return prepared(warehouse(), of, schema, stream)
    return warehouse().prepare(schema, stream.tables)


def _of_kinds(kinds: list[str]) -> Iterator[tuple[Connection | str, str, tuple[Stream, ...]]]:
    known = [connector.kind for connector in REGISTRY]
    for kind in kinds:
        if kind not in known:
            refuse_unknown(_("There is no kind of connection called %s.") % kind, "unknown_kind", kind, known)
        connector = connector_class(kind)
        yield kind, connector.schema, fixed_parts(connector)


def _of_connections(errors: list[dict[str, Any]]) -> Iterator[tuple[Connection | str, str, tuple[Stream, ...]]]:
    for connection in Connection.objects.filter(deletion="").order_by("slug"):
        try:
            schema = connector_class(connection.kind).schema
            yield connection, schema, tuple(selected.stream for selected in streams_of(connection))
        except SyncError as error:
            errors.append({"of": connection.slug, "stream": "", "code": error.code, "params": error.params})


def _change(schema: str, change: Evolution) -> dict[str, Any]:
    told = {"action": change.action, "column": change.column, "before": change.before, "after": change.after}
    return {"table": table_name(schema, change.table), **told}


def _line(change: dict[str, Any]) -> str:
    match change["action"]:
        case "created":
            return _("%(table)s: created") % change
        case "column_added":
            return _("%(table)s: column %(column)s added") % change
        case _:
            return _("%(table)s: column %(column)s widened from %(before)s to %(after)s") % change
