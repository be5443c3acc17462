"""A new user's everyday tasks: with nothing but the keyboard, with scripts switched off, in either language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import expect

from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN, Shop
from tests.browser.conftest import Watched
from tests.browser.hands import Hands, Keyboard, WithoutScripts
from tests.console import PASSWORD, Console, wait_for

Browse = Callable[..., Watched]
Say = Callable[[str], str]
pytestmark = pytest.mark.long  # half a minute each


@pytest.fixture
def vendor() -> Iterator[tuple[Shop, str]]:
    shop = Shop(speed=6)  # faster, and so many orders leave its list meanwhile that a person must decide
    with Sandbox(shop) as sandbox:
        yield shop, sandbox.url


def english(text: str) -> str:
    return text


def portuguese(text: str) -> str:
    """Return a text as the catalogue has it: a person reads it on the page, and tests follow it."""
    with translation.override("pt-br"):
        return gettext(text)


def connect(hands: Hands, say: Say, name: str, url: str) -> None:
    """Make a connection, from the first page."""
    hands.press("link", say("New connection"))
    hands.press("link", say("JSON API (REST)"))
    hands.fill(say("Name"), name)
    hands.fill(say("Base address"), url)
    hands.fill(say("Table prefix"), name.lower())
    hands.choose(say("Sign-in"), say("Bearer token"))
    hands.fill(say("Token"), TOKEN)
    hands.fill(say("Name"), "orders", say("Streams"))
    hands.fill(say("Path"), "orders")
    hands.fill(f"{say('Where the records are')} {say('optional')}", "orders")
    hands.press("button", say("Read a sample"))
    expect(hands.page.get_by_role("textbox", name=f"{say('Column')} 1", exact=True)).to_have_value("id")
    hands.fill(say("Token"), TOKEN)  # what is secret does not come back
    hands.press("button", say("Test and save"))
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


def repair(hands: Hands, say: Say, console: Console, shop: Shop, name: str) -> None:
    """The vendor refuses the token: find out why nothing syncs, and give the new one."""
    shop.token = "the-new-token"
    hands.press("button", say("Sync now"))
    synced(console, name, "failed")
    hands.press("link", say("Overview"))
    card = hands.page.get_by_role("article", name=say("Credentials refused"))
    expect(card).to_contain_text(name)
    expect(card).to_contain_text(say("What to do"))
    hands.press("link", say("Update credentials"))
    hands.fill(say("Token"), shop.token)
    hands.press("button", say("Test and save"))
    expect(hands.page).not_to_have_url(re.compile("/settings/"))  # the form has the same heading
    hands.press("button", say("Sync now"))
    synced(console, name, "succeeded")


def find_changes(hands: Hands, say: Say, console: Console, name: str) -> None:
    """Find what changed yesterday."""
    console.change("UPDATE syncruns_change SET at = datetime(at, '-1 day')")
    hands.press("link", say("Runs"))
    hands.press("link", say("What changed"))
    hands.choose(say("Connection"), name)
    hands.choose(say("Period"), say("Yesterday"))
    hands.press("button", say("Filter"))
    expect(hands.page.get_by_role("table", name=say("New, changed and deleted rows"))).to_contain_text("orders")


def test_tasks_by_keyboard(browse: Browse, live_console: Console, vendor: tuple[Shop, str]) -> None:
    shop, url = vendor
    hands = Keyboard(browse(reduced_motion="reduce").open("/"))
    connect(hands, english, "Keys", url)
    synced(live_console, "Keys", "succeeded")
    repair(hands, english, live_console, shop, "Keys")
    find_changes(hands, english, live_console, "Keys")


def test_tasks_without_scripts(browse: Browse, live_console: Console, vendor: tuple[Shop, str]) -> None:
    shop, url = vendor
    hands = WithoutScripts(browse(java_script_enabled=False).open("/"))
    connect(hands, english, "Plain", url)
    synced(live_console, "Plain", "succeeded")
    repair(hands, english, live_console, shop, "Plain")
    find_changes(hands, english, live_console, "Plain")


def test_tasks_in_portuguese(browse: Browse, live_console: Console, vendor: tuple[Shop, str]) -> None:
    shop, url = vendor
    hands = WithoutScripts(browse(java_script_enabled=False, locale="pt-BR").open("/"))
    connect(hands, portuguese, "Loja", url)
    synced(live_console, "Loja", "succeeded")
    repair(hands, portuguese, live_console, shop, "Loja")
    find_changes(hands, portuguese, live_console, "Loja")


def test_session_that_ends_while_a_form_is_filled_in_loses_nothing(browse: Browse, vendor: tuple[Shop, str]) -> None:
    watched = browse()
    page = watched.open("/connections/new/rest/")
    Keyboard(page).fill("Name", "Kept")
    cookies = [cookie for cookie in page.context.cookies() if cookie["name"] != "sessionid"]  # type: ignore[typeddict-item]
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("main")).to_contain_text("what you typed is kept")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("textbox", name="Name", exact=True).first).to_have_value("Kept")
    # The page was refused, and the browser says so.
    watched.wrong = [line for line in watched.wrong if "403" not in line]
