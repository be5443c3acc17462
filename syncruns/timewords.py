"""Moments and durations in words, in the reader's language and zone. Never a negative or absurd time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

UNIT = re.compile(r"(?<=\d) (?=(?:s|min|h)\b)|(?<=\d h) (?=\d\d min\b)|(?<=\d min) (?=\d\d s\b)")
JUST_NOW = timedelta(seconds=5)
LONGEST_RELATIVE = timedelta(days=60)  # beyond it a date says more than "97 days ago"


def duration(span: timedelta | None) -> str:
    """Return "< 1 s", "12 s", "1 min 12 s", "1 h 05 min" or "3 days"; a dash for None."""
    if span is None:
        return "—"
    seconds = max(span.total_seconds(), 0.0)
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 1 or not seconds else "< 1 s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
    if whole < 86_400:
        hours, minutes = divmod(whole // 60, 60)
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    return days(whole // 86_400)


def unbroken(text: str) -> str:
    """Return the text with its durations kept on one line: "7 s" never ends in "7"."""
    return UNIT.sub("\u00a0", text)


def days(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": count}


def coarse(span: timedelta) -> str:
    """Return the span in its largest unit only: "8 s", "3 min", "8 h", "4 days"."""
    seconds = int(max(span.total_seconds(), 0))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h"
    return days(seconds // 86_400)


def fine(span: timedelta) -> str:
    """Return the span in two units, minutes at the finest once it is over one: "40 s", "4 min", "1 h 09 min"."""
    seconds = int(max(span.total_seconds(), 0))
    if seconds < 60:
        return f"{seconds} s"
    if seconds >= 86_400:
        return days(seconds // 86_400)
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def relative(moment: datetime, now: datetime) -> str:
    """Return "3 min ago" or "in 3 min"; a date when it is far away. A clock slightly ahead is "just now"."""
    past = now - moment
    if abs(past) < JUST_NOW:
        return _("just now")
    if abs(past) > LONGEST_RELATIVE:
        return day(moment, now)
    if past > timedelta():
        return _("%(span)s ago") % {"span": coarse(past)}
    return _("in %(span)s") % {"span": fine(-past)}


def countdown(moment: datetime, now: datetime, grace: timedelta = timedelta()) -> str:
    """Return "in 4 min", "due now" (passed, but within grace) or "late by 12 min"."""
    if moment > now:
        return _("in %(span)s") % {"span": fine(moment - now)}
    late = now - moment
    if late <= max(grace, timedelta(seconds=59)):
        return _("due now")
    return _("late by %(span)s") % {"span": fine(late)}


def day(moment: datetime, now: datetime) -> str:
    """Return "today", "yesterday", "tomorrow" or the date, with its year only when it is another."""
    local, today = timezone.localtime(moment).date(), timezone.localtime(now).date()
    named = {0: _("today"), 1: _("tomorrow"), -1: _("yesterday")}.get((local - today).days)
    return named or date(moment, now)


def date(moment: datetime, now: datetime) -> str:
    """Return the date, with its year only when it is another."""
    local = timezone.localtime(moment).date()
    if local.year == timezone.localtime(now).year:
        return date_format(local, pgettext("date format without the year", "M j"), use_l10n=False)
    return date_format(local, pgettext("date format", "M j, Y"), use_l10n=False)


def clock(moment: datetime, now: datetime) -> str:
    """Return "14:41" for today, "tomorrow, 06:00" or "20/11, 06:00" for other days."""
    time = f"{timezone.localtime(moment):%H:%M}"
    if timezone.localtime(moment).date() == timezone.localtime(now).date():
        return time
    return _("%(day)s, %(time)s") % {"day": day(moment, now), "time": time}


def since(moment: datetime, now: datetime) -> str:
    """Return "14:05" for today, else the day alone: what follows "since"."""
    if timezone.localtime(moment).date() == timezone.localtime(now).date():
        return clock(moment, now)
    return day(moment, now)


def exact(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return the moment to the second, with its offset from UTC."""
    return f"{stamp(moment, zone)} ({offset(timezone.localtime(moment, zone))})"


def stamp(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return the moment to the second."""
    local = timezone.localtime(moment, zone)
    return date_format(local, pgettext("date and time format", "M j, Y H:i:s"), use_l10n=False)


def offset(local: datetime) -> str:
    """Return "UTC", "UTC−03:00", "UTC+05:30"."""
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    if not minutes:
        return "UTC"
    return f"UTC{'−' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def zone_name(zone: tzinfo | None = None) -> str:
    """Return the zone as people call it: "Brasília time", or "Europe/Lisbon time"."""
    zone = zone or timezone.get_current_timezone()
    if zone is UTC:
        return "UTC"
    if str(zone) == "America/Sao_Paulo":
        return _("Brasília time")
    return _("%(zone)s time") % {"zone": str(zone).replace("_", " ")}


def number(value: int) -> str:
    """Return a count in the reader's locale, thousands grouped."""
    return number_format(value, use_l10n=True, force_grouping=True)


def percent(value: int) -> str:
    """Return the share as both languages write it."""
    return f"{number(value)}%"
