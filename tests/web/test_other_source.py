"""The settings of a connection with rows name another source: what the form says, and the two ways it offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connections import connectors
from connections.models import Connection
from connections.services import create_connection
from syncruns.stored import Stored
from tests.web.forms_page import FormPage
from tests.web.freight import Freight

SETTINGS = "/connections/freight/settings/"
CANARY = "canary-5ecret-value"


@pytest.fixture(autouse=True)
def freight(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, Freight))
    stored = Stored({"carteira": 1200, "entradas": 34})
    monkeypatch.setattr(Stored, "of", lambda connection: stored)
    values = {"url": "https://a.example", "database": "north", "user": "ana", "password": CANARY, "gap": 5}
    connection = create_connection(kind="freight", name="Freight", values=values)
    Connection.objects.update(first_loaded_at=timezone.now())
    yield connection


@pytest.fixture
def browser(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def test_form_says_in_numbers_what_is_stored_and_saves_nothing_unchosen(browser: Client, freight: Connection) -> None:
    assert "Another source" not in FormPage(browser, SETTINGS).html
    page = FormPage(browser, SETTINGS).fill(config__database="south").press("save")
    assert "<strong>1,234 rows</strong>" in page.html and "in 2 tables." in page.html
    assert "<code>north</code> → <code>south</code>" in page.html
    assert "Nothing was saved. Choose one of the two, then save." in page.html
    assert page.invalid == ["config:database", "start_over"]
    page.fill(config__url="https://b.example").press("test")  # of what is typed: nobody need choose for that
    assert page.invalid == ["config:password"] and "Another source" in page.html
    freight.refresh_from_db()
    assert freight.config["database"] == "north" and freight.is_tied


def test_starting_over_is_saved_once_it_is_chosen(browser: Client, freight: Connection) -> None:
    page = FormPage(browser, SETTINGS).fill(config__url="https://b.example").press("save")
    page.fill(start_over="on").press("save")
    assert page.invalid == ["config:password"]  # the stored one belongs to the other address
    assert page.values["start_over"] == "on"
    page.fill(config__password="other").press("save")
    assert page.response.status_code == 302
    freight.refresh_from_db()
    assert freight.config["url"] == "https://b.example" and freight.starts_over
    shown = browser.get("/connections/freight/").content.decode()
    assert "The next sync removes the earlier source" in shown
    assert "What is stored was loaded from another source." in shown
    again = FormPage(browser, SETTINGS).fill(config__database="south").press("save")
    assert again.response.status_code == 302


def test_new_connection_begins_with_what_was_typed_and_without_stored_secrets(
    browser: Client, freight: Connection
) -> None:
    page = FormPage(browser, SETTINGS).fill(config__database="south", config__gap="7").press("save")
    page.url = "/connections/new/freight/?from=freight"
    page.press("copy")
    assert page.values["about:name"] == "Freight (copy)"
    assert (page.values["config:url"], page.values["config:database"]) == ("https://a.example", "south")
    assert page.values["config:gap"] == "7" and page.values["config:password"] == ""
    assert CANARY not in page.html and "Another source" not in page.html and page.invalid == []
    page.press("save")
    assert page.invalid == ["config:password"]
    page.fill(config__password="other").press("save")
    made = Connection.objects.exclude(pk=freight.pk).get()
    assert made.config["database"] == "south" and made.secrets.reveal() == {"password": "other"}
    freight.refresh_from_db()
    assert freight.config["database"] == "north" and freight.secrets.reveal() == {"password": CANARY}


def test_secret_typed_for_the_new_source_goes_along_into_the_new_connection(browser: Client) -> None:
    page = FormPage(browser, SETTINGS).fill(config__url="https://b.example", config__password="typed-now").press("save")
    page.url = "/connections/new/freight/?from=freight"
    page.press("copy")
    assert "typed-now" not in page.html
    assert page.press("save").response.status_code == 302
    assert Connection.objects.get(slug="freight-copy").secrets.reveal() == {"password": "typed-now"}
