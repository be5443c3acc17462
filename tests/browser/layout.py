"""What is wrong with the look of an open page, as far as a program can see it."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.accessibility import findings

# What sticks out of the window, or of the card it stands in, without a box around it that scrolls.
_STICKING_OUT = """() => {
  const scrolls = (element) => element.closest("main") && getComputedStyle(element).overflowX !== "visible";
  const found = [];
  for (const element of document.querySelectorAll("main *")) {
    if (element.closest("svg, .visually-hidden, noscript, thead") || !element.getClientRects().length) continue;
    let box = element.parentElement;
    while (box && box.tagName !== "MAIN" && !scrolls(box)) box = box.parentElement;
    if (box && box.tagName !== "MAIN" && !box.matches(".card")) continue;
    const edge = Math.min(innerWidth, element.closest(".card")?.getBoundingClientRect().right ?? innerWidth);
    if (element.getBoundingClientRect().right <= edge + 1.5) continue;
    found.push(`sticks out: ${element.outerHTML.slice(0, 160)}`);
  }
  return found.slice(0, 3);
}"""
_TOO_WIDE = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  return wide > 0 ? [`${wide} px too wide`] : [];
}"""
# The focus must be seen wherever it may go, and go there in the order of the text.
_FOCUS = """() => {
  const found = [];
  const reachable = "a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex]";
  for (const element of document.querySelectorAll(reachable)) {
    if (element.tabIndex > 0) found.push(`out of order: ${element.outerHTML.slice(0, 160)}`);
    if (element.tabIndex < 0 || !element.checkVisibility({visibilityProperty: true})) continue;
    element.focus({focusVisible: true, preventScroll: true});
    const style = getComputedStyle(element);
    if (document.activeElement !== element) continue;
    if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth)) continue;
    found.push(`unseen focus: ${element.outerHTML.slice(0, 160)}`);
  }
  document.activeElement?.blur();
  return found.slice(0, 3);
}"""


# Colours that fade after a change of theme are judged by where they end.
_SETTLE = "document.getAnimations().forEach((one) => one instanceof CSSTransition && one.finish())"


def blemishes(page: Page, language: str, rows: int = 0) -> list[str]:
    """Return what is wrong with an open page, a line each. rows: how many of a table axe looks at; 0 means all."""
    page.evaluate(_SETTLE)
    found = [] if page.locator("h1").count() == 1 else ["not one h1"]
    if (spoken := page.evaluate("document.documentElement.lang.slice(0, 2)")) != language[:2]:
        found.append(f"in {spoken}")
    found += [line for check in (_TOO_WIDE, _STICKING_OUT) for line in page.evaluate(check)]
    return found + findings(page, rows) + page.evaluate(_FOCUS)
