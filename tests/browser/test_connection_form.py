"""The form of a connection with scripts: in place, in focus, and only the fields that count."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN, Shop
from tests.browser.conftest import Watched

Browse = Callable[..., Watched]
NEW = "/connections/new/rest/"


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    with Sandbox(Shop()) as sandbox:
        yield sandbox


def fill(page: Page, url: str) -> None:
    for name, value in {
        "about:name": "Loja",
        "config:base_url": url,
        "config:table_prefix": "loja",
        "config:streams:0:name": "orders",
        "config:streams:0:path": "orders",
        "config:streams:0:records": "orders",
    }.items():
        page.locator(f"[name='{name}']").fill(value)
    page.locator("[name='config:auth']").select_option("bearer")
    page.locator("[name='config:token']").fill(TOKEN)


def test_fields_that_do_not_count_are_hidden(browse: Browse) -> None:
    page = browse().open(NEW)
    token, user = page.locator("[name='config:token']"), page.locator("[name='config:username']")
    expect(token).to_be_hidden()
    expect(page.locator("[name='schedule:cron']")).to_be_hidden()
    page.locator("[name='config:auth']").select_option("bearer")
    expect(token).to_be_visible()
    expect(user).to_be_hidden()
    page.get_by_role("button", name="Add one more").click()
    expect(page.locator("[name='config:streams:1:name']")).to_be_focused()
    expect(user).to_be_hidden()
    expect(token).to_be_visible()


def test_every_field_is_there_without_scripts(browse: Browse) -> None:
    page = browse(java_script_enabled=False).open(NEW)
    expect(page.locator("[name='config:token']")).to_be_visible()
    expect(page.get_by_text("Only with Sign-in: Bearer token.")).to_be_visible()


def test_sample_and_test_happen_in_place(browse: Browse, shop: Sandbox) -> None:
    page = browse().open(NEW)
    fill(page, shop.url)
    sample = page.get_by_role("button", name="Read a sample")
    sample.click()
    expect(page.locator("[name='config:streams:0:columns:0:path']")).to_have_value("id")
    expect(sample).to_be_focused()
    expect(page.locator("[name='config:token']")).to_have_value("")
    assert TOKEN not in page.content()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    expect(page.locator("#form-lead")).to_have_text("The test passed. Save to keep these settings.")
    assert page.url.endswith(NEW)


def test_what_a_sample_says_is_in_view_on_a_phone(browse: Browse, shop: Sandbox) -> None:
    page = browse(width=390, height=800).open(NEW)
    fill(page, shop.url)
    page.locator("[name='config:streams:0:records']").fill("")
    page.get_by_role("button", name="Read a sample").click()
    expect(page.get_by_text("The records were found at “orders”")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Read a sample")).to_be_in_viewport()


def test_next_times_follow_what_is_typed(browse: Browse) -> None:
    page = browse().open(NEW)
    page.locator("[name='schedule:rhythm']").select_option("cron")
    page.locator("[name='schedule:cron']").fill("0 0 31 2 *")
    expect(page.get_by_text("No date ever matches this expression")).to_be_visible()
    page.locator("[name='schedule:cron']").fill("0 6 * * *")
    expect(page.locator(".next-times time")).to_have_count(5)
