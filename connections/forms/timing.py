"""The schedule part of the form: usual rhythms, or any number of minutes, a time of day, a cron expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.utils import timezone

from connections import schedule
from connections.forms.entries import Values, shown
from connections.models.connection import LONGEST_INTERVAL, Connection
from connections.sdk.errors import SyncError
from connections.sdk.settings import Invalid, Setting
from connections.sdk.text import gettext_noop as _

USUAL = {
    "5": _("Every 5 minutes"),
    "10": _("Every 10 minutes"),
    "15": _("Every 15 minutes"),
    "30": _("Every 30 minutes"),
    "60": _("Every hour"),
    "120": _("Every 2 hours"),
    "360": _("Every 6 hours"),
    "720": _("Every 12 hours"),
}
PREVIEWED = 5
LONGEST_SPREAD = 3600

SCHEDULE = (
    Setting(
        "rhythm",
        _("Sync"),
        "choice",
        default="30",
        choices=(
            *USUAL.items(),
            ("other", _("Every so many minutes")),
            ("daily", _("Every day, at a set time")),
            ("cron", _("Cron expression")),
        ),
    ),
    Setting(
        "interval_minutes",
        _("Minutes between two syncs"),
        "number",
        required=True,
        minimum=1,
        maximum=LONGEST_INTERVAL,
        shown_if=("rhythm", ("other",)),
    ),
    Setting(
        "daily_at",
        _("At"),
        required=True,
        pattern=r"([01]?\d|2[0-3]):[0-5]\d",
        pattern_help=_("Write a time of day such as 06:30."),
        placeholder="06:30",
        shown_if=("rhythm", ("daily",)),
    ),
    Setting(
        "cron",
        _("Cron expression"),
        required=True,
        pattern=r".{1,100}",
        pattern_help=_("Use at most 100 characters."),
        placeholder="0 6 * * 1-5",
        help=_("Minute, hour, day of the month, month, day of the week."),
        shown_if=("rhythm", ("cron",)),
    ),
    Setting("time_zone", _("Time zone"), required=True, default=django_settings.TIME_ZONE),
)
SCHEDULE_MORE = (
    Setting(
        "jitter_seconds",
        _("Spread (seconds)"),
        "number",
        default=0,
        minimum=0,
        maximum=LONGEST_SPREAD,
        help=_("Moves each time back by up to this long, so that many connections do not start together."),
    ),
    Setting(
        "quiet_hours",
        _("Quiet hours"),
        pattern=r"\s*([01]?\d|2[0-3]):[0-5]\d\s*[-–]\s*([01]?\d|2[0-3]):[0-5]\d\s*",
        pattern_help=_("Write two times of day, such as 22:00-06:00."),
        placeholder="22:00-06:00",
        help=_("No time of the schedule falls between these two times of day. Empty: it never rests."),
    ),
    Setting(
        "catch_up",
        _("Times missed while Sincro was off"),
        "choice",
        default=str(Connection.CatchUp.ONE.value),
        choices=(("one", _("Run once for everything missed")), ("none", _("Wait for the next time"))),
    ),
)
ALL = (*SCHEDULE, *SCHEDULE_MORE)
COMMON = ("time_zone", "jitter_seconds", "quiet_hours", "catch_up")  # to all rhythms


def typed(fields: Mapping[str, Any]) -> Values:
    """Return the form's values for a schedule given as services take it; what is missing is a default."""
    minutes = str(fields.get("interval_minutes") or "30")
    kind = fields.get("schedule_kind", "interval")
    rhythm = kind if kind != "interval" else minutes if minutes in USUAL else "other"
    at = fields.get("daily_at") or ""
    defaults = {setting.name: setting.default for setting in ALL}
    return shown(
        ALL,
        {
            **defaults,
            **{name: fields[name] for name in ("cron", *COMMON) if name in fields},
            "rhythm": rhythm,
            "interval_minutes": minutes,
            "daily_at": at if isinstance(at, str) else at.strftime("%H:%M"),
        },
    )


def as_service_takes_it(checked: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked values of ALL as create_connection and update_connection take a schedule."""
    rhythm = checked["rhythm"]
    common = {name: checked[name] for name in COMMON}
    if common["quiet_hours"]:
        ends = re.split("[-–]", common["quiet_hours"])
        common["quiet_hours"] = "-".join(end.strip().zfill(5) for end in ends)
    if rhythm == "daily":
        return {**common, "schedule_kind": "daily", "daily_at": checked["daily_at"].zfill(5)}
    if rhythm == "cron":
        return {**common, "schedule_kind": "cron", "cron": " ".join(checked["cron"].split())}
    minutes = checked["interval_minutes"] if rhythm == "other" else int(rhythm)
    return {**common, "schedule_kind": "interval", "interval_minutes": minutes}


def next_times(fields: Mapping[str, Any]) -> list[datetime]:
    """Return the next slots of a schedule as services take it, in its zone. Raises SyncError when there are none.

    The spread is left out: it depends on a connection that may not exist yet.
    """
    at = fields.get("daily_at")
    wanted = schedule.Schedule(
        kind=fields["schedule_kind"],
        interval_minutes=fields.get("interval_minutes", 30),
        daily_at=datetime.strptime(at, "%H:%M").time() if at else None,  # noqa: DTZ007 - a time of day has no zone
        cron=fields.get("cron", ""),
        time_zone=fields["time_zone"],
        quiet_hours=fields.get("quiet_hours", ""),
    )
    zone: ZoneInfo = schedule.zone(wanted.time_zone)
    schedule.check(wanted, timezone.now())
    return [slot.astimezone(zone) for slot in schedule.upcoming(wanted, timezone.now(), PREVIEWED)]


def problem(error: SyncError) -> Invalid:
    """Return what a schedule's error says beside its field."""
    if error.params.get("field") == "quiet_hours":
        if error.code == "schedule_never_fires":
            return Invalid(("quiet_hours",), _("All times of the schedule fall into these hours: it would never sync."))
        return Invalid(("quiet_hours",), _("Write two times of day, such as 22:00-06:00."))
    if error.code == "schedule_never_fires":
        return Invalid(("cron",), _("No date ever matches this expression, so the connection would never sync."))
    if error.params.get("field") == "time_zone":
        unknown = {"value": error.params.get("value")}
        return Invalid(("time_zone",), _("There is no time zone called %(value)s."), unknown)
    if error.params.get("field") == "cron":
        return Invalid(("cron",), _("Write five parts with spaces between them, such as 0 6 * * 1-5 (weekdays at 6)."))
    return Invalid((str(error.params.get("field", "rhythm")),), _("This value cannot be used."))
