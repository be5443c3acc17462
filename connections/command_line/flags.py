"""Flags that describe a connection: its settings, secrets and schedule, turned into what the services take."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from connections.command_line.base import Refused
from connections.connectors import connector_class
from connections.defaults import LONGEST_WINDOW, environment_of
from connections.schedule import zone
from connections.sdk.errors import SyncError
from connections.sdk.settings import Setting, SettingsInvalid

JSON_TYPES = ("list", "rows", "columns")
NEVER = ("none", "no", "off")


@dataclass(frozen=True)
class Asked:
    """What a new connection shall have: settings and secrets, minutes by stream, schedule fields."""

    values: dict[str, Any] = field(repr=False)
    windows: dict[str, int]
    schedule: dict[str, Any]


def add_settings_flags(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings_given",
        help=_("a setting; lists and tables are JSON, or @FILE with JSON"),
    )
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME=@FILE|env:VARIABLE",
        dest="secrets_given",
        help=_("a secret, read from a file or from the environment; never typed here"),
    )


def add_schedule_flags(parser: ArgumentParser) -> None:
    rhythm = parser.add_mutually_exclusive_group()
    rhythm.add_argument("--every", type=int, metavar="MINUTES", help=_("sync every so many minutes"))
    rhythm.add_argument("--daily", metavar="HH:MM", help=_("sync daily at this time"))
    rhythm.add_argument("--cron", metavar="EXPRESSION", help=_('sync as a cron expression says, e.g. "0 6 * * 1-5"'))
    parser.add_argument("--tz", metavar="ZONE", help=_("time zone of the schedule, e.g. America/Sao_Paulo"))
    parser.add_argument("--quiet-hours", metavar="HH:MM-HH:MM", help=_("hours in which the schedule rests, or none"))


def add_beginning_flags(parser: ArgumentParser) -> None:
    """Give `connections add` its flags about where values come from and how far back is read."""
    parser.add_argument(
        "--from-env",
        action="store_true",
        help=_("take what is not given from the environment; manage.py connectors names the variables"),
    )
    parser.add_argument(
        "--since", metavar="MOMENT", help=_("the first syncs bring what changed since: 2026-12-31, 31/12/2026...")
    )


def add_window_flag(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--window",
        action="append",
        default=[],
        metavar="STREAM=MINUTES",
        dest="windows_given",
        help=_("how far back a stream looks for changes"),
    )


def given_windows(pairs: Sequence[str]) -> dict[str, int]:
    """Return minutes by stream. Raises Refused."""
    windows: dict[str, int] = {}
    for pair in pairs:
        stream, _separator, minutes = pair.partition("=")
        if not (minutes.isascii() and minutes.isdigit() and 1 <= int(minutes) <= LONGEST_WINDOW):
            raise Refused(_("Write --window STREAM=MINUTES with a whole number of minutes, at least 1."))
        windows[stream] = int(minutes)
    return windows


def from_environment(kind: str, given: Asked) -> Asked:
    """Return given completed with what the environment says of new connections of the kind.

    Raises SettingsInvalid that names the variable for a value that cannot be used.
    """
    environment = environment_of(connector_class(kind))
    every = {"every": environment.every} if environment.every and "schedule_kind" not in given.schedule else {}
    taken = {name: one for name, one in environment.settings.items() if name not in given.values}
    windows = {stream: one for stream, one in environment.windows.items() if stream not in given.windows}
    problems = [one.problem for one in (*taken.values(), *windows.values(), *every.values()) if one.problem]
    if problems:
        raise SettingsInvalid(problems)
    schedule = {"schedule_kind": "interval", "interval_minutes": every["every"].value} if every else {}
    return Asked(
        {**given.values, **{name: one.value for name, one in taken.items()}},
        {**given.windows, **{stream: one.value for stream, one in windows.items()}},
        {**given.schedule, **schedule},
    )


def given_values(kind: str, settings_given: Sequence[str], secrets_given: Sequence[str]) -> dict[str, Any]:
    """Return settings and secrets by name, untyped. Raises Refused; a secret's value is never in its text."""
    declared = {setting.name: setting for setting in connector_class(kind).settings}
    values: dict[str, Any] = {}
    for pair in settings_given:
        name, separator, value = pair.partition("=")
        if name in declared and declared[name].is_secret:
            raise Refused(_plain_secret(name), code="plain_secret", name=name)
        if not separator:
            raise Refused(_("Write --set %(name)s=VALUE.") % {"name": name})
        values[name] = _setting_value(declared.get(name), name, value)
    for pair in secrets_given:
        name, separator, source = pair.partition("=")
        if not separator:
            # What was written may be the secret itself, so it is not repeated.
            raise Refused(_("Write --secret NAME=@FILE or --secret NAME=env:VARIABLE."))
        if name in declared and not declared[name].is_secret:
            raise Refused(_("%(name)s is not a secret; give it with --set.") % {"name": name})
        values[name] = _secret_value(name, source)
    return values


def given_schedule(options: dict[str, Any]) -> dict[str, Any]:
    """Return the schedule fields that the flags name, none when no flag was given. Raises Refused."""
    schedule: dict[str, Any] = {}
    if options["every"] is not None:
        schedule = {"schedule_kind": "interval", "interval_minutes": options["every"]}
    elif options["daily"] is not None:
        schedule = {"schedule_kind": "daily", "daily_at": _time(options["daily"]), "jitter_seconds": 0}
    elif options["cron"] is not None:
        schedule = {"schedule_kind": "cron", "cron": options["cron"], "jitter_seconds": 0}
    if options["tz"] is not None:
        schedule["time_zone"] = _zone_name(options["tz"])
    if options["quiet_hours"] is not None:
        schedule["quiet_hours"] = "" if options["quiet_hours"].lower() in NEVER else options["quiet_hours"]
    return schedule


def given_moment(text: str, time_zone: str) -> datetime:
    """Return an ISO date or date-time, or dd/mm/yyyy, as an aware moment of the zone. Raises Refused."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.strptime(text, "%d/%m/%Y")  # noqa: DTZ007 - its zone is set below
        except ValueError:
            raise Refused(
                _("%(text)s is not a moment; write 2026-12-31, 2026-12-31T08:00 or 31/12/2026.") % {"text": text}
            ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone(time_zone))


def given_since(text: str, time_zone: str) -> datetime:
    """Return given_moment's answer. Raises Refused for one that is still to come."""
    since = given_moment(text, time_zone)
    if since > timezone.now():
        raise Refused(_("--since lies in the future."))
    return since


def _setting_value(setting: Setting | None, name: str, value: str) -> Any:
    if setting is None or setting.type not in JSON_TYPES:
        return value
    text = text_of(value[1:]) if value.startswith("@") else value
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as problem:
        raise Refused(
            _("%(name)s must be JSON, or @FILE with JSON: %(problem)s") % {"name": name, "problem": problem},
            code="not_json",
            name=name,
        ) from None


def _secret_value(name: str, source: str) -> str:
    if source.startswith("@"):
        value = text_of(source[1:]).removesuffix("\n").removesuffix("\r")
    elif source.startswith("env:"):
        variable = source.removeprefix("env:")
        if variable not in os.environ:
            raise Refused(
                _("The environment variable %(variable)s is not set.") % {"variable": variable}, variable=variable
            )
        value = os.environ[variable]
    else:
        raise Refused(_plain_secret(name), code="plain_secret", name=name)
    if not value:
        raise Refused(_("The secret %(name)s is empty.") % {"name": name}, name=name)
    return value


def _plain_secret(name: str) -> str:
    return _(
        "%(name)s is a secret. Typed here it would stay in the shell's history and in the list of processes;"
        " write --secret %(name)s=@FILE or --secret %(name)s=env:VARIABLE."
    ) % {"name": name}


def text_of(path: str) -> str:
    """Return what stands in a file. Raises Refused, which says why it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        code, text = "file_not_found", _("There is no file %(path)s.")
    except IsADirectoryError:
        code, text = "file_is_directory", _("%(path)s is a directory; write the path of a file.")
    except PermissionError:
        code, text = "file_forbidden", _("The file %(path)s may not be read by the user who runs this.")
    except (OSError, ValueError):  # not UTF-8 either
        code, text = "file_unreadable", _("The file %(path)s cannot be read as text.")
    raise Refused(text % {"path": path}, code=code, path=path)


def _zone_name(text: str) -> str:
    try:
        zone(text)
    except SyncError as error:
        text = _("There is no time zone %(zone)s; write one like America/Sao_Paulo.") % {"zone": text}
        raise Refused(text, code=error.code, **error.params) from None
    return text


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone yet
    except ValueError:
        raise Refused(_("%(text)s is not a time of day; write HH:MM.") % {"text": text}) from None
