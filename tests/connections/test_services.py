"""Connections are created and changed with every value checked, and each change is audited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from connections.models import AuditEvent, Connection
from connections.sandbox.shop import sample_connection
from connections.sdk.declare import Column, Stream, Table
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid
from connections.services import create_connection, set_auto_sync, set_stream, streams_of, update_connection
from tests.engine.scripted import ScriptedConnector

pytestmark = pytest.mark.django_db

CANARY = "canary-1b2c-segredo"


def create(**changes: Any) -> Connection:
    values = {"base_url": "http://shop.example", "token": CANARY}
    return create_connection(**{"kind": "scripted", "name": "Loja", "values": values, **changes})


def test_creating_splits_secrets_from_settings_and_is_audited(administrator: User) -> None:
    connection = create(user=administrator)
    assert connection.config == {"base_url": "http://shop.example"}
    assert connection.secrets.reveal() == {"token": CANARY}
    event = AuditEvent.objects.get(action="connection.created")
    assert (event.user, event.target_name) == (administrator, "Loja")
    assert CANARY not in str(list(AuditEvent.objects.values()))


def test_short_names_are_made_from_names_and_never_collide() -> None:
    assert [create(name="Loja São João").slug for _number in range(3)] == [
        "loja-sao-joao", "loja-sao-joao-2", "loja-sao-joao-3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": "  "}, ("name",)),
        ({"name": "x" * 101}, ("name",)),
        ({"values": {"nonsense": 1}}, ("nonsense",)),
        ({"slug": "not a slug"}, ("slug",)),
    ],
)
def test_every_problem_names_its_field(changes: dict[str, Any], path: tuple[str, ...]) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        create(**changes)
    assert path in [problem.path for problem in refused.value.problems]
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"schedule_kind": "interval", "interval_minutes": 0}, "interval_minutes"),
        ({"schedule_kind": "interval", "interval_minutes": "soon"}, "interval_minutes"),
        ({"schedule_kind": "daily"}, "daily_at"),
        ({"schedule_kind": "daily", "daily_at": "25:00"}, "daily_at"),
        ({"schedule_kind": "cron", "cron": "0 0 31 2 *"}, "cron"),
        ({"schedule_kind": "weekly"}, "schedule_kind"),
        ({"time_zone": "Nowhere/Here", "schedule_kind": "daily", "daily_at": "01:05"}, "time_zone"),
    ],
)
def test_a_schedule_that_cannot_be_names_its_field(schedule: dict[str, Any], field: str) -> None:
    with pytest.raises(SyncError) as refused:
        create(schedule=schedule)
    assert refused.value.params["field"] == field
    assert not Connection.objects.exists()


def test_an_empty_secret_keeps_the_stored_one() -> None:
    connection = update_connection(create(), values={"base_url": "http://shop.example", "token": ""})
    assert connection.secrets.reveal() == {"token": CANARY}


def test_another_destination_forgets_the_secrets() -> None:
    connection = update_connection(create(), values={"base_url": "http://other.example", "token": ""})
    assert connection.secrets.reveal() == {}
    assert connection.secrets_set_at == {}


def test_the_identity_is_fixed_once_rows_are_loaded() -> None:
    connection = create()
    Connection.objects.filter(pk=connection.pk).update(first_loaded_at=timezone.now())
    with pytest.raises(SettingsInvalid) as refused:
        update_connection(connection, values={"base_url": "http://other.example"})
    assert [problem.path for problem in refused.value.problems] == [("base_url",)]
    update_connection(connection, values={"base_url": f" {connection.config['base_url']} "})


def test_other_source_is_refused_before_its_secrets_are_asked_for() -> None:
    definition = sample_connection("http://127.0.0.1:1")
    connection = create(kind=definition["kind"], values=definition["values"])
    Connection.objects.filter(pk=connection.pk).update(first_loaded_at=timezone.now())
    with pytest.raises(SettingsInvalid) as refused:
        update_connection(connection, values={"base_url": "http://127.0.0.1:2"})
    assert [problem.path for problem in refused.value.problems] == [("base_url",)]


def test_saving_settings_lets_a_stopped_connection_go_on() -> None:
    connection = set_auto_sync(create(), True)
    connection.mark_error(SyncError("credentials_refused"))
    connection = update_connection(connection, values={"token": "new-one"})
    assert connection.status == "active"
    assert connection.next_sync_at is not None


def test_switching_is_audited_once(operator: User) -> None:
    connection = create()
    set_auto_sync(connection, True, user=operator)
    connection = set_auto_sync(connection, True, user=operator)
    assert AuditEvent.objects.filter(action="auto_sync.on").count() == 1
    assert connection.auto_sync_changed_by == operator
    connection = set_auto_sync(connection, False, user=operator)
    assert connection.next_sync_at is None


def test_a_stream_keeps_what_a_person_chose() -> None:
    connection = create()
    set_stream(connection, "items", enabled=False, window_minutes=90)
    chosen = {selected.stream.key: selected for selected in streams_of(connection)}
    assert (chosen["items"].enabled, chosen["items"].window_minutes) == (False, 90)
    assert chosen["orders"].enabled
    with pytest.raises(SyncError):
        set_stream(connection, "nonsense", enabled=True)


def test_a_key_or_a_type_that_loaded_rows_have_cannot_become_another(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = create()
    Connection.objects.filter(pk=connection.pk).update(first_loaded_at=timezone.now())
    before = ScriptedConnector.streams({})
    table = before[0].tables[0]
    other_key = replace(table, key=("id", "name"))
    other_type = replace(table, columns=(*table.columns[:3], Column("changed", "boolean")))
    for changed in (other_key, other_type):

        def streams(config: Any, changed: Table = changed) -> tuple[Stream, ...]:
            return (replace(before[0], tables=(changed,)),) if config["base_url"].endswith("/2") else before

        monkeypatch.setattr(ScriptedConnector, "streams", streams)
        settings = (replace(ScriptedConnector.settings[0], identity=False), *ScriptedConnector.settings[1:])
        monkeypatch.setattr(ScriptedConnector, "settings", settings)
        connection.refresh_from_db()
        with pytest.raises(SettingsInvalid) as refused:
            update_connection(connection, values={"base_url": "http://shop.example/2"})
        assert refused.value.problems[0].path == ("streams", 0, "columns")
