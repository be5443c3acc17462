"""A connection's schedule in words."""

from __future__ import annotations

import re
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from connections.models import Connection
from syncruns import timewords

STEP = re.compile(r"\*/(\d{1,2})")
NUMBER = re.compile(r"\d{1,2}")
HOURS = re.compile(r"(\d{1,2})-(\d{1,2})(?:/(\d{1,2}))?")
WEEKDAYS = re.compile(r"[0-7](?:[-,][0-7])*")
NAMES = (
    pgettext_lazy("inside a sentence", "Sunday"),
    pgettext_lazy("inside a sentence", "Monday"),
    pgettext_lazy("inside a sentence", "Tuesday"),
    pgettext_lazy("inside a sentence", "Wednesday"),
    pgettext_lazy("inside a sentence", "Thursday"),
    pgettext_lazy("inside a sentence", "Friday"),
    pgettext_lazy("inside a sentence", "Saturday"),
)


def rhythm(connection: Connection) -> str:
    """Return "Every 15 min", "Daily at 06:00", or what a cron expression says as far as plain words go."""
    if connection.schedule_kind == Connection.ScheduleKind.INTERVAL:
        return _("Every %(span)s") % {"span": timewords.duration(timedelta(minutes=connection.interval_minutes))}
    if connection.schedule_kind == Connection.ScheduleKind.DAILY:
        return _("Daily at %(time)s") % {"time": f"{connection.daily_at:%H:%M}" if connection.daily_at else "—"}
    return cron_words(connection.cron)


def quiet_words(connection: Connection) -> str:
    """Return "from 22:00 to 06:00"; empty when the schedule never rests."""
    if not connection.quiet_hours:
        return ""
    begin, end = connection.quiet_hours.split("-")
    return pgettext("hours", "from %(begin)s to %(end)s") % {"begin": begin, "end": end}


def cron_words(expression: str) -> str:
    """Return the usual shapes of cron in words; any other as it is written."""
    fields = expression.split()
    as_written = _("By the cron expression %(cron)s") % {"cron": expression}
    if len(fields) != 5 or fields[2:4] != ["*", "*"]:
        return as_written
    minute, hour, _day, _month, weekday = fields
    times, days = _times(minute, hour), _days(weekday)
    if times is None or days is None:
        return as_written
    return _("%(times)s, %(days)s") % {"times": times, "days": days} if days else times


def _times(minute: str, hour: str) -> str | None:
    if NUMBER.fullmatch(minute) and NUMBER.fullmatch(hour):
        return _("At %(time)s") % {"time": f"{int(hour):02d}:{int(minute):02d}"}
    if step := STEP.fullmatch(minute):
        often = ngettext("Every minute", "Every %(count)s minutes", int(step[1])) % {"count": int(step[1])}
    elif minute == "*":
        often = _("Every minute")
    elif NUMBER.fullmatch(minute) and (hour == "*" or HOURS.fullmatch(hour)):
        often = _("Every hour at minute %(minute)s") % {"minute": int(minute)}
    elif NUMBER.fullmatch(minute) and (step := STEP.fullmatch(hour)):
        return ngettext(
            "Every hour at minute %(minute)s", "Every %(count)s hours at minute %(minute)s", int(step[1])
        ) % {"count": int(step[1]), "minute": int(minute)}
    else:
        return None
    if hour == "*":
        return often
    span = HOURS.fullmatch(hour)
    if span is None or span[3]:
        return None
    first, last = f"{int(span[1]):02d}:00", f"{int(span[2]):02d}:59"
    return _("%(often)s from %(first)s to %(last)s") % {"often": often, "first": first, "last": last}


def _days(weekday: str) -> str | None:
    if weekday == "*":
        return ""
    if not WEEKDAYS.fullmatch(weekday):
        return None
    parts = [[str(NAMES[int(day) % 7]) for day in part.split("-")] for part in weekday.split(",")]
    spans = [
        _("%(first)s to %(last)s") % {"first": part[0], "last": part[-1]} if len(part) > 1 else part[0]
        for part in parts
    ]
    return ", ".join(spans)
