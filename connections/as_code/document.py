"""A connection as the file holds it: what people chose, nothing of what happened, and no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from connections.connectors import connector_class
from connections.models import Connection, StreamSetting
from connections.sdk.errors import SyncError

VERSION = 1
# How the file calls each rhythm -> the kind and the field that holds it.
RHYTHMS = {
    "every_minutes": (Connection.ScheduleKind.INTERVAL, "interval_minutes"),
    "daily_at": (Connection.ScheduleKind.DAILY, "daily_at"),
    "cron": (Connection.ScheduleKind.CRON, "cron"),
}
TIMING = ("time_zone", "jitter_seconds", "quiet_hours", "catch_up")
STREAM_FIELDS = ("enabled", "window_minutes", "page_size", "every_minutes", "first_since")


@dataclass(frozen=True)
class Change:
    """One value that differs. path: "schedule.every_minutes", "settings.streams[0].path"; None: not there."""

    path: str
    before: Any
    after: Any


def document_of(connections: Iterable[Connection]) -> dict[str, Any]:
    """Return the file's whole document, connections in the order of their short names."""
    ordered = sorted(connections, key=lambda connection: connection.slug)
    return {"version": VERSION, "connections": {one.slug: description(one) for one in ordered}}


def description(connection: Connection) -> dict[str, Any]:
    """Return what the file says of one connection; settings in the order in which they are declared."""
    described: dict[str, Any] = {
        "name": connection.name,
        "description": connection.description,
        "kind": connection.kind,
        "auto_sync": connection.auto_sync,
        "tags": list(connection.tags),
        "schedule": _schedule(connection),
        "settings": _settings(connection),
    }
    if connection.secrets_set_at:
        described["secrets"] = {
            name: f"env:{variable(connection.slug, name)}" for name in sorted(connection.secrets_set_at)
        }
    described["streams"] = {setting.stream: _stream(setting) for setting in _stream_settings(connection)}
    return described


def variable(slug: str, name: str) -> str:
    """Return the environment variable that an export names for a secret: LOJA_TOKEN."""
    return re.sub(r"[^A-Z0-9]", "_", f"{slug}_{name}".upper())


def changes(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Yield where two descriptions differ; of a value that is only in one of them, its whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from changes(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and _are_entries(before) and _are_entries(after):
        for number in range(max(len(before), len(after))):
            one, other = (entries[number] if number < len(entries) else None for entries in (before, after))
            yield from changes(one, other, f"{path}[{number}]")
    elif before != after:
        yield Change(path, before, after)


def _are_entries(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _schedule(connection: Connection) -> dict[str, Any]:
    for name, (kind, field) in RHYTHMS.items():
        if connection.schedule_kind == kind:
            value = getattr(connection, field)
            rhythm = {name: f"{value:%H:%M}" if name == "daily_at" else value}
            return rhythm | {field: getattr(connection, field) for field in TIMING}
    return {field: getattr(connection, field) for field in TIMING}


def _settings(connection: Connection) -> dict[str, Any]:
    """Return the settings without those that say nothing: empty ones, and defaults."""
    try:
        declared = {setting.name: setting for setting in connector_class(connection.kind).settings}
    except SyncError:
        return dict(connection.config)
    order = [name for name in declared if name in connection.config]
    order += sorted(name for name in connection.config if name not in declared)
    kept = {}
    for name in order:
        value = connection.config[name]
        is_default = name in declared and value == declared[name].default
        if not is_default and (value not in (None, "", []) or (name in declared and declared[name].default)):
            kept[name] = value
    return kept


def _stream_settings(connection: Connection) -> list[StreamSetting]:
    return sorted(connection.stream_settings.all(), key=lambda setting: setting.stream)


def _stream(setting: StreamSetting) -> dict[str, Any]:
    chosen = {field: getattr(setting, field) for field in STREAM_FIELDS}
    if setting.first_since is not None:
        chosen["first_since"] = setting.first_since.astimezone(UTC).isoformat()
    return {field: value for field, value in chosen.items() if value is not None}
