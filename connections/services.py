"""What people do with connections: create, change, switch, test. Each change is checked first and audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as Account
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from connections import audit
from connections.about import checked_description, checked_name
from connections.chosen_streams import choose_same_streams, choose_streams
from connections.connectors import connector_class
from connections.differences import differences, settings_of
from connections.mixing import other_identity, refuse_mixing, refuse_other_source
from connections.models import Connection, StreamSetting
from connections.schedule import Schedule, zone
from connections.schedule import check as check_schedule
from connections.sdk.connector import Connector
from connections.sdk.declare import Stream
from connections.sdk.errors import SyncError
from connections.sdk.settings import Invalid, SettingsInvalid, check_settings
from connections.sdk.text import gettext_noop as _
from connections.signals import slots_left

User = Account | AnonymousUser | None

SCHEDULE_NAMES = {
    "schedule_kind", "interval_minutes", "daily_at", "cron", "time_zone", "jitter_seconds", "quiet_hours",
    "catch_up",
}  # fmt: skip
SCHEDULE_FIELDS = {field.name: field for field in Connection._meta.fields if field.name in SCHEDULE_NAMES}


@dataclass(frozen=True)
class SelectedStream:
    """A declared stream with what a person chose for it."""

    stream: Stream
    enabled: bool
    window_minutes: int | None
    page_size: int | None
    every_minutes: int | None
    first_since: datetime | None = None


@dataclass(frozen=True)
class Checked:
    """Values split by where they are kept."""

    config: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)


def check_values(kind: str, values: Mapping[str, Any], *, stored_secrets: Sequence[str] = ()) -> Checked:
    """Return values typed and split. Raises SettingsInvalid, or SyncError("config_invalid") for an unknown kind."""
    connector = connector_class(kind)
    checked = check_settings(connector.settings, values, stored_secrets=stored_secrets)
    secret_names = {setting.name for setting in connector.settings if setting.is_secret}
    config = {name: value for name, value in checked.items() if name not in secret_names}
    try:
        connector.streams(config)
    except SyncError as problem:
        path = problem.params.get("path") or (problem.params.get("field", "streams"),)
        text = problem.params.get("text") or _("These settings do not describe a stream that can be read.")
        raise SettingsInvalid([Invalid(tuple(path), text, problem.params)]) from None
    return Checked(config, {name: value for name, value in checked.items() if name in secret_names})


def checked_change(connection: Connection, values: Mapping[str, Any], *, start_over: bool = False) -> Checked:
    """Return config and secrets as they will be once values are saved; nothing is stored.

    start_over: whether they may name another source. Raises SettingsInvalid, also for changes that loaded rows forbid.
    """
    connector = connector_class(connection.kind)
    merged = {**connection.config, **values}
    if connection.is_tied and not start_over:
        refuse_other_source(connection, connector, merged)
    stored = kept_secrets(connection, values)
    checked = check_values(connection.kind, merged, stored_secrets=list(stored))
    if connection.first_loaded_at is not None:
        refuse_mixing(connection, connector, checked.config)
    return Checked(checked.config, {**stored, **checked.secrets})


def kept_secrets(connection: Connection, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the stored secrets that stay once values are saved.

    None when a destination changes, so that nobody can point them at a host of his own.
    """
    merged = {**connection.config, **values}
    for setting in connector_class(connection.kind).settings:
        before = str(connection.config.get(setting.name) or "")
        after = str(merged.get(setting.name) or "").strip() or str(setting.default or "")
        if setting.destination and after != before:
            return {}
    return _readable_secrets(connection)


@transaction.atomic
def create_connection(
    *,
    kind: str,
    name: str,
    description: str = "",
    slug: str = "",
    values: Mapping[str, Any],
    schedule: Mapping[str, Any] | None = None,
    auto_sync: bool = False,
    tags: Sequence[str] = (),
    windows: Mapping[str, int] | None = None,
    first_since: datetime | None = None,
    like: Connection | None = None,
    user: User = None,
    actor: str = "",
) -> Connection:
    """Create a connection. windows: look-back in minutes by stream; first_since (aware): where first reads begin.

    like: a connection of which it reads the same streams.

    Raises SettingsInvalid with every problem, or SyncError for its schedule.
    """
    name = checked_name(name)
    checked = check_values(kind, values)
    connection = Connection(
        kind=kind,
        name=name,
        description=checked_description(description),
        slug=_free_slug(slug or name),
        config=checked.config,
        secrets=checked.secrets,
        tags=list(tags),
    )
    if slug and connection.slug != slug:
        raise SettingsInvalid([Invalid(("slug",), _("Another connection has this short name, or it is not one."))])
    connection.secrets_set_at = {name: timezone.now().isoformat() for name in checked.secrets}
    _apply_schedule(connection, schedule if schedule is not None else default_schedule(kind))
    connection.auto_sync = auto_sync
    _plan_first(connection)
    connection.save()
    choose_streams(connection, windows or {}, first_since)
    if like is not None:
        choose_same_streams(connection, like)
    audit.record("connection.created", user=user, actor=actor, target=connection, kind=kind)
    if auto_sync:
        audit.record("auto_sync.on", user=user, actor=actor, target=connection)
    return connection


@transaction.atomic
def update_connection(
    connection: Connection,
    *,
    name: str | None = None,
    description: str | None = None,
    values: Mapping[str, Any] | None = None,
    schedule: Mapping[str, Any] | None = None,
    tags: Sequence[str] | None = None,
    start_over: bool = False,
    user: User = None,
    actor: str = "",
) -> Connection:
    """Change a connection; what is not given stays, and so does a secret left empty.

    Changing a `destination` setting clears the stored secrets. Changing an `identity` setting has the next run empty
    what is stored; with rows, only if start_over says that a person wants it, else OtherSource is raised. Raises
    SettingsInvalid, or SyncError for the schedule.
    """
    connection = Connection.objects.select_for_update().get(pk=connection.pk)
    before, source = _facts(connection), connection.source_number
    changed: list[str] = []
    if name is not None and (name := checked_name(name)) != connection.name:
        connection.name = name
        changed.append("name")
    if description is not None and (description := checked_description(description)) != connection.description:
        connection.description = description
        changed.append("description")
    if tags is not None and list(tags) != connection.tags:
        connection.tags = list(tags)
        changed.append("tags")
    if values is not None:
        changed += _apply_values(connection, values, start_over)
    if schedule is not None:
        planned = connection.schedule
        _apply_schedule(connection, schedule)
        if any(before[field] != getattr(connection, field) for field in SCHEDULE_FIELDS):
            changed.append("schedule")
        if connection.schedule != planned:
            _plan_first(connection, planned)
    if connection.source_number != source and connection.next_sync_at is not None:
        connection.next_sync_at = timezone.now()
    if changed:
        connection.save()
        changes = differences(before, _facts(connection))
        audit.record(
            "connection.changed", user=user, actor=actor, target=connection, fields=changed, changes=changes
        )  # fmt: skip
        if connection.source_number != source and connection.first_loaded_at is not None:
            audit.record("connection.turned", user=user, actor=actor, target=connection)
    # Whoever saves has looked: what was stopped tries again at once.
    if values is not None and connection.clear_error():
        if connection.next_sync_at is not None:
            connection.next_sync_at = timezone.now()
            connection.save(update_fields=["next_sync_at"])
        audit.record("connection.recovered", user=user, actor=actor, target=connection)
    return connection


@transaction.atomic
def set_auto_sync(connection: Connection, on: bool, *, user: User = None, actor: str = "") -> Connection:
    """Switch automatic syncing; a connection that never ran is due at once."""
    connection = Connection.objects.select_for_update().get(pk=connection.pk)
    if connection.auto_sync == on:
        return connection
    connection.auto_sync = on
    connection.auto_sync_changed_at = timezone.now()
    connection.auto_sync_changed_by = user if isinstance(user, Account) else None
    _plan_first(connection)
    connection.save()
    audit.record("auto_sync.on" if on else "auto_sync.off", user=user, actor=actor, target=connection)
    return connection


@transaction.atomic
def set_paused_until(connection: Connection, until: Any, *, user: User = None, actor: str = "") -> Connection:
    """Let no scheduled run start before until (aware), or lift the pause with None.

    A pause that ends earlier than it was to makes the connection due at its next slot after it.
    """
    connection = Connection.objects.select_for_update().get(pk=connection.pk)
    before, now = connection.paused_until, timezone.now()
    connection.paused_until = until
    planned, blocked = connection.next_sync_at, connection.blocked_until
    is_shorter = before is not None and before > now and (until is None or until < before)
    if is_shorter and planned is not None and planned > now and not (blocked and blocked > now):
        connection.next_sync_at = connection.next_slot(max(until or now, now))
    connection.save(update_fields=["paused_until", "next_sync_at", "updated_at"])
    shown = until.isoformat() if until else None
    audit.record(
        "connection.paused" if until else "connection.resumed", user=user, actor=actor, target=connection, until=shown
    )
    return connection


@transaction.atomic
def set_stream(
    connection: Connection, stream: str, *, user: User = None, actor: str = "", **choices: Any
) -> StreamSetting:
    """Store choices (enabled, window_minutes, page_size, every_minutes) for a stream.

    Raises SyncError("not_found") when the connection has no such stream.
    """
    if stream not in {selected.stream.key for selected in streams_of(connection)}:
        raise SyncError("not_found", stream=stream)
    known = {selected.stream.key: selected for selected in streams_of(connection)}[stream]
    setting, created = StreamSetting.objects.select_for_update().get_or_create(
        connection=connection, stream=stream, defaults={"enabled": known.enabled}
    )
    before = {choice: getattr(setting, choice) for choice in choices}
    for choice, value in choices.items():
        setattr(setting, choice, value)
    setting.full_clean(exclude=["connection"])
    setting.save()
    if connection.status_code == "config_invalid" and connection.clear_error():
        # Such as every stream switched off: the next sync may try again.
        audit.record("connection.recovered", user=user, actor=actor, target=connection)
    changes = differences(before, choices)
    if changes:
        audit.record("stream.changed", user=user, actor=actor, target=connection, stream=stream, changes=changes)
    return setting


def streams_of(connection: Connection) -> list[SelectedStream]:
    """Return the declared streams in reading order, then the steps, with the person's choices.

    Raises SyncError("config_invalid").
    """
    chosen = {setting.stream: setting for setting in connection.stream_settings.all()}
    selected = []
    for stream in connector_class(connection.kind).parts(connection.config):
        setting = chosen.get(stream.key)
        if setting is None:
            selected.append(
                SelectedStream(stream, stream.default_enabled, stream.window_minutes, None, stream.every_minutes)
            )
        else:
            window = setting.window_minutes if setting.window_minutes is not None else stream.window_minutes
            every = setting.every_minutes if setting.every_minutes is not None else stream.every_minutes
            selected.append(
                SelectedStream(stream, setting.enabled, window, setting.page_size, every, setting.first_since)
            )
    return selected


def open_connector(connection: Connection) -> Connector:
    """Return a fresh session of the connection's connector. Raises SyncError (config_invalid, secrets_unreadable)."""
    return connector_class(connection.kind)(connection.config, connection.secrets.reveal())


def allows_private_addresses(config: Mapping[str, Any]) -> bool:
    """Say whether a connection with this config may reach private networks."""
    return bool(django_settings.ALLOW_PRIVATE_ADDRESSES or config.get("allow_private_addresses"))


def default_schedule(kind: str) -> dict[str, Any]:
    """Return the schedule a new connection of the kind starts with, as create_connection takes it."""
    declared = connector_class(kind).default_schedule
    if declared.daily_at:
        hour, minute = map(int, declared.daily_at.split(":"))
        given = (django_settings.DAILY_RUN_HOUR, django_settings.DAILY_RUN_MINUTE)
        hour, minute = (own if told is None else told for own, told in zip((hour, minute), given, strict=True))
        return {"schedule_kind": "daily", "daily_at": f"{hour:02}:{minute:02}"}
    return {"schedule_kind": "interval", "interval_minutes": declared.every_minutes}


def _facts(connection: Connection) -> dict[str, Any]:
    """Everything of a connection whose changes are noted with their values."""
    schedule = {field: getattr(connection, field) for field in SCHEDULE_FIELDS}
    return {
        "name": connection.name,
        "description": connection.description,
        "tags": list(connection.tags),
        **schedule,
        **settings_of(connection.kind, connection.config),
    }


def _free_slug(wanted: str) -> str:
    base = slugify(wanted)[:50] or "connection"
    taken = set(Connection.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    taken.add("new")  # /connections/new/ is the page that adds one
    if base not in taken:
        return base
    return next(slug for number in range(2, len(taken) + 3) if (slug := f"{base}-{number}") not in taken)


def _apply_values(connection: Connection, values: Mapping[str, Any], start_over: bool) -> list[str]:
    """Check and set config and secrets; return the names of what changed."""
    checked = checked_change(connection, values, start_over=start_over)
    if other_identity(connection, connector_class(connection.kind), checked.config):
        connection.turn_to_other_source()
    before, stored = connection.config, _readable_secrets(connection)
    now, times = timezone.now().isoformat(), connection.secrets_set_at
    is_old = {name: stored.get(name) == value for name, value in checked.secrets.items()}
    connection.config = checked.config
    connection.secrets = checked.secrets
    connection.secrets_set_at = {name: times.get(name, now) if old else now for name, old in is_old.items()}
    changed = {name for name in {*before, *checked.config} if before.get(name) != checked.config.get(name)}
    return sorted(changed) + sorted(name for name in {*stored, *checked.secrets} if not is_old.get(name))


def _readable_secrets(connection: Connection) -> dict[str, str]:
    """The stored secrets; none when the key that encrypted them is gone, so that they can be typed again."""
    try:
        return connection.secrets.reveal()
    except SyncError:
        return {}


def _apply_schedule(connection: Connection, schedule: Mapping[str, Any]) -> None:
    for name in schedule:
        if name not in SCHEDULE_FIELDS:
            raise SyncError("config_invalid", field=name)
        try:
            value = SCHEDULE_FIELDS[name].to_python(schedule[name])
        except ValidationError:
            raise SyncError("config_invalid", field=name, value=str(schedule[name])) from None
        setattr(connection, name, value)
    if connection.schedule_kind == Connection.ScheduleKind.INTERVAL:
        if not 1 <= (connection.interval_minutes or 0) <= 60 * 24 * 31:
            raise SyncError("config_invalid", field="interval_minutes", value=connection.interval_minutes)
    elif connection.schedule_kind == Connection.ScheduleKind.DAILY:
        if connection.daily_at is None:
            raise SyncError("config_invalid", field="daily_at", value="")
    elif connection.schedule_kind != Connection.ScheduleKind.CRON:
        raise SyncError("config_invalid", field="schedule_kind", value=connection.schedule_kind)
    zone(connection.time_zone)
    check_schedule(connection.schedule, timezone.now())


def _plan_first(connection: Connection, planned: Schedule | None = None) -> None:
    """Plan the next slot; a connection that never synced is due now. planned: the schedule until now, if another."""
    due, now = connection.next_sync_at, timezone.now()
    if due is not None and due <= now and connection.last_sync_at is not None:
        of = planned or connection.schedule
        slots_left.send(Connection, connection=connection, schedule=of, first=due, now=now)
    connection.plan()
    if connection.next_sync_at is not None and connection.last_sync_at is None:
        connection.next_sync_at = now
