"""Connections as a file: the round trip changes nothing, an import says what it changes, and nothing is half done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from connections.as_code.text import NotYaml, read, write
from connections.models import AuditEvent, Connection, StreamSetting
from connections.services import set_auto_sync, set_stream, update_connection
from syncruns.models import SyncRun
from tests.cli.conftest import Result

pytestmark = pytest.mark.django_db
Command = Callable[..., Result]
CANARY = "canary-5ecret-value"


@pytest.fixture
def loja(make_connection: Callable[..., Connection]) -> Connection:
    """A connection in which most fields are not their defaults."""
    columns = [
        {"path": "id", "name": "id", "type": "integer", "key": True},
        {"path": "total", "name": "total", "type": "decimal", "precision": 12, "scale": 2},
    ]
    connection = make_connection(
        name="Loja: nº 1", slug="loja", description="  Vendas: '#1'\n\n- no\tsul", tags=["on", "Vendas"], config={},
        schedule_kind="daily", daily_at="18:30",
    )  # fmt: skip
    values = {
        "base_url": "https://api.example/v1", "table_prefix": "loja", "auth": "bearer", "token": CANARY,
        "streams": [{"name": "orders", "label": "Pedidos", "path": "orders", "columns": columns}],
    }  # fmt: skip
    update_connection(
        connection, values=values, schedule={"catch_up": "none", "jitter_seconds": 7, "quiet_hours": "22:00-06:00"}
    )
    connection = set_auto_sync(connection, True)
    set_stream(
        connection,
        "orders",
        enabled=False,
        page_size=50,
        first_since=datetime(2026, 1, 31, tzinfo=timezone(timedelta(hours=-3))),
    )
    return connection


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Any], str]:
    """Return a function that writes text, or a document as YAML, and returns the file's name."""

    def put(content: Any) -> str:
        path = tmp_path / "connections.yaml"
        path.write_text(content if isinstance(content, str) else write(content))
        return str(path)

    return put


def exported(command: Command, *slugs: str) -> dict[str, Any]:
    document: dict[str, Any] = read(command("connections", "export", *slugs).out)
    return document


def actions(result: Result) -> dict[str, str]:
    return {one["slug"]: one["action"] for one in result.document["connections"]}


def test_export_holds_everything_people_chose_and_no_secret(command: Command, loja: Connection) -> None:
    out = command("connections", "export").out
    assert CANARY not in out
    found = read(out)["connections"]["loja"]
    assert " ".join(found) == "name description kind auto_sync tags schedule settings secrets streams"
    assert found["schedule"] == {
        "daily_at": "18:30", "time_zone": "America/Sao_Paulo", "jitter_seconds": 7, "quiet_hours": "22:00-06:00",
        "catch_up": "none",
    }  # fmt: skip
    assert found["secrets"] == {"token": "env:LOJA_TOKEN"}
    assert found["streams"] == {
        "orders": {"enabled": False, "page_size": 50, "first_since": "2026-01-31T03:00:00+00:00"}
    }
    assert found["settings"]["streams"][0]["columns"][1]["precision"] == 12
    assert command("connections", "export").out == out


def test_round_trip_on_the_same_installation_changes_nothing_and_leaves_no_trace(
    command: Command, loja: Connection, file: Callable[[Any], str]
) -> None:
    Connection.objects.update(status="error", status_code="credentials_refused")
    before, events = list(Connection.objects.values()), AuditEvent.objects.count()
    result = command("connections", "import", file(command("connections", "export").out))
    assert result.code == 0
    assert "= loja (Loja: nº 1): unchanged" in result.out
    assert "secrets.token: stays as it is stored (LOJA_TOKEN is not set)" in result.out
    assert "0 connections changed." in result.out
    assert (list(Connection.objects.values()), AuditEvent.objects.count()) == (before, events)


def test_round_trip_to_an_empty_installation_makes_the_same_connection(
    command: Command, loja: Connection, file: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = command("connections", "export").out
    Connection.objects.all().delete()
    refused = command("connections", "import", file(text))
    assert refused.code == 2 and "loja.secrets.token: Set the environment variable LOJA_TOKEN" in refused.err
    monkeypatch.setenv("LOJA_TOKEN", CANARY)
    result = command("connections", "import", file(text), "--json")
    assert actions(result) == {"loja": "created"}
    assert CANARY not in result.out
    made = Connection.objects.get()
    assert made.secrets.reveal() == {"token": CANARY}
    assert made.next_sync_at is not None
    assert command("connections", "export").out == text
    assert AuditEvent.objects.filter(action="connection.created").last().actor == "cli"  # type: ignore[union-attr]


def test_dry_run_says_what_would_change_and_changes_nothing(
    command: Command, loja: Connection, file: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = exported(command)
    wanted = document["connections"]["loja"]
    wanted["schedule"] = {"every_minutes": 15}
    wanted["description"] = "Two\nlines"
    wanted["settings"]["streams"][0]["columns"][1]["type"] = "text"
    wanted["streams"] = {}
    wanted["secrets"] = {"token": "env:OTHER"}
    document["connections"]["filial"] = {**wanted, "name": "Filial", "auto_sync": False}
    monkeypatch.setenv("OTHER", "other-" + CANARY)
    path = file(document)
    before, events = list(Connection.objects.values()), AuditEvent.objects.count()
    dry = command("connections", "import", path, "--dry-run")
    for told in (
        "~ loja (Loja: nº 1): changed", "description: Vendas: '#1' - no sul -> Two lines",
        "schedule.daily_at: 18:30 -> -", "schedule.every_minutes: - -> 15",
        "settings.streams[0].columns[1].type: decimal -> text", "streams.orders: {", "secrets.token: set",
        "+ filial (Filial): created", "2 connections would change; nothing was changed.",
    ):  # fmt: skip
        assert told in dry.out, told
    assert CANARY not in dry.out
    assert (list(Connection.objects.values()), AuditEvent.objects.count()) == (before, events)
    done = command("connections", "import", str(path))
    assert done.out.replace("2 connections changed.", "") == dry.out.replace(
        "2 connections would change; nothing was changed.", ""
    )
    assert Connection.objects.count() == 2 and not StreamSetting.objects.exists()
    assert "unchanged" in command("connections", "import", str(path)).out


def test_a_setting_that_the_file_leaves_out_is_its_default_and_a_part_left_out_stays(
    command: Command, loja: Connection, file: Callable[[Any], str]
) -> None:
    update_connection(loja, values={"allow_private_addresses": True})
    document = {"version": 1, "connections": {"loja": {"kind": "rest", "settings": dict(loja.config)}}}
    del document["connections"]["loja"]["settings"]["allow_private_addresses"]  # type: ignore[index]
    command("connections", "import", file(document))
    loja.refresh_from_db()
    assert loja.config["allow_private_addresses"] is False
    assert loja.description
    assert (loja.name, loja.auto_sync, f"{loja.daily_at:%H:%M}") == ("Loja: nº 1", True, "18:30")
    assert StreamSetting.objects.get().page_size == 50


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"base_url": "nonsense"}}, "loja.settings.base_url: "),
        ({"settings": {"no_such": 1}}, "loja.settings.no_such: There is no setting called no_such."),
        ({"schedule": {"cron": "0 0 31 2 *"}}, "loja.schedule.cron: No date ever matches"),
        ({"schedule": {"daily_at": "25:00"}}, "loja.schedule.daily_at: "),
        ({"schedule": {"cron": "0 6 * * *", "every_minutes": 5}}, "loja.schedule: Choose one of"),
        ({"schedule": {"time_zone": "Mars/Base"}}, "loja.schedule.time_zone: There is no time zone called Mars/Base."),
        ({"secrets": {"token": CANARY}}, "loja.secrets.token: A file holds no secret; write env:NAME"),
        ({"kind": "no_such"}, "loja.kind: Choose one of: "),
        ({"auto_sync": "yes"}, "loja.auto_sync: This value does not have the expected form."),
        ({"streams": {"no_such": {}}}, "loja.streams.no_such: "),
        ({"streams": {"orders": {"page_size": 0}}}, "loja.streams.orders"),
        ({"frequency": 5}, "loja.frequency: There is no setting called frequency."),
        ({"name": "x" * 101}, "loja.name: Use at most 100 characters."),
        ({"description": "x" * 501}, "loja.description: Use at most 500 characters."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_with_its_place_and_nothing_at_all_is_done(
    command: Command, loja: Connection, file: Callable[[Any], str], change: dict[str, Any], told: str
) -> None:
    document = exported(command)
    document["connections"]["loja"] |= change
    good = {
        **exported(command)["connections"]["loja"],
        "name": "Good",
        "secrets": {},
        "settings": {"base_url": "https://a.example"},
    }
    document["connections"]["a-good-one"] = good | {"streams": {}}
    before = list(Connection.objects.values())
    result = command("connections", "import", file(document))
    assert result.code == 2
    assert told in result.err
    assert CANARY not in result.err + result.out
    assert list(Connection.objects.values()) == before


@pytest.mark.parametrize("text", ["", "connections: []", "a: [", "a: 1\na: 2", "version: 9\nconnections: {}"])
def test_what_is_no_such_file_is_refused(command: Command, db: None, file: Callable[[Any], str], text: str) -> None:
    assert command("connections", "import", file(text)).code == 2


def test_pruning_deletes_what_the_file_does_not_name_and_only_when_asked(
    command: Command, loja: Connection, file: Callable[[Any], str], make_connection: Callable[..., Connection]
) -> None:
    make_connection(slug="old", name="Old")
    make_connection(slug="sample", is_sample=True)
    path = file(command("connections", "export", "loja").out)
    command("connections", "import", str(path))
    assert Connection.objects.filter(deletion="").count() == 3
    assert "- old (Old): deleted; its rows stay" in command("connections", "import", path, "--prune", "--dry-run").out
    assert Connection.objects.filter(deletion="").count() == 3
    assert actions(command("connections", "import", path, "--prune", "--json")) == {
        "loja": "unchanged",
        "old": "deleted",
    }
    assert Connection.objects.get(slug="old").deletion == "keep"
    assert not SyncRun.objects.exists()


def test_export_names_what_it_does_not_know(command: Command, loja: Connection, make_connection: Any) -> None:
    result = command("connections", "export", "loya")
    assert result.code == 2 and "Did you mean loja?" in result.err
    make_connection(slug="sample", is_sample=True)
    assert command("connections", "export", "sample").code == 2
    assert "sample" not in exported(command)["connections"]


def test_yaml_guesses_nothing_from_how_a_text_looks() -> None:
    text = "a: 18:30\nb: no\nc: 010\nd: 2026-12-31\ne: 12\nf: true\ng:\n"
    assert read(text) == {"a": "18:30", "b": "no", "c": "010", "d": "2026-12-31", "e": 12, "f": True, "g": None}
    odd = {"a": ["no", "010", "18:30", "1e3", "~", "", " x ", "a\nb", "a: b", "é", "0x1", "1_000", "=", "<<"]}
    assert read(write(odd)) == odd
    for bad in ("!!python/object:os.system {}", "1: a", "a: 1\nb: {c: 1, c: 2}"):
        with pytest.raises(NotYaml):
            read(bad)


def test_import_turns_a_connection_to_another_source_only_when_told_to(
    command: Command, loja: Connection, file: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Connection.objects.filter(pk=loja.pk).update(first_loaded_at=datetime.now(UTC), starts_over=False)
    document = exported(command, "loja")
    document["connections"]["loja"]["settings"]["base_url"] = "https://other.example/v1"
    monkeypatch.setenv("LOJA_TOKEN", "the-other-one")
    refused = command("connections", "import", file(document), "--json")
    assert refused.code == 2 and refused.document["error"]["code"] == "other_source"
    told = {"settings": ["base_url"], "rows": 0, "tables": 0}
    assert refused.document["error"]["params"] == {"connections": {"loja": told}}
    assert "--start-over" in command("connections", "import", file(document)).err
    done = command("connections", "import", file(document), "--start-over", "loja", "--json")
    assert actions(done) == {"loja": "changed"}
    loja.refresh_from_db()
    assert loja.starts_over and loja.secrets.reveal() == {"token": "the-other-one"}


def test_import_that_leaves_out_what_is_at_its_default_names_no_other_source(
    command: Command, make_connection: Callable[..., Connection], file: Callable[[Any], str]
) -> None:
    connection = make_connection(kind="auvo", slug="campo", config={})
    update_connection(connection, values={"api_key": "k", "api_token": "t"})
    Connection.objects.filter(pk=connection.pk).update(first_loaded_at=datetime.now(UTC), starts_over=False)
    document = exported(command, "campo")
    document["connections"]["campo"]["settings"].pop("api_url", None)
    assert actions(command("connections", "import", file(document), "--json")) == {"campo": "unchanged"}


def test_file_that_cannot_be_read_is_refused_with_the_reason(command: Command, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_bytes(b"\xff\xfe")
    for path, said in [
        (tmp_path / "none.yaml", f"There is no file {tmp_path}/none.yaml."),
        (tmp_path, f"{tmp_path} is a directory; write the path of a file."),
        (broken, f"The file {broken} cannot be read as text."),
    ]:
        done = command("connections", "import", str(path))
        assert (done.code, done.err) == (2, f"{said}\n")
