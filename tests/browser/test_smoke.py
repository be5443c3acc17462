"""The main buttons do what they say, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Watched
from tests.console import Console, wait_for

Browse = Callable[..., Watched]


def test_auto_sync_switch_acts_at_once_and_undoes(browse: Browse, live_console: Console) -> None:
    page = browse().open("/connections/")
    switch = page.get_by_role("switch").first
    state = "SELECT auto_sync FROM connections_connection"
    assert live_console.query(state) == [(1,)]
    switch.click()
    wait_for(lambda: live_console.query(state) == [(0,)])
    page.get_by_role("button", name="Undo").click()
    wait_for(lambda: live_console.query(state) == [(1,)])
    expect(page.get_by_role("switch").first).to_be_checked()
    expect(page.get_by_role("switch").first).to_be_focused()


def test_filters_and_switches_act_in_place_keep_the_focus_and_say_what_they_did(
    browse: Browse, live_console: Console
) -> None:
    page = browse().open("/connections/")
    page.evaluate("window.isSamePage = true")
    announced = page.locator("#announcement")
    health = page.get_by_role("combobox", name="Health")
    health.focus()
    page.keyboard.press("ArrowDown")  # passes over what is not meant
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("health=[a-z]+"))
    expect(announced).to_have_text(re.compile("^List updated; rows shown: [0-9]+$"))
    expect(health).to_be_focused()
    page.go_back()
    expect(page).not_to_have_url(re.compile("health="))
    expect(health).to_have_value("")
    slug = live_console.query("SELECT slug FROM connections_connection")[0][0]
    page.goto(f"{live_console.url}/connections/{slug}/schedule/")
    page.evaluate("window.isSamePage = true")
    switch = page.locator(".auto-sync [role=switch]")
    for word in ("off", "on"):
        switch.press("Space")
        expect(page.locator("#toasts")).to_contain_text(f"is {word}.")
        expect(switch).to_be_focused()
    expect(page).to_have_url(re.compile("/schedule/$"))
    assert page.evaluate("window.isSamePage")
    assert live_console.query("SELECT auto_sync FROM connections_connection") == [(1,)]


def test_escape_closes_what_is_open_and_gives_the_focus_back(browse: Browse) -> None:
    page = browse().open("/connections/")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search connections, tables, runs and pages")
    expect(search).to_be_focused()
    page.keyboard.type("run")
    found = page.locator("#search-found a").first
    expect(found).to_be_visible()
    found.focus()
    page.keyboard.press("Escape")
    expect(found).to_have_count(0)
    expect(search).to_be_focused()
    menu = page.locator("summary[id^=menu-]").first
    menu.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("link", name="Duplicate…")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()


def test_sync_now_leads_to_a_run_that_ends_by_itself_on_the_page(browse: Browse, live_console: Console) -> None:
    watched = browse()
    page = watched.open("/connections/")
    before = live_console.query("SELECT count(*) FROM syncruns_syncrun")[0][0]
    page.get_by_role("button", name="Sync now").first.click()
    wait_for(lambda: live_console.query("SELECT count(*) FROM syncruns_syncrun")[0][0] > before)
    active = "SELECT count(*) FROM syncruns_syncrun WHERE state IN ('queued', 'running')"
    wait_for(lambda: live_console.query(active) == [(0,)])
    expect(page.get_by_role("button", name="Sync now").first).to_be_visible(timeout=30_000)
    expect(page.locator("#announcement")).to_contain_text("OK")  # told, since it was begun here


def test_records_are_reviewed_by_keyboard_and_the_next_one_follows(browse: Browse, live_console: Console) -> None:
    watched = browse()
    page = watched.open("/review/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.get_by_role("link", name="900001").focus()
    page.keyboard.press("Enter")
    price = page.get_by_label("price", exact=False)
    price.fill("10,5x")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It still cannot be loaded")).to_be_visible()
    expect(price).to_be_focused()
    watched.wrong[:] = [line for line in watched.wrong if "422" not in line]  # as it should be
    price.fill("10,50")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 record was loaded.")).to_be_visible()
    state = "SELECT record_key, state FROM syncruns_quarantinedrecord ORDER BY record_key"
    assert live_console.query(state) == [("900001", "fixed"), ("900002", "open")]


def test_records_are_discarded_many_at_a_time_without_scripts(browse: Browse, live_console: Console) -> None:
    page = browse(java_script_enabled=False).open("/review/")
    page.get_by_role("checkbox", name="900002").check()
    page.get_by_role("button", name="Discard…").click()
    page.get_by_label("Why is it left out?").fill("Not sold any more.")
    page.get_by_role("button", name="Discard 1 record").click()
    expect(page.get_by_text("1 record was discarded.")).to_be_visible()
    state = "SELECT note FROM syncruns_quarantinedrecord WHERE state = 'discarded'"
    assert live_console.query(state) == [("Not sold any more.",)]
