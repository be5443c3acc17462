"""Secrets that end on a date their connection knows: how long they still hold, and what a refusal then means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from connections.connectors import connector_class
from connections.models import Connection
from connections.schedule import zone
from connections.sdk.errors import SyncError
from connections.sdk.settings import Setting

WARNED_DAYS = 14


@dataclass(frozen=True)
class Ending:
    """A secret that ends on a date. days: until then, negative once it has passed."""

    secret: Setting
    on: date
    days: int


def endings(connection: Connection, now: datetime) -> list[Ending]:
    """Return the connection's secrets that end within two weeks or have ended, the most urgent first."""
    try:
        today = now.astimezone(zone(connection.time_zone)).date()
        found = _endings(connection.kind, connection.config, connection.secrets_set_at, today)
    except SyncError:
        return []  # what is wrong with its kind or zone is told elsewhere
    return sorted((ending for ending in found if ending.days <= WARNED_DAYS), key=lambda ending: ending.on)


def explained(error: SyncError, kind: str, config: Mapping[str, Any], secrets: Collection[str]) -> SyncError:
    """Return the error, or credentials_expired when the source refused and the date of a secret has passed."""
    if error.code != "credentials_refused":
        return error
    ended = [ending for ending in _endings(kind, config, secrets, timezone.localdate()) if ending.days < 0]
    if not ended:
        return error
    last = max(ended, key=lambda ending: ending.on)
    params = {**error.params, "reason": "date", "secret": last.secret.label, "on": last.on.isoformat()}
    return SyncError("credentials_expired", detail=error.detail, **params)


def _endings(kind: str, config: Mapping[str, Any], secrets: Collection[str], today: date) -> list[Ending]:
    settings = {setting.name: setting for setting in connector_class(kind).settings}
    found = []
    for setting in settings.values():
        if setting.expires in secrets and config.get(setting.name):
            on = date.fromisoformat(config[setting.name])
            found.append(Ending(settings[setting.expires], on, (on - today).days))
    return found
