"""`connections add --from-env`: what is not given comes from variables, and a wrong one is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from connections import connectors
from connections.models import Connection
from tests.cli.conftest import Result
from tests.web.freight import Freight

pytestmark = pytest.mark.django_db
Command = Callable[..., Result]
SECRET = "s3cret-of-the-environment"
ADD = ("connections", "add", "freight", "Frota")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, Freight))
    for name, value in {
        "FREIGHT_URL": "https://freight.example", "FREIGHT_DB": "prod", "FREIGHT_PASSWORD": SECRET,
        "FREIGHT_CARTEIRA": "6360", "FREIGHT_DAYS": "3", "FREIGHT_INTERVAL": "7",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return monkeypatch


def windows(connection: Connection) -> dict[str, int | None]:
    return dict(connection.stream_settings.values_list("stream", "window_minutes"))


def test_everything_may_come_from_the_environment(command: Command) -> None:
    done = command(*ADD, "--from-env")
    assert (done.code, done.err) == (0, "")
    made = Connection.objects.get()
    assert (made.config["url"], made.config["database"]) == ("https://freight.example", "prod")
    assert made.secrets.reveal() == {"password": SECRET}
    assert (made.schedule_kind, made.interval_minutes) == ("interval", 7)
    assert windows(made) == {"carteira": 6360, "entradas": 4320}
    assert SECRET not in done.out


def test_what_is_given_wins(command: Command) -> None:
    flags = ("--set=database=test", "--window=carteira=90", "--daily=06:30", "--set=url=https://other.example")
    flags += ("--set=password_ends=31/12/2030",)
    assert command(*ADD, "--from-env", *flags).code == 0
    made = Connection.objects.get()
    assert (made.config["url"], made.config["database"]) == ("https://other.example", "test")
    assert made.config["password_ends"] == "2030-12-31"
    assert made.schedule_kind == "daily"
    assert windows(made) == {"carteira": 90, "entradas": 4320}


def test_without_the_flag_the_environment_says_nothing(command: Command) -> None:
    done = command(*ADD, "--set=url=https://freight.example", "--set=database=prod")
    assert (done.code, done.err) == (2, "password: This field is required.\n")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FREIGHT_CARTEIRA", "abc", "FREIGHT_CARTEIRA: Write a number.\n"),
        ("FREIGHT_CARTEIRA", "0", "FREIGHT_CARTEIRA: The smallest value accepted is 1.\n"),
        ("FREIGHT_DAYS", "2.5", "FREIGHT_DAYS: Write a whole number.\n"),
        ("FREIGHT_INTERVAL", "99999999", "FREIGHT_INTERVAL: The largest value accepted is 44640.\n"),
        ("FREIGHT_GAP", "-1", "FREIGHT_GAP: The smallest value accepted is 0.\n"),
    ],
)
def test_a_wrong_variable_is_named_and_nothing_is_made(
    environment: pytest.MonkeyPatch, command: Command, variable: str, value: str, said: str
) -> None:
    environment.setenv(variable, value)
    done = command(*ADD, "--from-env")
    assert (done.code, done.err) == (2, said)
    assert not Connection.objects.exists()


def test_a_wrong_variable_that_is_not_used_is_in_nobodys_way(environment: pytest.MonkeyPatch, command: Command) -> None:
    environment.setenv("FREIGHT_CARTEIRA", "abc")
    assert command(*ADD, "--from-env", "--window=carteira=50").code == 0


def test_the_names_of_variables_are_listed(command: Command) -> None:
    kind = next(one for one in command("connectors", "--json").document if one["kind"] == "freight")
    assert {one["name"]: one["env"] for one in kind["settings"]}["password"] == "FREIGHT_PASSWORD"
    assert [one["window_env"] for one in kind["streams"]] == ["FREIGHT_CARTEIRA", "FREIGHT_DAYS", ""]
    assert kind["schedule"]["every_env"] == "FREIGHT_INTERVAL"
    assert SECRET not in command("connectors").out
    assert "[FREIGHT_PASSWORD]" in command("connectors").out


def test_the_first_syncs_may_begin_at_a_date(command: Command) -> None:
    assert command(*ADD, "--from-env", "--since=01/01/2024").code == 0
    first = Connection.objects.get().stream_settings.get(stream="carteira").first_since
    assert first == datetime(2024, 1, 1, 3, tzinfo=UTC)
    assert command("connections", "add", "freight", "B", "--from-env", "--since=2999-01-01").code == 2


@pytest.mark.parametrize("window", ["carteira", "carteira=abc", "carteira=0", "nothing=5"])
def test_a_window_that_makes_no_sense_is_refused(command: Command, window: str) -> None:
    assert command(*ADD, "--from-env", f"--window={window}").code == 2
    assert not Connection.objects.exists()


def test_a_look_back_can_be_changed_later(command: Command) -> None:
    command(*ADD, "--from-env")
    flags = ("--window=carteira=120", "--window=parceiros=60", "--enable-stream=parceiros")
    assert command("connections", "set", "frota", *flags).code == 0
    made = Connection.objects.get()
    assert windows(made) == {"carteira": 120, "entradas": 4320, "parceiros": 60}
    assert made.stream_settings.get(stream="parceiros").enabled
    assert command("connections", "set", "frota", "--window=carteirra=1").code == 2
