"""A connection as `connections show` prints it. Of secrets only their names and when they were set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.models import Connection
from connections.sdk.declare import Step
from connections.services import SelectedStream
from syncruns.command_line.answers import readable_streams, tables_of
from syncruns.command_line.explained import error_lines
from syncruns.health import DELETE_BRAKE, label_of, next_sync_of
from syncruns.listing import load_row
from syncruns.notices import notices_of
from syncruns.schedule_words import quiet_words
from syncruns.timewords import countdown, exact


def show_lines(connection: Connection) -> Iterator[str]:
    """Yield everything a person may want to know of a connection."""
    row = load_row(connection, timezone.now())
    zone = ZoneInfo(connection.time_zone)
    yield f"{connection.name} ({connection.slug}), {label_of(connection.kind)}"
    yield from connection.description.splitlines()
    yield " ".join(filter(None, (f"{row.health.look.word}.", row.health.sentence)))
    if connection.status_code:
        yield from error_lines(connection.status_code, connection.status_params, label_of(connection.kind))
    elif row.brake is not None:
        yield from error_lines(DELETE_BRAKE, row.brake.params, label_of(connection.kind))
    for notice in notices_of(connection, timezone.now()):
        yield notice.sentence
    yield _("Schedule: %(schedule)s") % {"schedule": schedule_words(connection)}
    yield _("Last sync: %(last)s") % {
        "last": exact(connection.last_sync_at, zone) if connection.last_sync_at else _("never")
    }
    yield _("Next sync: %(next)s") % {"next": next_sync_words(connection)}
    yield _("Settings:")
    for name, value in connection.config.items():
        yield f"  {name} = {_setting_words(value)}"
    for name, at in sorted(connection.secrets_set_at.items()):
        yield f"  {name} = " + _("(secret, set %(when)s)") % {"when": exact(datetime.fromisoformat(at), zone)}
    yield _("Streams:")
    for selected in readable_streams(connection):
        if isinstance(selected.stream, Step):
            continue
        words = _(selected.stream.label)
        if selected.window_minutes:
            words += ", " + _("looks back %(minutes)s min") % {"minutes": selected.window_minutes}
        if selected.first_since:
            since = {"since": exact(selected.first_since, zone)}
            words += ", " + _("first read, since %(since)s") % since
        yield from _part_lines(connection, selected, words)
    steps = [selected for selected in readable_streams(connection) if isinstance(selected.stream, Step)]
    if steps:
        yield _("Steps:")
    for selected in steps:
        yield from _part_lines(connection, selected, _(selected.stream.label))


def _part_lines(connection: Connection, selected: SelectedStream, words: str) -> Iterator[str]:
    mark = "[x]" if selected.enabled else "[ ]"
    yield f"  {mark} {selected.stream.key}: {words}"
    yield f"      {', '.join(tables_of(connection, selected.stream))}"


def schedule_words(connection: Connection) -> str:
    """Return when the connection syncs by itself, in words."""
    zone = connection.time_zone
    match connection.schedule_kind:
        case Connection.ScheduleKind.INTERVAL:
            words = _("every %(minutes)s min") % {"minutes": connection.interval_minutes}
        case Connection.ScheduleKind.DAILY:
            words = _("daily at %(time)s (%(zone)s)") % {"time": f"{connection.daily_at:%H:%M}", "zone": zone}
        case _cron:
            words = _("cron %(cron)s (%(zone)s)") % {"cron": connection.cron, "zone": zone}
    if connection.quiet_hours:
        words += ", " + _("rests %(quiet)s") % {"quiet": quiet_words(connection)}
    return words if connection.auto_sync else words + ", " + _("switched off")


def next_sync_words(connection: Connection) -> str:
    """Return the next slot in the connection's zone, or why there is none."""
    now = timezone.now()
    coming = next_sync_of(connection, now)
    when = (
        f"{exact(coming.at, ZoneInfo(connection.time_zone))}, {countdown(coming.at, now, coming.grace)}"
        if coming.at
        else ""
    )
    return ", ".join(filter(None, (when, coming.words, coming.detail)))


def _setting_words(value: Any) -> str:
    """Return a setting's value on one line; lists of entries, such as streams, as their number."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ngettext("%(count)s entry (shown by --json)", "%(count)s entries (shown by --json)", len(value)) % {
            "count": len(value)
        }
    return json.dumps(value, ensure_ascii=False)
