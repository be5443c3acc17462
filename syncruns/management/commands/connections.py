"""`manage.py connections`: list, show, add, set, test, delete, export, import; decide on held deletions."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connections import connectors
from connections.audit import COMMAND_LINE
from connections.command_line.base import (
    ConsoleCommand,
    Exit,
    Refused,
    add_json,
    exit_of,
    named_connection,
    refuse_unknown,
    told,
)
from connections.command_line.flags import (
    NEVER,
    Asked,
    add_beginning_flags,
    add_schedule_flags,
    add_settings_flags,
    add_window_flag,
    from_environment,
    given_moment,
    given_schedule,
    given_since,
    given_values,
    given_windows,
)
from connections.mixing import OtherSource
from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.services import (
    create_connection,
    default_schedule,
    set_auto_sync,
    set_stream,
    streams_of,
    update_connection,
)
from connections.trial import try_connection
from syncruns.command_line import as_code, turning
from syncruns.command_line.answers import connection_answer, full_connection_answer
from syncruns.command_line.connection_lines import next_sync_words, show_lines
from syncruns.command_line.deletions import add_deletion_flags, show_or_decide
from syncruns.command_line.explained import error_lines
from syncruns.deletion import delete_connection, finish_deletions
from syncruns.health import label_of
from syncruns.listing import by_attention, load_rows
from syncruns.notices import notices_of
from syncruns.pausing import pause as pause_until
from syncruns.stored import Stored
from syncruns.timewords import exact

ACTIONS = ("list", "show", "add", "set", "test", "deletions", "delete", "export", "import")
FLAG_OF = {"interval_minutes": "--every", "daily_at": "--daily", "cron": "--cron", "quiet_hours": "--quiet-hours"}
MARKS = {"ok": "+", "failed": "x", "warning": "!", "not_checked": "-"}


class Command(ConsoleCommand):
    about = gettext_lazy("List, show, add, change, test, delete, export and import connections; decide on deletions.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar=" | ".join(ACTIONS))
        listing = actions.add_parser("list", help=_("every connection with its health"))
        showing = actions.add_parser("show", help=_("one connection: settings, schedule, streams"))
        adding = actions.add_parser("add", help=_("create a connection"))
        changing = actions.add_parser("set", help=_("change a connection; what is not named stays"))
        testing = actions.add_parser("test", help=_("ask the source whether address and credentials work"))
        deciding = actions.add_parser("deletions", help=_("rows missing at the source that wait for a decision"))
        deleting = actions.add_parser("delete", help=_("delete a connection, with or without its data"))
        exporting = actions.add_parser("export", help=_("write connections as YAML, without secrets"))
        importing = actions.add_parser("import", help=_("create and change connections as a YAML file says"))
        adding.add_argument("kind", help=_("what to connect; manage.py connectors lists the kinds"))
        adding.add_argument("name", help=_("the name people see"))
        adding.add_argument("--slug", default="", help=_("the short name for commands and addresses"))
        for parser_of_one in (showing, changing, testing, deciding, deleting):
            parser_of_one.add_argument("slug", help=_("the connection's short name"))
        changing.add_argument("--name", help=_("the name people see"))
        for parser_with_words in (adding, changing):
            parser_with_words.add_argument("--description", help=_("what it is for, in at most 500 characters"))
        over = _("turn it to another source: the next sync removes its stored rows first")
        changing.add_argument("--start-over", action="store_true", help=over)
        for parser_with_flags in (adding, changing):
            add_settings_flags(parser_with_flags)
            add_schedule_flags(parser_with_flags)
        for parser_with_windows in (adding, changing):
            add_window_flag(parser_with_windows)
        add_beginning_flags(adding)
        adding.add_argument("--auto-sync", action="store_true", help=_("sync by itself from now on"))
        changing.add_argument("--auto-sync", action=BooleanOptionalAction, help=_("sync by itself, or not"))
        changing.add_argument("--pause-until", metavar="MOMENT", help=_("no scheduled sync before; none lifts it"))
        for verb, what in (("enable", _("sync this stream")), ("disable", _("leave this stream out"))):
            changing.add_argument(f"--{verb}-stream", action="append", default=[], metavar="STREAM", help=what)
        add_deletion_flags(deciding)
        deleting.add_argument("--data", choices=["keep", "drop"], help=_("keep the rows it loaded, or drop them"))
        deleting.add_argument("--yes", action="store_true", help=_("do not ask"))
        exporting.add_argument("slugs", nargs="*", metavar="SLUG", help=_("only these; without any, all"))
        importing.add_argument("file", metavar="FILE", help=_("the file; - reads it from standard input"))
        importing.add_argument("--dry-run", action="store_true", help=_("show what would change, and change nothing"))
        over = _("turn this connection to another source: the next sync removes its stored rows first")
        importing.add_argument("--start-over", action="append", default=[], metavar="SLUG", help=over)
        importing.add_argument("--prune", action="store_true", help=_("delete those not in the file; their rows stay"))
        for any_parser in (listing, showing, adding, changing, testing, deciding, deleting, exporting, importing):
            add_json(any_parser)

    def run(self, options: dict[str, Any]) -> Exit:
        actions = {
            "list": self._list,
            "show": self._show,
            "add": self._add,
            "set": self._set,
            "test": self._test,
            "deletions": self._deletions,
            "delete": self._delete,
            "export": self._export,
            "import": self._import,
        }
        return actions[options["action"]](options)

    def _list(self, options: dict[str, Any]) -> Exit:
        rows = by_attention(load_rows(Connection.objects.filter(deletion=""), timezone.now()))
        self.answer([{**connection_answer(row.connection), "health": row.health.state} for row in rows])
        if not rows:
            self.say(_("No connection yet. manage.py connections add creates one."))
            return Exit.SUCCESS
        lines = [
            (
                row.connection.slug,
                row.label,
                str(row.health.look.word),
                exact(row.connection.last_sync_at) if row.connection.last_sync_at else "-",
                next_sync_words(row.connection),
                row.health.sentence,
            )
            for row in rows
        ]
        self.table((_("connection"), _("kind"), _("health"), _("last sync"), _("next sync"), ""), lines)
        return Exit.SUCCESS

    def _show(self, options: dict[str, Any]) -> Exit:
        connection = named_connection(options["slug"])
        self.answer(full_connection_answer(connection))
        for line in show_lines(connection):
            self.say(line)
        return Exit.SUCCESS

    def _add(self, options: dict[str, Any]) -> Exit:
        kinds = [connector.kind for connector in connectors.REGISTRY]
        if options["kind"] not in kinds:
            text = _("There is no connector of the kind %(name)s.") % {"name": options["kind"]}
            refuse_unknown(text, "unknown_kind", options["kind"], kinds)
        asked = Asked(
            given_values(options["kind"], options["settings_given"], options["secrets_given"]),
            given_windows(options["windows_given"]),
            given_schedule(options),
        )
        if options["from_env"]:
            asked = from_environment(options["kind"], asked)
        usual = {} if "schedule_kind" in asked.schedule else default_schedule(options["kind"])
        schedule = {**usual, **asked.schedule}
        since = options["since"]
        zone = schedule.get("time_zone", settings.TIME_ZONE)
        with _schedule_refused():
            connection = create_connection(
                kind=options["kind"],
                name=options["name"],
                description=options["description"] or "",
                slug=options["slug"],
                values=asked.values,
                schedule=schedule,
                auto_sync=options["auto_sync"],
                windows=asked.windows,
                first_since=given_since(since, zone) if since is not None else None,
                actor=COMMAND_LINE,
            )
        self.answer(full_connection_answer(connection))
        self.say(_("Created %(name)s as %(slug)s.") % {"name": connection.name, "slug": connection.slug})
        self.say(_("Next sync: %(next)s") % {"next": next_sync_words(connection)})
        return Exit.SUCCESS

    def _set(self, options: dict[str, Any]) -> Exit:
        connection = named_connection(options["slug"])
        values = given_values(connection.kind, options["settings_given"], options["secrets_given"])
        schedule = given_schedule(options)
        windows = given_windows(options["windows_given"])
        choices: dict[str, dict[str, Any]] = {
            stream: {"window_minutes": windows[stream]} for stream in _known_streams(connection, list(windows))
        }
        for enabled, streams in ((True, options["enable_stream"]), (False, options["disable_stream"])):
            for stream in _known_streams(connection, streams):
                choices[stream] = {**choices.get(stream, {}), "enabled": enabled}
        pause = options["pause_until"]
        until = _pause(pause, connection) if pause is not None else None
        said = options["name"] or options["description"] is not None
        if not (values or schedule or choices or pause or said or options["auto_sync"] is not None):
            raise Refused(_("Say what to change; manage.py connections set --help lists the flags."))
        with _schedule_refused(), transaction.atomic():
            if values or schedule or said:
                connection = _changed(
                    connection,
                    name=options["name"],
                    description=options["description"],
                    values=values or None,
                    schedule=schedule or None,
                    start_over=options["start_over"],
                )
            if options["auto_sync"] is not None:
                connection = set_auto_sync(connection, options["auto_sync"], actor=COMMAND_LINE)
            if pause is not None:
                connection = pause_until(connection, until, actor=COMMAND_LINE)
            for stream, chosen in choices.items():
                set_stream(connection, stream, **chosen, actor=COMMAND_LINE)
        self.answer(full_connection_answer(connection))
        self.say(_("Changed %(name)s.") % {"name": connection.name})
        for notice in notices_of(connection, timezone.now()):
            self.say(notice.sentence)
        self.say(_("Next sync: %(next)s") % {"next": next_sync_words(connection)})
        return Exit.SUCCESS

    def _test(self, options: dict[str, Any]) -> Exit:
        connection = named_connection(options["slug"])
        report = try_connection(connection.kind, connection.config, connection.secrets.reveal())
        error = report.error
        self.answer(
            {
                "ok": report.ok,
                "seconds": report.seconds,
                "findings": [
                    {"label": _(finding.label), "state": finding.state, "message": told(finding)}
                    for finding in report.findings
                ],
                "error": {"code": error.code, "params": error.params} if error else None,
            }
        )
        for finding in report.findings:
            detail = told(finding)
            self.say(f"{MARKS[finding.state]} {_(finding.label)}{': ' if detail else ''}{detail}")
        if error is not None:
            for line in error_lines(error.code, error.params, label_of(connection.kind), in_trial=True):
                self.say(line)
            return exit_of(error.code)
        return Exit.SUCCESS if report.ok else Exit.ACTION_NEEDED

    def _deletions(self, options: dict[str, Any]) -> Exit:
        return show_or_decide(self, options)

    def _delete(self, options: dict[str, Any]) -> Exit:
        connection = named_connection(options["slug"])
        may_ask = sys.stdin.isatty() and not self.as_json
        if not may_ask and not (options["data"] and options["yes"]):
            raise Refused(_("Without a terminal to ask on, say --data keep or --data drop, and --yes."))
        stored = Stored.of(connection)
        rows = stored.rows
        if rows:
            self.say(ngettext("It loaded %(rows)s row.", "It loaded %(rows)s rows.", rows) % {"rows": stored.words})
        data = options["data"] or _asked(_("Keep its rows, or drop them?"), ("keep", "drop"))
        if not options["yes"]:
            _asked(_("Write %(slug)s to delete it:") % {"slug": connection.slug}, (connection.slug,))
        delete_connection(connection, keep_data=data == "keep", actor=COMMAND_LINE)
        finish_deletions()
        is_gone = not Connection.objects.filter(pk=connection.pk).exists()
        self.answer({"slug": connection.slug, "data": data, "rows": rows, "done": is_gone})
        self.say(_("Deleted.") if is_gone else _("It is deleted as soon as its run has stopped."))
        return Exit.SUCCESS

    def _export(self, options: dict[str, Any]) -> Exit:
        text = as_code.exported(options["slugs"])
        self.answer({"yaml": text})
        self.say(text.removesuffix("\n"))
        return Exit.SUCCESS

    def _import(self, options: dict[str, Any]) -> Exit:
        dry_run = options["dry_run"]
        asked = {"prune": options["prune"], "start_over": options["start_over"]}
        applied, pruned = as_code.imported(options["file"], dry_run=dry_run, **asked)
        self.answer(as_code.answer(applied, pruned, dry_run=dry_run))
        for line in as_code.lines(applied, pruned, dry_run=dry_run):
            self.say(line)
        return Exit.SUCCESS


def _changed(connection: Connection, **changes: Any) -> Connection:
    """Change a connection. Raises Refused when it would mix two sources' rows."""
    try:
        return update_connection(connection, actor=COMMAND_LINE, **changes)
    except OtherSource as other:
        raise turning.refused(connection, other) from None


@contextmanager
def _schedule_refused() -> Iterator[None]:
    """Turn a schedule that cannot be read into a refusal that names the flag: nothing has been stored."""
    try:
        yield
    except SyncError as error:
        flag = FLAG_OF.get(str(error.params.get("field")))
        if flag is None:
            raise
        value = error.params.get("value", error.params.get("cron"))
        if error.params.get("reason") == "quiet":
            text = _("%(flag)s “%(value)s” leaves no time at which the schedule could come.")
        elif error.code == "schedule_never_fires":
            text = _("%(flag)s “%(value)s” names no date that ever comes.")
        else:
            text = _("%(flag)s does not accept “%(value)s”.")
        raise Refused(text % {"flag": flag, "value": value}, code=error.code, **error.params) from None


def _known_streams(connection: Connection, names: list[str]) -> list[str]:
    """Return names as they are. Raises Refused for one that the connection does not have."""
    known = [selected.stream.key for selected in streams_of(connection)] if names else []
    for name in names:
        if name not in known:
            text = _("%(connection)s has no stream called %(name)s.") % {"connection": connection.slug, "name": name}
            refuse_unknown(text, "unknown_stream", name, known)
    return names


def _pause(text: str, connection: Connection) -> datetime | None:
    """Return the moment, or None to lift the pause. Raises Refused for one that has passed."""
    if text.lower() in NEVER:
        return None
    until = given_moment(text, connection.time_zone)
    if until <= timezone.now():
        raise Refused(_("--pause-until lies in the past."))
    return until


def _asked(question: str, answers: tuple[str, ...]) -> str:
    """Ask on the terminal. Raises Refused when the answer is another one."""
    reply = input(f"{question} [{'/'.join(answers)}] ").strip()
    if reply not in answers:
        raise Refused(_("Nothing was deleted."), code="not_confirmed")
    return reply
