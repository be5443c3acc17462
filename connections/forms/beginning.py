"""How far back a new connection reads: the look-back of its streams, and where its first reads begin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from django.utils import timezone

from connections import schedule
from connections.sdk.settings import Rejected, Setting
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
            ("usual", _("As every later one: the look-back, or everything")),
            ("since", _("Everything since a date")),
        ),
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
    return datetime.combine(date.fromisoformat(checked["since"]), time(), schedule.zone(time_zone))
