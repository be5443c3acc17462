"""A new user's everyday tasks, done with nothing but the keyboard, and with scripts switched off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN, Shop
from tests.browser.conftest import Watched
from tests.browser.hands import Hands, Keyboard, WithoutScripts
from tests.console import Console, wait_for

Browse = Callable[..., Watched]
pytestmark = pytest.mark.long  # half a minute each


@pytest.fixture
def vendor() -> Iterator[tuple[Shop, str]]:
    shop = Shop(speed=6)  # faster, and so many orders leave its list meanwhile that a person must decide
    with Sandbox(shop) as sandbox:
        yield shop, sandbox.url


def connect(hands: Hands, name: str, url: str) -> None:
    """Make a connection, from the first page."""
    hands.press("link", "New connection")
    hands.press("link", "JSON API (REST)")
    hands.fill("Name", name)
    hands.fill("Base address", url)
    hands.fill("Table prefix", name.lower())
    hands.choose("Sign-in", "Bearer token")
    hands.fill("Token", TOKEN)
    hands.fill("Name", "orders", "Streams")
    hands.fill("Path", "orders")
    hands.fill("Where the records are optional", "orders")
    hands.press("button", "Read a sample")
    expect(hands.page.get_by_role("textbox", name="Column 1", exact=True)).to_have_value("id")
    hands.fill("Token", TOKEN)  # what is secret does not come back
    hands.press("button", "Test and save")
    expect(hands.page.get_by_role("heading", level=1)).to_have_text(name)


def synced(console: Console, name: str, state: str) -> None:
    """Wait until the connection's newest run is in a state."""
    runs = f"""SELECT state FROM syncruns_syncrun WHERE connection_id =
        (SELECT id FROM connections_connection WHERE name = '{name}') AND state != 'skipped'
        ORDER BY queued_at DESC LIMIT 1"""
    try:
        wait_for(lambda: console.query(runs) == [(state,)])
    except AssertionError as error:
        every = console.query("SELECT queued_at, state, trigger, error_code FROM syncruns_syncrun ORDER BY queued_at")
        raise AssertionError(f"no run of {name} is {state}: {every}") from error


def repair(hands: Hands, console: Console, shop: Shop, name: str) -> None:
    """The vendor refuses the token: find out why nothing syncs, and give the new one."""
    shop.token = "the-new-token"
    hands.press("button", "Sync now")
    synced(console, name, "failed")
    hands.press("link", "Overview")
    card = hands.page.get_by_role("article", name="Credentials refused")
    expect(card).to_contain_text(name)
    expect(card).to_contain_text("What to do")
    hands.press("link", "Update credentials")
    hands.fill("Token", shop.token)
    hands.press("button", "Test and save")
    expect(hands.page).not_to_have_url(re.compile("/settings/"))  # the form has the same heading
    hands.press("button", "Sync now")
    synced(console, name, "succeeded")


def find_changes(hands: Hands, console: Console, name: str) -> None:
    """Find what changed yesterday."""
    console.change("UPDATE syncruns_change SET at = datetime(at, '-1 day')")
    hands.press("link", "Runs")
    hands.press("link", "What changed")
    hands.choose("Connection", name)
    hands.choose("Period", "Yesterday")
    hands.press("button", "Filter")
    expect(hands.page.get_by_role("table", name="New, changed and deleted rows")).to_contain_text("orders")


def test_tasks_by_keyboard(browse: Browse, live_console: Console, vendor: tuple[Shop, str]) -> None:
    shop, url = vendor
    hands = Keyboard(browse(reduced_motion="reduce").open("/"))
    connect(hands, "Keys", url)
    synced(live_console, "Keys", "succeeded")
    repair(hands, live_console, shop, "Keys")
    find_changes(hands, live_console, "Keys")


def test_tasks_without_scripts(browse: Browse, live_console: Console, vendor: tuple[Shop, str]) -> None:
    shop, url = vendor
    hands = WithoutScripts(browse(java_script_enabled=False).open("/"))
    connect(hands, "Plain", url)
    synced(live_console, "Plain", "succeeded")
    repair(hands, live_console, shop, "Plain")
    find_changes(hands, live_console, "Plain")
