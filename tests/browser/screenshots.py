"""`make screenshots`: pictures of the pages in docs/img, from a database filled for the occasion."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "img"
PASSWORD = "only-for-the-pictures"  # noqa: S105
WIDTHS = {"": 1440, "phone": 390}
TALLEST = 2600
QUALITY = 60  # of WebP: text stays sharp, and a page takes some 50 kB


@dataclass(frozen=True)
class Picture:
    """One page. path: from the root; {shop}, {failed}, {live} and the like stand for what the database holds.

    also: other views of it, such as "dark", "phone", "phone dark" or "pt-BR". is_public: seen without signing in.
    """

    name: str
    path: str
    also: tuple[str, ...] = ()
    is_public: bool = False


EMPTY = Picture("empty", "/")
PICTURES = (
    Picture("overview", "/", ("dark", "phone", "phone dark", "pt-BR")),
    Picture("connections", "/connections/", ("phone",)),
    Picture("connection", "/connections/{shop}/", ("dark", "phone", "pt-BR")),
    Picture("connection-runs", "/connections/{shop}/runs/"),
    Picture("connection-schedule", "/connections/{shop}/schedule/", ("phone",)),
    Picture("connection-settings", "/connections/{shop}/settings/"),
    Picture("connection-backfills", "/connections/{shop}/backfills/"),
    Picture("connection-deletions", "/connections/{held}/deletions/"),
    Picture("connection-reset", "/connections/{shop}/streams/orders/reset/"),
    Picture("connection-danger", "/connections/{shop}/danger/"),
    Picture("kinds", "/connections/new/"),
    Picture("form", "/connections/new/rest/", ("pt-BR",)),
    Picture("form-odoo", "/connections/new/odoo/"),
    Picture("runs", "/runs/"),
    Picture("run", "/runs/{last}/", ("dark",)),
    Picture("run-failed", "/runs/{failed}/", ("phone dark", "pt-BR")),
    Picture("run-live", "/runs/{live}/", ("phone",)),
    Picture("run-changes", "/runs/{last}/changes/?kind=updated"),
    Picture("changes", "/changes/"),
    Picture("data", "/data/", ("phone", "pt-BR")),
    Picture("data-table", "/data/rest/erp_orders/?from:total=100&sort=-emissao", ("dark", "phone", "pt-BR")),
    Picture("data-row", "/data/rest/erp_orders/row/?of={connection}&key=48197"),
    Picture("data-export", "/data/rest/erp_orders/export/?from:total=100"),
    Picture("review", "/review/", ("dark",)),
    Picture("review-record", "/review/records/{record}/"),
    Picture("review-deletions", "/review/deletions/"),
    Picture("review-corrections", "/review/corrections/"),
    Picture("record", "/connections/{shop}/records/orders/erp_orders/48199/"),
    Picture("documents", "/documents/"),
    Picture("document", "/documents/{document}/"),
    Picture("document-missing", "/connections/{shop}/documents/none/"),
    Picture("audit", "/audit/"),
    Picture("system", "/system/"),
    Picture("users", "/users/"),
    Picture("user", "/users/{colleague}/"),
    Picture("user-new", "/users/new/"),
    Picture("preferences", "/preferences/"),
    Picture("alerts", "/preferences/alerts/"),
    Picture("mail", "/settings/mail/"),
    Picture("tokens", "/settings/tokens/"),
    Picture("webhooks", "/settings/webhooks/"),
    Picture("webhook", "/settings/webhooks/{webhook}/"),
    Picture("password", "/password/"),
    Picture("search", "/search/?q=loja", ("pt-BR",)),
    Picture("not-allowed", "/states/403/"),
    Picture("not-found", "/states/404/"),
    Picture("failed", "/states/500/"),
    Picture("maintenance", "/states/maintenance/", is_public=True),
    Picture("sign-in", "/sign-in/", ("phone dark",), is_public=True),
    Picture("welcome", "{welcome}", is_public=True),
    Picture("administration", "/admin/"),
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sincro-pictures-") as data:
        os.environ.update(DATA_DIR=data, DATABASE_URL="", ENV_FILE="", DEBUG="1", TIME_ZONE="America/Sao_Paulo")
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.states_settings"
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the browser keeps an event loop in this thread, and uses none
        import django

        django.setup()
        from django.core.management import call_command

        from tests.browser.demo import alive, fill, person
        from tests.browser.demo_rare import fill_rare
        from tests.console import free_port

        call_command("migrate", verbosity=0)
        ana = person(PASSWORD)
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with _Camera(f"http://127.0.0.1:{port}") as camera:
                camera.take(EMPTY, {})
                fill(ana)
                fill_rare(ana, PASSWORD)
                found = _what_there_is()
                for picture in PICTURES:
                    alive()  # on a slow machine the scheduler would look silent in the last ones
                    camera.take(picture, found)
        finally:
            server.terminate()
            server.wait(10)


def _what_there_is() -> dict[str, str]:
    from django.contrib.auth.models import User

    from connections.models import Connection
    from connections.people.accounts import welcome_path
    from syncruns.models import DeleteBrake, Document, QuarantinedRecord, SyncRun, Webhook

    shop = Connection.objects.get(name="Loja virtual")
    return {
        "shop": shop.slug,
        "connection": str(shop.pk),
        "last": str(shop.runs.filter(changes__isnull=False)[:1].get().pk),
        "failed": str(SyncRun.objects.get(error_code="credentials_refused").pk),
        "live": str(SyncRun.objects.get(state="running").pk),
        "held": DeleteBrake.objects.get().connection.slug,
        "document": str(Document.objects.get().pk),
        "webhook": str(Webhook.objects.get().pk),
        "colleague": str(User.objects.get(username="davi").pk),
        "welcome": welcome_path(User.objects.get(username="rui")),
        "record": str(QuarantinedRecord.objects.filter(state="open")[:1].get().pk),
    }


class _Camera:
    """A browser with one signed-in page per view."""

    def __init__(self, url: str) -> None:
        from playwright.sync_api import sync_playwright

        self._url, self._playwright = url, sync_playwright()
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> _Camera:
        from tests.browser.conftest import FLAGS, NAMES
        from tests.console import wait_for

        wait_for(lambda: _answers(self._url))
        IMAGES.mkdir(parents=True, exist_ok=True)
        program = next(filter(None, map(shutil.which, NAMES)))
        flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
        self._browser: Browser = self._playwright.start().chromium.launch(executable_path=program, args=flags)
        return self

    def __exit__(self, *_error: object) -> None:
        self._browser.close()
        self._playwright.__exit__(None, None, None)

    def take(self, picture: Picture, found: dict[str, str]) -> None:
        for view in ("", *picture.also):
            page = self._page(view, is_public=picture.is_public)
            page.goto(self._url + picture.path.format(**found))
            name = "-".join([picture.name, *view.split()]).replace("-pt-BR", ".pt-BR") + ".webp"
            (IMAGES / name).write_bytes(_photograph(page))
            print(f"docs/img/{name}")  # noqa: T201

    def _page(self, view: str, *, is_public: bool) -> Page:
        key = f"{view} public" if is_public else view
        if key not in self._pages:
            words = view.split()
            page = self._browser.new_context(
                viewport={"width": WIDTHS["phone" if "phone" in words else ""], "height": 900},
                locale="pt-BR" if "pt-BR" in words else "en",
                color_scheme="dark" if "dark" in words else "light",
            ).new_page()
            if not is_public:
                page.goto(f"{self._url}/sign-in/")
                page.fill("input[name=username]", "ana")
                page.fill("input[name=password]", PASSWORD)
                page.press("input[name=password]", "Enter")
                page.wait_for_url(f"{self._url}/")
            self._pages[key] = page
        return self._pages[key]


def _photograph(page: Page) -> bytes:
    """Return a WebP of the whole page. The sidebar is as high as the window, so the window is made as high."""
    size = page.viewport_size
    assert size is not None
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(height, TALLEST)})
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    session.detach()
    page.set_viewport_size(size)
    return base64.b64decode(taken["data"])


def _answers(url: str) -> bool:
    import requests

    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


if __name__ == "__main__":
    main()
