"""Stored values in the reader's language and zone: short in a list, whole on a row's page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from connections.sdk.declare import MASK, Column, Table
from syncruns import timewords
from syncruns.engine.warehouse.browse import StoredRow

LONGEST_IN_LIST = 120  # letters; the rest is on the row's page
LONGEST_FOLDED = 1_000  # letters of JSON unfolded in a list
LONGEST_ON_PAGE = 200_000
FLOAT_DIGITS, MOST_EXPONENT = 19, 300
UNGROUPED = 10_000  # smaller numbers are read without separators, years among them


@dataclass(frozen=True)
class Cell:
    """One value in words. text: "" when there is none; more: what unfolds below it; exact: a moment with its zone."""

    column: Column
    text: str = ""
    more: str = ""
    exact: str = ""
    is_masked: bool = False
    is_cut: bool = False
    document: str = ""  # the sha256 of the one it names

    @property
    def is_number(self) -> bool:
        return self.column.type in ("integer", "decimal")

    @property
    def is_text(self) -> bool:
        return self.column.type == "text"


def cells(row: StoredRow, table: Table, wanted: Sequence[Column], hidden: set[str]) -> list[Cell]:
    """Return some columns of a row as a list shows them."""
    values = dict(zip((column.name for column in table.columns), row.values, strict=True))
    return [_short(column, values[column.name], table, column.name in hidden) for column in wanted]


def whole_cells(row: StoredRow, table: Table, hidden: set[str]) -> list[Cell]:
    """Return every column of a row in full."""
    return [
        _whole(column, value, table, column.name in hidden)
        for column, value in zip(table.columns, row.values, strict=True)
    ]


def word(column: Column, value: Any, *, is_plain: bool = False) -> str:
    """Return a typed value as people write it. is_plain: a number that names something has no separators."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if column.type in ("integer", "decimal"):
        if is_plain or (isinstance(value, int) and abs(value) < UNGROUPED):
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        return str(number_format(value, use_l10n=True, force_grouping=True))
    if isinstance(value, datetime):
        return timewords.stamp(value)
    if isinstance(value, date):
        return day_words(value)
    if column.type == "json":
        return json.dumps(value, ensure_ascii=False, default=_number)
    return str(value)


def day_words(day: date) -> str:
    return date_format(day, pgettext("date format", "M j, Y"), use_l10n=False)


def names_something(column: Column, table: Table) -> bool:
    """Say whether a number is an id rather than an amount."""
    name = column.name.casefold()
    return column.name in table.key or name == "id" or name.endswith(("_id", "id_"))


def _short(column: Column, value: Any, table: Table, is_masked: bool) -> Cell:
    if is_masked:
        return Cell(column, MASK, is_masked=True)
    if column.type == "json" and isinstance(value, dict | list):
        return _folded(column, value)
    text = word(column, value, is_plain=names_something(column, table))
    is_cut = len(text) > LONGEST_IN_LIST
    return Cell(
        column,
        text=f"{text[:LONGEST_IN_LIST]}…" if is_cut else text,
        exact=timewords.exact(value) if isinstance(value, datetime) else "",
        is_cut=is_cut,
        document=text if column.document else "",
    )


def _whole(column: Column, value: Any, table: Table, is_masked: bool) -> Cell:
    if is_masked:
        return Cell(column, MASK, is_masked=True)
    text = word(column, value, is_plain=names_something(column, table))
    if column.type == "json" and isinstance(value, dict | list):
        text = _indented(value)
    is_cut = len(text) > LONGEST_ON_PAGE
    return Cell(
        column,
        text=text[:LONGEST_ON_PAGE],
        exact=timewords.exact(value) if isinstance(value, datetime) else "",
        is_cut=is_cut,
        document=text if column.document else "",
    )


def _folded(column: Column, value: Any) -> Cell:
    count = len(value)
    if isinstance(value, dict):
        summary = ngettext("%(count)s field", "%(count)s fields", count)
    else:
        summary = ngettext("%(count)s entry", "%(count)s entries", count)
    text = _indented(value)
    is_cut = len(text) > LONGEST_FOLDED
    more = f"{text[:LONGEST_FOLDED]}…" if is_cut else text
    return Cell(column, text=summary % {"count": timewords.number(count)}, more=more, is_cut=is_cut)


def _indented(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_number)


def _number(value: Any) -> Any:
    """Return a number of JSON that is no float as one, or as text when it is too large for that."""
    if value == value.to_integral_value() and value.adjusted() < FLOAT_DIGITS:
        return int(value)
    return float(value) if abs(value.adjusted()) < MOST_EXPONENT else str(value)
