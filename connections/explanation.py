"""What an error says to a person, and how an entry of the catalogue becomes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.dateparse import parse_date
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

Text = str | Promise

COLUMN_TYPES: dict[str, Text] = {
    "text": pgettext_lazy("type of a column", "text"),
    "integer": pgettext_lazy("type of a column", "whole number"),
    "boolean": pgettext_lazy("type of a column", "yes or no"),
    "date": pgettext_lazy("type of a column", "date"),
    "timestamp": pgettext_lazy("type of a column", "date and time"),
    "json": "JSON",
}
DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")

ACTIONS: dict[str, Text] = {
    "edit_credentials": _("Update credentials"),
    "edit_settings": _("Check the settings"),
    "edit_schedule": _("Change the schedule"),
    "choose_streams": _("Choose the streams"),
    "retry": _("Retry now"),
    "stream_off": _("Switch this stream off"),
    "quarantine": _("Review the records"),
    "decide": _("Review the deletions"),
    "open_log": _("Open the log"),
    "reset": _("Reset the stream"),
    "wait": _("Nothing to do"),
}


@dataclass(frozen=True)
class Entry:
    """What a code means. sentence, cause and steps: %(source)s is the connector's label, the rest the error's params.

    action: a key of ACTIONS.
    """

    title: Text
    sentence: Text
    cause: Text
    steps: tuple[Text, ...] = ()
    action: str = "retry"


@dataclass(frozen=True)
class Explanation:
    """One error in the reader's language. action: a key of ACTIONS; action_label: its button."""

    code: str
    title: str
    sentence: str
    cause: str
    steps: list[str]
    action: str

    @property
    def action_label(self) -> str:
        return str(ACTIONS[self.action])


class Params(dict[str, Any]):
    """Params of an error; one that a particular failure did not bring reads as a dash."""

    def __missing__(self, key: str) -> str:
        return "—"


def filled(code: str, entry: Entry, params: Mapping[str, Any] | None, source: str) -> Explanation:
    """Return the entry in the reader's language, with its params."""
    values = Params(source=source or gettext("The source"))
    values.update({name: shown(value) for name, value in (params or {}).items()})
    if "secret" in values:
        values["secret"] = gettext(values["secret"])  # a setting's label
    if "needs" in values:
        values["needs"] = ", ".join(gettext(label) for label in (params or {})["needs"])
    values.update({name: type_words(values[name]) for name in ("before", "after") if name in values})
    if day := parse_date(str((params or {}).get("on", ""))):
        values["on"] = day_words(day)
    return Explanation(
        code=code,
        title=str(entry.title),
        sentence=str(entry.sentence) % values,
        cause=str(entry.cause) % values,
        steps=[str(step) % values for step in entry.steps],
        action=entry.action,
    )


def day_words(day: date) -> str:
    """Return a day as the reader writes it, with its year."""
    return str(date_format(day, pgettext("date format", "M j, Y"), use_l10n=False))


def type_words(spelled: str) -> str:
    """Return a column's type, spelled as the warehouse does, in words; anything else as it is."""
    if found := DECIMAL.fullmatch(spelled):
        return gettext("decimal number (%(digits)s digits, %(decimals)s of them after the point)") % {
            "digits": found[1],
            "decimals": found[2],
        }
    return str(COLUMN_TYPES.get(spelled, spelled))


def shown(value: Any) -> str:
    """Return a parameter as text in the reader's locale."""
    if isinstance(value, bool) or value is None:
        return "—" if value is None else str(value)
    if isinstance(value, int | float):
        return str(number_format(value, use_l10n=True, force_grouping=True))
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return str(value)
