"""What a change of a connection was, for the audit trail: names and values from before and after, never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from connections.about import LONGEST_DESCRIPTION
from connections.connectors import connector_class
from connections.sdk.errors import SyncError

LONGEST = 200
WORDS = {"name": LONGEST, "description": LONGEST_DESCRIPTION}  # what people say of a connection: told as it is

Difference = list[Any]  # [name, before, after], as JSON


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return what differs, by name; of lists and tables only that they differ, with nothing for their values."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        [name, _shown(name, before.get(name)), _shown(name, after.get(name))]
        for name in names
        if before.get(name) != after.get(name)
    ]


def settings_of(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that may be shown: those declared as plain settings."""
    try:
        declared = connector_class(kind).settings
    except SyncError:
        return {}
    return {one.name: config[one.name] for one in declared if not one.is_secret and one.name in config}


def _shown(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, list | dict):
        return ", ".join(value)[:LONGEST] if all(isinstance(item, str) for item in value) else None
    return str(value)[: WORDS[name]] if name in WORDS else _without_credentials(str(value))[:LONGEST]


def _without_credentials(text: str) -> str:
    """Return an address without the user, password and parameters that it may carry; other texts as they are."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
