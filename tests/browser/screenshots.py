"""`make screenshots`: pictures of the pages in docs/img, from a database filled for the occasion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "img"
PASSWORD = "only-for-the-pictures"  # noqa: S105
WIDTH = 1440
PICTURES = {"overview": "/", "connection": "/connections/c1/", "form": "/connections/new/rest/"}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sincro-pictures-") as data:
        os.environ.update(DATA_DIR=data, DATABASE_URL="", ENV_FILE="", DEBUG="1", TIME_ZONE="America/Sao_Paulo")
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        from django.core.management import call_command

        from tests.browser.demo import fill
        from tests.console import free_port

        call_command("migrate", verbosity=0)
        fill(PASSWORD)
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _photograph(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(10)


def _photograph(url: str) -> None:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FLAGS, NAMES
    from tests.console import wait_for

    wait_for(lambda: _answers(url))
    program = next(filter(None, map(shutil.which, NAMES)))
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        for ending, locale in (("", "en"), (".pt-BR", "pt-BR")):
            context = browser.new_context(viewport={"width": WIDTH, "height": 900}, locale=locale)
            page = context.new_page()
            page.goto(f"{url}/sign-in/")
            page.fill("input[name=username]", "ana")
            page.fill("input[name=password]", PASSWORD)
            page.press("input[name=password]", "Enter")
            page.wait_for_url(f"{url}/")
            for name, path in PICTURES.items():
                page.goto(url + path)
                # The sidebar is as high as the window, so the window is made as high as the page.
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": WIDTH, "height": height})
                page.screenshot(path=IMAGES / f"{name}{ending}.png")
                page.set_viewport_size({"width": WIDTH, "height": 900})
                print(f"docs/img/{name}{ending}.png")  # noqa: T201
            context.close()
        browser.close()


def _answers(url: str) -> bool:
    import requests

    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


if __name__ == "__main__":
    main()
