"""The main buttons do what they say, in a real browser."""

from __future__ import annotations

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


def test_sync_now_leads_to_a_run_that_ends_by_itself_on_the_page(browse: Browse, live_console: Console) -> None:
    watched = browse()
    page = watched.open("/connections/")
    before = live_console.query("SELECT count(*) FROM syncruns_syncrun")[0][0]
    page.get_by_role("button", name="Sync now").first.click()
    wait_for(lambda: live_console.query("SELECT count(*) FROM syncruns_syncrun")[0][0] > before)
    active = "SELECT count(*) FROM syncruns_syncrun WHERE state IN ('queued', 'running')"
    wait_for(lambda: live_console.query(active) == [(0,)])
    expect(page.get_by_role("button", name="Sync now").first).to_be_visible(timeout=30_000)


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
