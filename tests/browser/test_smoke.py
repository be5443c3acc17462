"""Every page in a real browser: nothing fails, nothing runs off the side, and the main buttons do what they say."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import findings
from tests.browser.conftest import Watched
from tests.console import Console, wait_for

Browse = Callable[..., Watched]
SIZES = ((1440, 900), (390, 844))


def paths(console: Console) -> list[str]:
    slug = console.query("SELECT slug FROM connections_connection")[0][0]
    (run,) = console.query("SELECT id FROM syncruns_syncrun ORDER BY queued_at LIMIT 1")[0]
    run = f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{run[20:]}"
    connection = [
        f"/connections/{slug}/{tab}"
        for tab in ("", "runs/", "schedule/", "backfills/", "settings/", "deletions/", "danger/")
    ]
    new = ["/connections/new/", "/connections/new/rest/"]
    record = console.query("SELECT id FROM syncruns_quarantinedrecord LIMIT 1")[0][0]
    user = console.query("SELECT id FROM auth_user LIMIT 1")[0][0]
    return [
        "/",
        "/connections/",
        *new,
        *connection,
        "/runs/",
        f"/runs/{run}/",
        "/review/",
        f"/review/records/{record}/",
        "/review/deletions/",
        "/review/corrections/",
        "/documents/",
        "/changes/",
        "/search/?q=o",
        *data_paths(console),
        "/audit/",
        "/users/",
        "/users/new/",
        f"/users/{user}/",
        "/system/",
        "/preferences/",
        "/preferences/alerts/",
        "/settings/mail/",
        "/settings/tokens/",
        "/settings/webhooks/",
        "/password/",
        "/admin/",
    ]


def data_paths(console: Console) -> list[str]:
    """Return the data pages of the sample's first table, with a filter open and a row that is there."""
    pk, config = console.query("SELECT id, config FROM connections_connection")[0]
    name = f"{json.loads(config)['table_prefix']}_products"
    first, table = console.query(f"SELECT min(id) FROM rest_{name}")[0][0], f"/data/rest/{name}/"
    return ["/data/", f"{table}?add=id&has:name=a&sort=-id", f"{table}row/?of={pk}&key={first}", f"{table}export/"]


VIEWS = [(locale, *size, scheme) for locale in ("pt-BR", "en-US") for size in SIZES for scheme in ("light", "dark")]
EVERYDAY = [("pt-BR", 1440, 900, "light"), ("en-US", 390, 844, "dark")]


@pytest.mark.parametrize(
    ("locale", "width", "height", "scheme"),
    [pytest.param(*view, marks=[] if view in EVERYDAY else pytest.mark.long) for view in VIEWS],
)
def test_every_page_opens_without_a_message_fits_and_is_accessible(
    browse: Browse, live_console: Console, locale: str, width: int, height: int, scheme: str
) -> None:
    watched = browse(width=width, height=height, locale=locale, color_scheme=scheme)
    for path in paths(live_console):
        page = watched.open(path)
        assert page.evaluate("document.documentElement.lang.slice(0, 2)") == locale[:2], path
        assert page.locator("h1").count() == 1, path
        if not path.startswith("/admin/"):  # Django's own pages scroll their tables
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{path} is {overflow} px too wide"
            assert findings(page) == [], path


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


def test_pages_work_without_scripts(browse: Browse, live_console: Console) -> None:
    watched = browse(java_script_enabled=False)
    for path in paths(live_console):
        watched.open(path)
    page = watched.open("/connections/")
    page.get_by_role("button", name="Sync now").first.click()
    active = "SELECT count(*) FROM syncruns_syncrun WHERE state IN ('queued', 'running')"
    wait_for(lambda: live_console.query(active) == [(0,)])


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
