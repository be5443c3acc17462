"""Writes the rows of a selection as CSV or XLSX, in constant memory; no spreadsheet runs what stands in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from connections.sdk.declare import Column, Table
from syncruns.browser.workbook import Cell, workbook_chunks
from syncruns.engine.values import canonical_json
from syncruns.engine.warehouse.browse import StoredRow

CSV, PLAIN, XLSX = "csv", "plain", "xlsx"
XLSX_ROWS = 100_000  # more is no spreadsheet; CSV has no such bound
BATCH = 1_000
CHUNK = 64 * 1024
CELL_LETTERS = 32_767  # that Excel keeps of a text
EXCEL_DIGITS = 15  # that it keeps of a number; a longer one is written as text
EXCEL_YEARS = range(1900, 10_000)
# What makes a spreadsheet take a text for a formula, or hide that one follows; the wide ones where Japanese is typed.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


@dataclass(frozen=True)
class Style:
    """How values are written. day: a template of a date; excel_day: the same for Excel; words: of true and false."""

    separator: str
    decimal: str
    day: str
    excel_day: str
    words: Mapping[bool, str]


STYLES = {
    "pt-br": Style(";", ",", "{0.day:02}/{0.month:02}/{0.year:04}", "dd/mm/yyyy", {True: "sim", False: "não"}),
    "en": Style(",", ".", "{0.year:04}-{0.month:02}-{0.day:02}", "yyyy-mm-dd", {True: "yes", False: "no"}),
}
TIME, EXCEL_TIME = " {0.hour:02}:{0.minute:02}:{0.second:02}", " hh:mm:ss"


@dataclass
class Count:
    """How many rows have been written."""

    rows: int = 0


@dataclass(frozen=True)
class Sheet:
    """What is exported. connections: id -> name; hidden: columns left out; count: how far it is."""

    table: Table
    batches: Iterable[list[StoredRow]]
    connections: Mapping[int, str]
    style: Style
    zone: tzinfo
    hidden: frozenset[str] = frozenset()
    with_deleted: bool = False
    count: Count = field(default_factory=Count)

    @property
    def columns(self) -> list[Column]:
        """The columns of the file; Sincro's own begin with an underscore."""
        own = [Column("_connection")]
        own_last = [Column("_changed_at", "timestamp")]
        own_last += [Column("_deleted_at", "timestamp")] if self.with_deleted else []
        return [*own, *(column for column in self.table.columns if column.name not in self.hidden), *own_last]

    def rows(self) -> Iterator[list[Any]]:
        """Yield the values of each row, in the order of columns."""
        shown = [place for place, column in enumerate(self.table.columns) if column.name not in self.hidden]
        for batch in self.batches:
            for row in batch:
                values: list[Any] = [self.connections.get(row.connection_id, str(row.connection_id))]
                values += [row.values[place] for place in shown]
                values.append(row.changed_at)
                if self.with_deleted:
                    values.append(row.deleted_at)
                self.count.rows += 1
                yield values


def csv_chunks(sheet: Sheet, *, for_programs: bool) -> Iterator[bytes]:
    """Yield a CSV file: for spreadsheets with a mark of its encoding and every text quoted, for programs plain."""
    buffer = io.StringIO()
    spell = _for_programs if for_programs else _for_people(sheet)
    if for_programs:
        out = csv.writer(buffer)
    else:
        buffer.write("\ufeff")
        out = csv.writer(buffer, delimiter=sheet.style.separator, quoting=csv.QUOTE_ALL)
    out.writerow([guarded(column.name) for column in sheet.columns])
    for values in sheet.rows():
        out.writerow(map(spell, values))
        if buffer.tell() > CHUNK:
            yield _taken(buffer)
    yield _taken(buffer)


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before what could be one."""
    return f"'{text}" if text.startswith(FORMULA) else text


def xlsx_chunks(sheet: Sheet) -> Iterator[bytes]:
    """Yield a workbook of one sheet, the first of it at once."""
    columns = sheet.columns
    return workbook_chunks(
        [column.name for column in columns],
        [20 if column.type in ("text", "timestamp") else 14 for column in columns],
        ([_for_excel(value, sheet.zone) for value in values] for values in sheet.rows()),
        day=sheet.style.excel_day, moment=sheet.style.excel_day + EXCEL_TIME, guarded="".join(FORMULA),
    )  # fmt: skip


def _taken(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return data


def _for_people(sheet: Sheet) -> Callable[[Any], str]:
    style = sheet.style

    def spell(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return style.words[value]
        if isinstance(value, Decimal):
            return f"{value:f}".replace(".", style.decimal)
        if isinstance(value, datetime):
            return (style.day + TIME).format(value.astimezone(sheet.zone))
        if isinstance(value, date):
            return style.day.format(value)
        return _spelled(value)

    return spell


def _for_programs(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _spelled(value)


def _spelled(value: Any) -> str:
    """Return a value as every language writes it: text guarded, moments in UTC."""
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    return f"{value:f}" if isinstance(value, Decimal) else guarded(canonical_json(value))


def _for_excel(value: Any, zone: tzinfo) -> Cell:
    """Return a value as a cell can hold it; what Excel would change is written as a text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal) and _fits(value):
        return value
    if isinstance(value, datetime):
        local = value.astimezone(zone).replace(tzinfo=None)
        return local if local.year in EXCEL_YEARS else _spelled(value)
    if isinstance(value, date) and value.year in EXCEL_YEARS:
        return value
    text = value if isinstance(value, str) else _spelled(value)
    return text if len(text) <= CELL_LETTERS else f"{text[: CELL_LETTERS - 1]}…"


def _fits(value: int | Decimal) -> bool:
    if isinstance(value, Decimal) and not value.is_finite():
        return False
    return len(_spelled(value).strip("-").replace(".", "").strip("0")) <= EXCEL_DIGITS
