"""Values as a person types them: read from a posted form, shown from what is stored, and edits on lists of entries.

A value is a text, a truth value, or for `rows` and `columns` a list of dicts of values. In a form each stands under
its path joined by colons: config:streams:0:path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count, takewhile
from typing import Any

from django.http import QueryDict

from connections.sdk.settings import COLUMN_TYPES, Setting
from connections.sdk.text import gettext_noop as _

Path = tuple[str | int, ...]
Values = dict[str, Any]

LISTS = ("rows", "columns")

COLUMN_FIELDS = (
    Setting("path", _("Field"), required=True),
    Setting("name", _("Column"), required=True),
    Setting(
        "type",
        _("Type"),
        "choice",
        default="text",
        choices=tuple(
            zip(
                COLUMN_TYPES,
                (_("Text"), _("Whole number"), _("Decimal"), _("Yes or no"), _("Date"), _("Date and time"), _("JSON")),
                strict=True,
            )
        ),
    ),
    Setting("precision", _("Digits"), "number", default=18, shown_if=("type", ("decimal",))),
    Setting("scale", _("Decimals"), "number", default=6, shown_if=("type", ("decimal",))),
    Setting("key", _("Key"), "boolean"),
    Setting("personal", _("Personal"), "boolean"),
)


def fields_of(setting: Setting) -> tuple[Setting, ...]:
    """Return the settings inside one entry of a list."""
    return COLUMN_FIELDS if setting.type == "columns" else setting.fields


def posted(settings: Sequence[Setting], data: Mapping[str, str], path: Path) -> Values:
    """Return what a posted form says about settings, secrets included."""
    return {setting.name: _posted(setting, data, (*path, setting.name)) for setting in settings}


def shown(settings: Sequence[Setting], values: Mapping[str, Any]) -> Values:
    """Return stored or suggested values as a form shows them; secrets never come back."""
    return {setting.name: _shown(setting, values.get(setting.name)) for setting in settings if not setting.is_secret}


def blank(settings: Sequence[Setting]) -> Values:
    """Return what a form shows before anything was typed: defaults, and one entry where a list needs one."""
    return {setting.name: _blank(setting) for setting in settings if not setting.is_secret}


def find_list(settings: Sequence[Setting], values: Values, path: Path) -> tuple[Setting, list[Values]] | None:
    """Return the list setting at path and its entries in values; None when there is no such list."""
    if not path:
        return None
    setting = next((setting for setting in settings if setting.name == path[0] and setting.type in LISTS), None)
    if setting is None:
        return None
    entries: list[Values] = values[setting.name]
    if len(path) == 1:
        return setting, entries
    number = path[1]
    if not isinstance(number, int) or number >= len(entries):
        return None
    return find_list(fields_of(setting), entries[number], path[2:])


def without_blank_columns(settings: Sequence[Setting], values: Values) -> Values:
    """Return values without the columns in which nothing was typed."""
    kept = dict(values)
    for setting in settings:
        if setting.type == "columns":
            kept[setting.name] = [one for one in values[setting.name] if one["path"].strip() or one["name"].strip()]
        elif setting.type == "rows":
            kept[setting.name] = [without_blank_columns(setting.fields, entry) for entry in values[setting.name]]
    return kept


def without_columns(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """Return settings as they are before a sample was read: without the columns it will suggest."""
    return tuple(
        replace(setting, fields=without_columns(setting.fields)) if setting.type == "rows" else setting
        for setting in settings
        if setting.type != "columns"
    )


def _posted(setting: Setting, data: Mapping[str, str], path: Path) -> Any:
    name = ":".join(map(str, path))
    if setting.type == "boolean":
        return name in data
    if setting.type in LISTS:
        fields = fields_of(setting)
        always = next(field.name for field in fields if field.type not in ("boolean", *LISTS))  # sent even when empty
        there = takewhile(lambda number: f"{name}:{number}:{always}" in data, count())
        return [posted(fields, data, (*path, number)) for number in there]
    if setting.type == "list" and isinstance(data, QueryDict):
        return "\n".join(data.getlist(name))  # a text of many lines, or one box ticked for each
    return data.get(name, "")


def _shown(setting: Setting, value: Any) -> Any:
    if setting.type in LISTS:
        return [shown(fields_of(setting), entry) for entry in value or ()]
    if setting.type == "boolean":
        return bool(value)
    if setting.type == "list" and isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


def _blank(setting: Setting) -> Any:
    if setting.type == "rows" and not setting.default:
        return [blank(setting.fields)] if setting.required else []
    return _shown(setting, setting.default)
