"""The page of the API's description: Swagger UI, from our own files only, readable by everyone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import findings
from tests.browser.conftest import Watched
from tests.console import Console

Browse = Callable[..., Watched]
_BELOW_ITS_METHOD = """[...document.querySelectorAll(".opblock-summary-control")].filter(
  (one) => one.querySelector(".opblock-summary-path").getBoundingClientRect().left
    < one.querySelector(".opblock-summary-method").getBoundingClientRect().right
).map((one) => one.innerText)"""


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("dark", 390), *(pytest.param("light", width, marks=pytest.mark.long) for width in (390, 1440))],
)
def test_description_of_the_api_is_accessible_in_both_themes_and_asks_nobody_else(
    browse: Browse, live_console: Console, scheme: str, width: int
) -> None:
    watched = browse(width=width, locale="pt-BR", color_scheme=scheme)
    asked: list[str] = []
    watched.page.on("request", lambda request: asked.append(request.url))
    page = watched.open("/api/docs")
    expect(page.locator(".opblock")).to_have_count(9)
    assert page.evaluate(_BELOW_ITS_METHOD) == []
    for operation in page.locator(".opblock-summary-control").all()[: 9 if scheme == "light" else 2]:
        operation.click()
    page.get_by_role("button", name="Try it out").first.click()
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate("document.documentElement.classList.contains('dark-mode')") == (scheme == "dark")
    page.locator(".authorize").first.click()
    expect(page.get_by_role("button", name="Close").first).to_be_visible()
    assert findings(page) == []
    assert [url for url in asked if not url.startswith((live_console.url, "data:", "blob:"))] == []
