"""`manage.py connectors`, `connections` and `rotate_keys`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from connections.models import AuditEvent, Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN
from tests.cli.conftest import Result

Command = Callable[..., Result]
CANARY = "canary-5ecret-value"


def test_connectors_answers_kind_label_settings_and_streams(command: Command) -> None:
    found = command("connectors", "--json").document
    rest = next(connector for connector in found if connector["kind"] == "rest")
    assert set(rest) == {"kind", "label", "is_beta", "settings", "streams", "schedule"}
    assert [connector["kind"] for connector in found if connector["is_beta"]] == ["etrac"]
    by_name = {setting["name"]: setting for setting in rest["settings"]}
    assert by_name["token"]["type"] == "secret"
    assert by_name["streams"]["fields"]


def test_connectors_lists_settings_with_their_flags(command: Command) -> None:
    out = command("connectors").out
    assert "--set base_url" in out
    assert "--secret token" in out


def test_added_connection_is_listed_and_shown_without_its_secret(
    db: None, command: Command, loja_flags: list[str]
) -> None:
    added = command("connections", "add", "rest", "Loja", *loja_flags, "--every", "15", "--auto-sync")
    assert added.code == 0
    assert "loja" in added.out
    connection = Connection.objects.get(slug="loja")
    assert connection.secrets.reveal() == {"token": TOKEN}  # the file's line end is not part of it
    assert connection.interval_minutes == 15
    assert connection.next_sync_at is not None
    shown = command("connections", "show", "loja", "--json")
    assert [secret["name"] for secret in shown.document["secrets"]] == ["token"]
    assert [stream["key"] for stream in shown.document["streams"]] == ["products", "customers", "orders"]
    listed = command("connections", "list", "--json")
    assert [(row["slug"], row["health"]) for row in listed.document] == [("loja", "never")]
    everything = added.out + shown.out + listed.out + command("connections", "show", "loja").out
    assert TOKEN not in everything
    assert AuditEvent.objects.get(action="connection.created").actor == "cli"


def test_secret_from_the_environment(
    db: None, command: Command, loja_flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOJA_TOKEN", CANARY)
    flags = [flag for flag in loja_flags if not flag.startswith("--secret")]
    assert command("connections", "add", "rest", "Loja", *flags, "--secret", "token=env:LOJA_TOKEN").code == 0
    assert Connection.objects.get().secrets.reveal() == {"token": CANARY}


@pytest.mark.parametrize(
    "flags",
    [
        ["--secret", f"token={CANARY}"],
        ["--set", f"token={CANARY}"],
        ["--secret", CANARY],
        ["--secret", "token=env:NOT_SET_ANYWHERE"],
        ["--secret", "token=@/nowhere/at/all"],
        ["--secret", "base_url=@/nowhere"],
    ],
)
def test_secret_given_wrongly_is_refused_and_not_repeated(
    db: None, command: Command, loja_flags: list[str], flags: list[str]
) -> None:
    others = [flag for flag in loja_flags if not flag.startswith("--secret")]
    refused = command("connections", "add", "rest", "Loja", *others, *flags)
    assert refused.code == 2
    assert refused.err
    assert CANARY not in refused.out + refused.err
    assert not Connection.objects.exists()


def test_every_wrong_setting_is_named_with_its_path(db: None, command: Command, tmp_path: Path) -> None:
    streams = tmp_path / "streams.json"
    streams.write_text(json.dumps([{"name": "orders", "colour": "red"}]))
    refused = command("connections", "add", "rest", "Loja", "--set=base_url=", f"--set=streams=@{streams}")
    assert refused.code == 2
    assert any(line.startswith("base_url: ") for line in refused.err.splitlines())
    assert any(line.startswith("streams.0.colour: ") for line in refused.err.splitlines())
    document = command(
        "connections", "add", "rest", "Loja", "--set=base_url=", f"--set=streams=@{streams}", "--json"
    ).document
    assert document["error"]["code"] == "settings_invalid"
    assert "streams.0.colour" in {problem["path"] for problem in document["error"]["params"]["problems"]}


def test_list_setting_that_is_not_json_is_refused(db: None, command: Command) -> None:
    refused = command("connections", "add", "rest", "Loja", "--set", "streams=orders", "--json")
    assert (refused.code, refused.document["error"]["code"]) == (2, "not_json")


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--cron", "0 0 31 2 *"], "schedule_never_fires"),
        (["--cron", "now and then"], "config_invalid"),
        (["--daily", "25:00"], "usage"),
        (["--every", "0"], "config_invalid"),
        (["--tz", "Mars/Olympus"], "config_invalid"),
        (["--quiet-hours", "22h"], "config_invalid"),
    ],
)
def test_schedule_that_cannot_work_is_a_usage_error(
    db: None, command: Command, loja_flags: list[str], flags: list[str], code: str
) -> None:
    refused = command("connections", "add", "rest", "Loja", *loja_flags, *flags, "--json")
    assert (refused.code, refused.document["error"]["code"]) == (2, code)
    assert not Connection.objects.exists()


def test_unknown_kind_and_slug_come_with_suggestions(db: None, command: Command, make_connection: Any) -> None:
    make_connection(slug="loja-centro")
    kind = command("connections", "add", "resd", "Loja", "--json")
    assert (kind.code, kind.document["error"]["params"]["suggestions"]) == (2, ["rest"])
    slug = command("connections", "show", "loja-cetro")
    assert slug.code == 2
    assert "loja-centro" in slug.err


def test_set_changes_only_what_is_named(loja: Connection, command: Command) -> None:
    before = loja.config
    changed = command(
        "connections", "set", "loja", "--name", "Loja nova", "--daily", "06:30", "--tz", "America/Manaus",
        "--auto-sync", "--disable-stream", "orders",
    )  # fmt: skip
    assert changed.code == 0
    loja.refresh_from_db()
    assert (loja.name, loja.config, loja.auto_sync) == ("Loja nova", before, True)
    assert (loja.schedule_kind, loja.time_zone, f"{loja.daily_at:%H:%M}") == ("daily", "America/Manaus", "06:30")
    assert loja.secrets.reveal() == {"token": TOKEN}
    assert not loja.stream_settings.get(stream="orders").enabled


def test_set_pauses_until_a_local_moment_and_lifts_it(loja: Connection, command: Command) -> None:
    year = timezone.now().year + 1
    assert command("connections", "set", "loja", "--pause-until", f"02/01/{year}").code == 0
    loja.refresh_from_db()
    assert loja.paused_until == datetime(year, 1, 2, 3, tzinfo=UTC)  # midnight in São Paulo
    assert command("connections", "set", "loja", "--pause-until", "none").code == 0
    loja.refresh_from_db()
    assert loja.paused_until is None


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--pause-until", "2020-01-01"],
        ["--pause-until", "soon"],
        ["--enable-stream", "order"],
        ["--auto-sync", "--cron", "0 0 31 2 *"],
    ],
)
def test_refused_change_changes_nothing(loja: Connection, command: Command, flags: list[str]) -> None:
    assert command("connections", "set", "loja", *flags).code == 2
    unchanged = Connection.objects.get()
    assert (unchanged.updated_at, unchanged.auto_sync) == (loja.updated_at, False)


def test_changed_address_asks_for_the_secret_again(loja: Connection, command: Command) -> None:
    refused = command("connections", "set", "loja", "--set", "base_url=http://127.0.0.1:9")
    assert refused.code == 2
    assert "token: " in refused.err
    loja.refresh_from_db()
    assert loja.secrets.reveal() == {"token": TOKEN}


def test_test_of_a_working_connection_answers_success(loja: Connection, command: Command) -> None:
    tested = command("connections", "test", "loja", "--json")
    assert (tested.code, tested.document["ok"], tested.document["error"]) == (0, True, None)
    assert tested.document["findings"]


def test_test_with_refused_credentials_asks_for_a_person(loja: Connection, shop: Sandbox, command: Command) -> None:
    shop.faults.order("401")
    tested = command("connections", "test", "loja")
    assert tested.code == 4
    assert TOKEN not in tested.out + tested.err


def test_delete_without_a_terminal_needs_its_flags(loja: Connection, command: Command) -> None:
    for flags in ([], ["--yes"], ["--data", "keep"]):
        assert command("connections", "delete", "loja", "--json", *flags).code == 2
    assert Connection.objects.filter(deletion="").exists()


def test_deleted_connection_is_gone(loja: Connection, command: Command) -> None:
    deleted = command("connections", "delete", "loja", "--data", "drop", "--yes", "--json")
    assert (deleted.code, deleted.document["done"]) == (0, True)
    assert not Connection.objects.exists()
    assert AuditEvent.objects.filter(action="connection.deleted", actor="cli").exists()


def test_rotated_keys_make_the_old_one_needless(loja: Connection, command: Command, settings: Any) -> None:
    old, new = settings.CREDENTIAL_KEYS[0], Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [new, old]
    assert command("rotate_keys", "--json").document == {"rotated": 1, "unreadable": []}
    settings.CREDENTIAL_KEYS = [new]
    assert Connection.objects.get().secrets.reveal() == {"token": TOKEN}


def test_credentials_of_a_lost_key_ask_for_a_person(loja: Connection, command: Command, settings: Any) -> None:
    stored = loja.secrets.ciphertext()
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    rotated = command("rotate_keys", "--json")
    assert (rotated.code, rotated.document["unreadable"]) == (4, ["loja"])
    assert Connection.objects.get().secrets.ciphertext() == stored
    assert command("connections", "test", "loja").code == 4


def test_list_of_nothing_says_how_to_begin(db: None, command: Command) -> None:
    assert command("connections", "list", "--json").document == []
    assert "connections add" in command("connections", "list").out


def test_paused_connection_is_listed_with_its_moment(db: None, command: Command, make_connection: Any) -> None:
    make_connection(slug="loja", auto_sync=True, paused_until=timezone.now() + timedelta(days=2))
    assert "Paused" in command("connections", "list").out


def test_set_says_what_is_stored_before_it_turns_a_connection_to_another_source(
    command: Command, loja: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOJA_TOKEN", "another")
    command("sync", "loja")
    flags = ["connections", "set", "loja", "--set=base_url=http://127.0.0.1:9", "--secret=token=env:LOJA_TOKEN"]
    refused = command(*flags)
    assert refused.code == 2 and "base_url names another source" in refused.err and "--start-over" in refused.err
    error = command(*flags, "--json").document["error"]
    told = error["params"]["connections"]["loja"]
    assert error["code"] == "other_source" and told["rows"] > 100 and told["tables"] == 4
    assert Connection.objects.get().is_tied
    done = command(*flags, "--start-over")
    assert done.code == 0 and "The next sync removes it, then reads the one set now." in done.out
    assert Connection.objects.get().starts_over
