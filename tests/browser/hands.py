"""Two ways to use the console: with nothing but the keyboard, and with scripts switched off."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

MOST_STOPS = 250

# What holds the focus: whether it comes after the last one in the text, is seen, and is not covered.
_STOP = """(element) => {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element), faults = [];
  const last = window.lastStop?.isConnected ? window.lastStop : null;
  if (last && !(last.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) faults.push("goes back");
  window.lastStop = element;
  if (style.outlineStyle === "none" || !parseFloat(style.outlineWidth)) faults.push("focus not seen");
  // Of a text area the browser brings the line of the cursor into sight, not all of it: any of these will do.
  const parts = [[.5, .5], [.1, .5], [.9, .5], [.5, .1], [.5, .9]];
  const points = parts.map(([x, y]) => [box.left + x * box.width, box.top + y * box.height]);
  const seen = ([x, y]) => {
    const top = document.elementFromPoint(x, y);
    return element.contains(top) || top?.contains(element);
  };
  if (!points.some(seen)) faults.push("covered or out of sight");
  return faults.map((fault) => `${fault}: ${element.outerHTML.slice(0, 160)}`);
}"""


class Hands(Protocol):
    """What a person does on a page; controls are found by role and accessible name, as a screen reader says them."""

    page: Page

    def press(self, role: str, name: str) -> None: ...
    def fill(self, label: str, value: str, region: str = "") -> None: ...
    def choose(self, label: str, option: str) -> None: ...
    def switch(self, label: str) -> None: ...


def control(page: Page, role: str, name: str, region: str = "") -> Locator:
    """Return the first such control that is shown, on the page or in a region of it."""
    where = page.get_by_role("region", name=region, exact=True) if region else page
    return where.get_by_role(role, name=name, exact=True).locator("visible=true").first  # type: ignore[arg-type]


class Keyboard:
    """Reaches everything with Tab, and looks at every stop on the way."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, role: str, name: str) -> None:
        self.reach(control(self.page, role, name))
        self.page.keyboard.press("Enter")

    def fill(self, label: str, value: str, region: str = "") -> None:
        self.reach(control(self.page, "textbox", label, region))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(value)

    def choose(self, label: str, option: str) -> None:
        select = control(self.page, "combobox", label)
        self.reach(select)
        self.page.keyboard.type(option)
        expect(select.locator("option:checked")).to_have_text(option)

    def switch(self, label: str) -> None:
        self.reach(control(self.page, "switch", label))
        self.page.keyboard.press("Space")

    def reach(self, wanted: Locator) -> None:
        """Press Tab until the control has the focus."""
        expect(wanted).to_be_visible()
        self.page.evaluate("window.lastStop = null")
        for _press in range(MOST_STOPS):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
            holder = self.page.locator("*:focus")
            if holder.count():
                faults = holder.evaluate(_STOP)
                assert not faults, faults
            else:
                self.page.evaluate("window.lastStop = null")  # the browser's own bar: the page begins again
        raise AssertionError(f"Tab does not lead to {wanted}")


class WithoutScripts:
    """Presses, fills in and chooses; whatever acts by itself with scripts has a button here."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, role: str, name: str) -> None:
        control(self.page, role, name).click()

    def fill(self, label: str, value: str, region: str = "") -> None:
        control(self.page, "textbox", label, region).fill(value)

    def choose(self, label: str, option: str) -> None:
        control(self.page, "combobox", label).select_option(label=option)

    def switch(self, label: str) -> None:
        switch = control(self.page, "switch", label)
        switch.click()
        self.page.locator("form", has=switch).get_by_role("button", name="Save").click()
