"""A JSON API connected through the form alone: the real connector, a real server, no JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN, Shop
from tests.web.forms_page import FormPage
from tests.web.test_forms import browser

__all__ = ["browser"]
NEW = "/connections/new/rest/"


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    with Sandbox(Shop()) as sandbox:
        yield sandbox


def typed(client: Client, url: str, token: str = TOKEN) -> FormPage:
    """The form as a person fills it for the shop's orders, before any column is known."""
    page = FormPage(client, NEW)
    if "config:table_prefix" in page.values:
        page.fill(config__table_prefix="shop")
    return page.fill(
        about__name="Shop", config__base_url=url, config__auth="bearer", config__token=token,
        config__streams__0__name="orders", config__streams__0__path="orders", config__streams__0__records="orders",
        config__streams__0__pagination="cursor", config__streams__0__next_cursor="next",
    )  # fmt: skip


def test_sample_then_save_makes_a_connection_that_can_sync(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url).press("suggest:streams:0:columns")
    names = {value for name, value in page.values.items() if name.startswith("config:streams:0:columns:")}
    assert {"id", "total", "updated_at"} <= names
    page.press("save")
    assert page.response.status_code == 302
    connection = Connection.objects.get()
    assert connection.auto_sync
    assert connection.secrets.reveal() == {"token": TOKEN}
    assert TOKEN not in str(connection.config)


def test_place_of_the_records_is_found_and_filled_in_by_a_sample(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url).fill(config__streams__0__records="").press("suggest:streams:0:columns")
    assert page.values["config:streams:0:records"] == "orders"
    assert "The records were found at “orders”" in page.html
    page.press("save")
    assert Connection.objects.get().config["streams"][0]["records"] == "orders"


def test_wrong_token_is_found_by_the_test(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url).press("suggest:streams:0:columns").fill(config__token="wrong-canary").press("save")
    assert "Did not pass" in page.html
    assert "wrong-canary" not in page.html
    assert page.invalid == page.focused == ["config:token"]
    assert not Connection.objects.exists()


def test_server_that_is_not_there_is_said_beside_its_address(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url).press("suggest:streams:0:columns")
    page.fill(config__base_url="http://127.0.0.1:9", config__token="any").press("test")
    assert page.invalid == page.focused == ["config:base_url"]
    assert "Nobody answers there." in page.html


def test_wrong_token_is_explained_when_a_sample_is_asked(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url, token="wrong-canary").press("suggest:streams:0:columns")
    assert 'role="alert"' in page.html
    assert "wrong-canary" not in page.html


@pytest.mark.parametrize("fault", ["html", "truncate"])
def test_answer_that_is_not_json_is_explained(browser: Client, fault: str) -> None:
    with Sandbox(Shop(), faults=fault) as sandbox:
        page = typed(browser, sandbox.url).press("suggest:streams:0:columns")
    assert 'role="alert"' in page.html


def test_server_that_is_not_there_is_explained(browser: Client) -> None:
    page = typed(browser, "http://127.0.0.1:9").press("suggest:streams:0:columns")
    assert 'role="alert"' in page.html
    assert page.values["config:streams:0:path"] == "orders"


def test_error_across_columns_stands_beside_them(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url).press("suggest:streams:0:columns")
    for name in [name for name in page.values if name.endswith(":key")]:
        page.fill(**{name.replace(":", "__"): None})
    page.press("save_off")
    assert 'id="config-streams-0-columns-error"' in page.html
    assert "Mark at least one column as the key" in page.html


def test_refused_private_address_leads_to_the_setting_that_allows_it(
    browser: Client, shop: Sandbox, settings: LazySettings
) -> None:
    page = typed(browser, shop.url).press("suggest:streams:0:columns")
    settings.ALLOW_PRIVATE_ADDRESSES = False
    for pressed in ("suggest:streams:0:columns", "test"):
        page.fill(config__token=TOKEN).press(pressed)
        assert 'href="#config-allow_private_addresses"' in page.html, pressed


def test_stream_is_called_by_its_label(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url).press("add:streams")
    assert '<span class="entry-title">orders</span>' in page.html
    page.fill(config__streams__0__label="Pedidos").press("add:streams")
    assert '<span class="entry-title">Pedidos</span>' in page.html


def test_only_stream_is_folded_while_somebody_changes_the_credentials(browser: Client, shop: Sandbox) -> None:
    page = typed(browser, shop.url)
    assert '<details class="entry" open>' in page.html
    page.press("save")
    assert "There are no columns yet. Read a sample, or add at least one." in page.html
    page.press("suggest:streams:0:columns").press("save_off")
    settings_url = f"/connections/{Connection.objects.get().slug}/settings/"
    assert '<details class="entry" open>' in browser.get(settings_url).content.decode()
    assert '<details class="entry">' in browser.get(f"{settings_url}?field=credentials").content.decode()
