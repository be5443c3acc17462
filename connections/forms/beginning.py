"""How far back a new connection reads: the look-back of its streams, and where its first reads begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from django.utils import timezone

from connections import schedule
from connections.sdk.settings import Rejected, Setting, check_settings
from connections.sdk.text import gettext_noop as _


def not_to_come(day: str) -> None:
    """Raise Rejected for a date in the future."""
    if date.fromisoformat(day) > timezone.localdate():
        raise Rejected(_("This date lies in the future."))


FIRST = (
    Setting(
        "first_read",
        _("First sync"),
        "choice",
        default="usual",
        choices=(
            ("usual", _("The look-back, or everything")),
            ("since", _("Everything since a date")),
        ),
        help=_("A stream with a look-back reads as far back as in every later sync; one without reads everything."),
    ),
    Setting(
        "since",
        _("Since"),
        "date",
        required=True,
        validate=not_to_come,
        help=_("Later syncs go on from there. Streams that can only be read in full are."),
        shown_if=("first_read", ("since",)),
    ),
)


def first_since(checked: Mapping[str, Any], time_zone: str) -> datetime | None:
    """Return the moment that checked values of FIRST name in the zone; None for the usual first read."""
    if checked["first_read"] != "since":
        return None
    return _midnight(checked["since"], time_zone)


def day_in_zone(typed: str, time_zone: str) -> datetime | None:
    """Return the moment at which a typed day began in the zone; None for nothing. Raises SettingsInvalid."""
    if not typed.strip():
        return None
    day = replace(FIRST[1], shown_if=None)
    return _midnight(check_settings([day], {day.name: typed})[day.name], time_zone)


def _midnight(day: str, time_zone: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), schedule.zone(time_zone))
