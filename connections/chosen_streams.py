"""What the streams of a new connection do otherwise than their connector declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connections.connectors import connector_class
from connections.models import Connection, StreamSetting
from connections.sdk.settings import Invalid, SettingsInvalid
from connections.sdk.text import gettext_noop as _


def choose_streams(connection: Connection, windows: Mapping[str, int], first_since: datetime | None) -> None:
    """Store what a new connection's streams do otherwise than declared. Raises SettingsInvalid for unknown ones."""
    streams = connector_class(connection.kind).streams(connection.config)
    if unknown := windows.keys() - {stream.key for stream in streams}:
        text = _("There is no stream called %(name)s.")
        raise SettingsInvalid([Invalid(("windows", name), text, {"name": name}) for name in sorted(unknown)])
    StreamSetting.objects.bulk_create(
        StreamSetting(
            connection=connection,
            stream=stream.key,
            enabled=stream.default_enabled,
            window_minutes=windows.get(stream.key),
            first_since=first_since if stream.can_begin_at else None,
        )
        for stream in streams
        if windows.get(stream.key, stream.window_minutes) != stream.window_minutes
        or (first_since is not None and stream.can_begin_at)
    )


def choose_same_streams(connection: Connection, like: Connection) -> None:
    """Switch the streams of a new connection on and off as another's are, with its page sizes and rhythms."""
    known = {part.key for part in connector_class(connection.kind).parts(connection.config)}
    for one in like.stream_settings.filter(stream__in=known):
        same = {"enabled": one.enabled, "page_size": one.page_size, "every_minutes": one.every_minutes}
        StreamSetting.objects.update_or_create(connection=connection, stream=one.stream, defaults=same)
