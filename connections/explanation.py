"""What an error says to a person, and how an entry of the catalogue becomes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

Text = str | Promise

ACTIONS: dict[str, Text] = {
    "edit_credentials": _("Update credentials"),
    "edit_settings": _("Check the settings"),
    "edit_schedule": _("Change the schedule"),
    "choose_streams": _("Choose the streams"),
    "retry": _("Retry now"),
    "quarantine": _("See the records"),
    "open_log": _("Open the log"),
    "wait": _("Nothing to do"),
}


@dataclass(frozen=True)
class Entry:
    title: Text
    sentence: Text  # %(source)s is the connector's label, the rest are the error's params
    cause: Text
    steps: tuple[Text, ...] = field(default=())
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
    return Explanation(
        code=code,
        title=str(entry.title),
        sentence=str(entry.sentence) % values,
        cause=str(entry.cause) % values,
        steps=[str(step) % values for step in entry.steps],
        action=entry.action,
    )


def shown(value: Any) -> str:
    """Return a parameter as text in the reader's locale."""
    if isinstance(value, bool) or value is None:
        return "—" if value is None else str(value)
    if isinstance(value, int | float):
        return str(number_format(value, use_l10n=True, force_grouping=True))
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return str(value)
