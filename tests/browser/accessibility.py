"""What axe-core 4.14.1 (vendor/, MPL-2.0, unchanged) finds on a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

VENDOR = Path(__file__).parent / "vendor"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHOWN = 3  # elements of a finding


@cache
def _axe() -> str:
    return (VENDOR / "axe.min.js").read_text("utf-8")


def findings(page: Page, rows: int = 0) -> list[str]:
    """Return what an assistive technology or a person with low vision would stumble over, one line each.

    rows: of a table's, how many of the first are looked at; 0 means all. They are alike, and cost the most.
    """
    # Evaluated by the browser's debugger: the pages' content policy stays in force.
    page.evaluate(f"{_axe()}; undefined")
    # Nor are style sheets preloaded: only rules for orientation and sound need them, and axe would break the policy.
    run = "([rows, rules]) => axe.run(rows, {runOnly: rules, resultTypes: ['violations'], preload: false})"
    where = {"exclude": [[f"tbody tr:nth-child(n+{rows + 1})"]] if rows else []}
    result = page.evaluate(run, [where, RULES])
    return [
        f"{found['id']}: {found['help']}: {[node['html'][:200] for node in found['nodes'][:SHOWN]]}"
        for found in result["violations"]
    ]
