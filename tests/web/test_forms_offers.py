"""What a form takes from elsewhere: defaults from the environment, and choices that the source itself offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections import connectors
from connections.models import Connection
from connections.sdk.errors import SyncError
from tests.web.forms_page import FormPage
from tests.web.freight import Freight

NEW = "/connections/new/freight/"
SECRET = "s3cret-of-the-environment"


@pytest.fixture(autouse=True)
def freight(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Freight]]:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, Freight))
    Freight.asked, Freight.error = [], None
    Freight.offers = {"database": [("prod", "prod"), ("test", "test")], "companies": [("1", "Matriz"), ("3", "Filial")]}
    yield Freight


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets variables, all of them sensible unless said otherwise."""

    def give(**variables: str) -> None:
        sensible = {
            "FREIGHT_URL": "https://freight.example", "FREIGHT_DB": "prod", "FREIGHT_PASSWORD": SECRET,
            "FREIGHT_COMPANIES": "1, 3", "FREIGHT_CARTEIRA": "6360", "FREIGHT_DAYS": "3", "FREIGHT_INTERVAL": "7",
        }  # fmt: skip
        for name, value in {**sensible, **variables}.items():
            monkeypatch.setenv(name, value)

    return give


@pytest.fixture
def browser(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def filled(client: Client) -> FormPage:
    page = FormPage(client, NEW)
    return page.fill(about__name="Frota", config__url="https://freight.example", config__password="typed")


# Defaults from the environment


def test_a_new_form_shows_what_the_environment_gives_and_from_where(
    browser: Client, given: Callable[..., None]
) -> None:
    given()
    page = FormPage(browser, NEW)
    assert page.values["config:url"] == "https://freight.example"
    assert page.values["config:companies"] == "1\n3"
    assert page.values["windows:carteira"] == "6360"
    assert page.values["windows:entradas"] == str(3 * 24 * 60)
    assert (page.values["schedule:rhythm"], page.values["schedule:interval_minutes"]) == ("other", "7")
    for name in ("FREIGHT_URL", "FREIGHT_DB", "FREIGHT_COMPANIES", "FREIGHT_CARTEIRA", "FREIGHT_DAYS"):
        assert f"From {name} in the environment." in page.html
    assert page.html.count("From FREIGHT_INTERVAL in the environment.") == 1
    assert "Set from FREIGHT_PASSWORD in the environment." in page.html
    assert SECRET not in page.html
    page.fill(config__url="https://other.example").press("preview")
    assert "From FREIGHT_URL" not in page.html


def test_what_stays_as_given_becomes_the_new_connections_own(browser: Client, given: Callable[..., None]) -> None:
    given()
    FormPage(browser, NEW).fill(about__name="Frota").press("save")
    assert Freight.asked[-1][2] == {"password": SECRET}
    made = Connection.objects.get()
    assert made.config["companies"] == ["1", "3"]
    assert made.secrets.reveal() == {"password": SECRET}
    assert made.interval_minutes == 7
    windows = dict(made.stream_settings.values_list("stream", "window_minutes"))
    assert windows == {"carteira": 6360, "entradas": 4320}


def test_a_wrong_variable_is_named_beside_its_field_and_stops_nothing(
    browser: Client, given: Callable[..., None]
) -> None:
    given(FREIGHT_CARTEIRA="abc", FREIGHT_GAP="-1", FREIGHT_INTERVAL="0.5")
    page = FormPage(browser, NEW)
    assert page.invalid == ["config:gap", "windows:carteira", "schedule:rhythm"]
    assert "FREIGHT_CARTEIRA in the environment cannot be used. Write a number." in page.html
    assert page.values["windows:carteira"] == "40"
    page.fill(about__name="Frota").press("save")
    assert page.response.status_code == 302
    assert dict(Connection.objects.get().stream_settings.values_list("stream", "window_minutes")) == {"entradas": 4320}


def test_the_environments_password_goes_to_the_environments_address_only(
    browser: Client, given: Callable[..., None]
) -> None:
    given()
    page = FormPage(browser, NEW).fill(about__name="Frota", config__url="https://mine.example")
    page.press("test")
    assert page.invalid == ["config:password"]
    assert "FREIGHT_PASSWORD in the environment belongs to another address" in page.html
    page.press("offer:companies")
    assert Freight.asked == []


def test_a_password_without_an_address_in_the_environment_is_not_used(
    browser: Client, given: Callable[..., None]
) -> None:
    given(FREIGHT_URL="")
    page = FormPage(browser, NEW).fill(about__name="Frota", config__url="https://mine.example").press("save")
    assert page.invalid == ["config:password"]


def test_a_typed_password_wins_and_editing_takes_nothing_from_the_environment(
    browser: Client, given: Callable[..., None]
) -> None:
    given()
    FormPage(browser, NEW).fill(about__name="Frota", config__password="typed").press("save")
    made = Connection.objects.get()
    assert made.secrets.reveal() == {"password": "typed"}
    page = FormPage(browser, f"/connections/{made.slug}/settings/")
    assert "in the environment" not in page.html
    assert not [name for name in page.values if name.startswith(("windows:", "first:"))]


# What the source offers


def test_the_server_is_asked_with_what_is_typed_and_what_was_typed_stays(browser: Client) -> None:
    page = filled(browser).fill(config__gap="many", about__slug="frota").press("offer:database")
    assert Freight.asked == [
        (
            "database",
            {
                "url": "https://freight.example", "database": "", "user": "", "password_ends": "", "companies": [],
                "gap": None,
            },
            {"password": "typed"},
        )
    ]  # fmt: skip
    assert (page.values["config:gap"], page.values["about:slug"], page.values["config:database"]) == (
        "many",
        "frota",
        "",
    )
    assert page.controls["config:database"]["list"] == "config-database-offers"
    assert '<option value="prod">' in page.html
    assert page.focused == ["config:database"]


def test_the_only_thing_offered_is_filled_in(browser: Client) -> None:
    Freight.offers["database"] = [("prod", "prod")]
    page = filled(browser).press("offer:database")
    assert page.values["config:database"] == "prod"


def test_offers_for_a_list_become_boxes_that_stay_when_the_form_comes_back(browser: Client) -> None:
    page = filled(browser).fill(config__database="prod", config__companies="3\n9").press("offer:companies")
    assert Freight.asked[-1][2] == {"password": "typed"}
    assert "Matriz" in page.html
    assert "not offered by the source" in page.html  # the 9, which stays ticked
    typed = {**page.values, "config:companies": ["1", "3"]}
    again = browser.post(NEW, {**typed, "test": "1"}).content.decode()
    assert again.count('name="config:companies"') == 2
    assert "Filial" in again
    assert browser.post(NEW, {**typed, "save": "1"}).status_code == 302
    assert Connection.objects.get().config["companies"] == ["1", "3"]


def test_without_what_asking_needs_the_fields_say_so_and_nobody_is_asked(browser: Client) -> None:
    page = FormPage(browser, NEW).fill(config__url="https://freight.example").press("offer:companies")
    assert page.invalid == ["config:database", "config:password"]
    assert page.html.index('id="config-database-error"') < page.html.index('name="offer:database"'), "beside its field"
    assert Freight.asked == []


def test_a_server_that_does_not_answer_is_told_beside_the_field(browser: Client) -> None:
    Freight.error = SyncError("connection_failed", host="freight.example", reason="refused")
    page = filled(browser).press("offer:database")
    assert "Nobody answers there" in page.html
    assert page.values["about:name"] == "Frota"


def test_a_server_that_offers_nothing_leaves_the_field_to_be_typed(browser: Client) -> None:
    Freight.offers["companies"] = []
    page = filled(browser).fill(config__database="prod").press("offer:companies")
    assert "names nothing to choose from" in page.html
    assert page.controls["config:companies"]["rows"] == "4"


def test_who_may_not_test_may_not_ask(viewer: User, signed_in: Callable[[User], Client]) -> None:
    assert signed_in(viewer).post(NEW, {"offer:database": "1"}).status_code == 403


def test_offers_that_were_not_made_here_are_dropped(browser: Client) -> None:
    page = filled(browser)
    page.values["offers:database"] = '[["<b>", 1, 2], "x"]'
    page.press("preview")
    assert "&lt;b&gt;" not in page.html


# How far back


def test_the_first_sync_may_begin_at_a_date(browser: Client) -> None:
    page = filled(browser).fill(config__database="prod", first__first_read="since", first__since="2024-01-01")
    page.press("save_off")
    choices = Connection.objects.get().stream_settings.values_list("stream", "first_since")
    midnight = datetime(2024, 1, 1, 3, tzinfo=UTC)  # in São Paulo
    assert dict(choices) == {"carteira": midnight, "entradas": midnight}


@pytest.mark.parametrize("day", ["", "2999-01-01", "soon"])
def test_a_date_that_makes_no_sense_is_told_beside_it(browser: Client, day: str) -> None:
    page = filled(browser).fill(config__database="prod", first__first_read="since", first__since=day).press("save_off")
    assert page.invalid == ["first:since"]
    assert not Connection.objects.exists()


def test_the_usual_look_back_needs_no_setting_of_its_own(browser: Client) -> None:
    page = filled(browser).fill(config__database="prod", windows__carteira="", windows__entradas="10080")
    page.press("save_off")
    assert not Connection.objects.get().stream_settings.exists()
