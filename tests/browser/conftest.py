"""A Chromium, and a whole Sincro with synced sample data for it to look at."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests.console import PASSWORD, Console, console, wait_for

expect.set_options(timeout=20_000)  # as long as pages wait: a busy machine is not a fault of theirs
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's browser. Its package ends with the tests of this directory: it keeps an event loop running."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium not found, and in CI its tests must run.")
        pytest.skip("Chromium not found: the tests in a browser are skipped.")
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def live_console(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A running Sincro whose sample connection has synced once."""
    with console(tmp_path_factory.mktemp("console") / "var") as one:
        one.start()
        one.browse().post("/sample/")
        wait_for(lambda: one.query("SELECT 1 FROM syncruns_syncrun WHERE state = 'succeeded'"))
        put_aside(one)
        yield one


def put_aside(console: Console) -> None:
    """Set two orders of the sample aside, as a sync would whose prices were none."""
    code = """
from connections.models import Connection
from syncruns.models import QuarantinedRecord
shop = Connection.objects.get()
for number in ("900001", "900002"):
    QuarantinedRecord.objects.create(
        connection=shop, run=shop.runs.first(), stream="products", table=TABLE, record_key=number,
        record={"id": int(number), "price": "dear"}, reason="not_a_number",
        reasons={"price": {"code": "not_a_number", "params": {}}},
    )
"""
    tables = console.query("SELECT config FROM connections_connection")
    prefix = json.loads(tables[0][0])["table_prefix"]
    done = console.manage("shell", "--no-imports", "-c", code.replace("TABLE", repr(f"{prefix}_products")))
    assert done.returncode == 0, done.stderr


class Watched:
    """A page that remembers what went wrong on it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.wrong: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("requestfailed", self._note_failure)
        self.page.on("response", self._note_response)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _note_failure(self, request: Request) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # a poll that the next page cut short
            self.wrong.append(f"request: {request.url} {request.failure}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> Page:
        answer = self.page.goto(self.url + path)
        assert answer is not None and answer.ok, f"{path}: {answer and answer.status}"
        return self.page

    def sign_in(self, name: str, password: str) -> Page:
        page = self.open("/sign-in/")
        page.locator("[name=username]").fill(name)
        page.locator("[name=password]").fill(password)
        page.locator("[name=password]").press("Enter")
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        return page


@pytest.fixture
def browse(chromium: Browser, live_console: Console) -> Iterator[type[Watched]]:
    """Return a function that opens a signed-in page; keywords go to the browser context. Nothing may go wrong on it."""
    opened: list[tuple[BrowserContext, Watched]] = []

    def open_signed_in(*, width: int = 1440, height: int = 900, **options: object) -> Watched:
        settings = {"locale": "en-US", "viewport": {"width": width, "height": height}, **options}
        context = chromium.new_context(**settings)  # type: ignore[arg-type]
        watched = Watched(context, live_console.url)
        watched.sign_in("admin", PASSWORD)
        opened.append((context, watched))
        return watched

    yield open_signed_in  # type: ignore[misc]
    wrong = [line for _context, watched in opened for line in watched.wrong]
    for context, _watched in opened:
        context.close()
    assert wrong == []
