"""Writes a workbook of one sheet (XLSX, ECMA-376) piece by piece: it is sent while it is made, whatever its length."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

CHUNK = 64 * 1024
HEAD, DAY, MOMENT, TEXT_ONLY = range(1, 5)  # places of the styles in cellXfs
ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel knows no zones
LEAP = 61  # Excel's 1900 has a 29 February: everything before is one day off
# What XML cannot hold, and what reads as if it stood for that, are spelled _xHHHH_.
_UNSPELLABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")

Cell = str | int | Decimal | bool | date | None  # moments are local and without zone
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

CONTENT_TYPES = f"""{DECLARED}<Types xmlns="{PACKAGE}/content-types">\
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Default Extension="xml" ContentType="application/xml"/>\
<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>\
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}.worksheet+xml"/>\
<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/></Types>"""
ROOT = f"""{DECLARED}<Relationships xmlns="{PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>"""
PARTS = f"""{DECLARED}<Relationships xmlns="{PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>\
<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>"""
STYLES = """{declared}<styleSheet xmlns="{main}"><numFmts count="2"><numFmt numFmtId="164" formatCode="{day}"/>\
<numFmt numFmtId="165" formatCode="{moment}"/></numFmts>\
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>\
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill>\
<fill><patternFill patternType="gray125"/></fill></fills><borders count="2"><border><left/><right/><top/><bottom/>\
<diagonal/></border><border><left/><right/><top/><bottom style="thin"><color auto="1"/></bottom><diagonal/></border>\
</borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="0" fontId="1" fillId="0" borderId="1" xfId="0" applyFont="1" applyBorder="1"/>\
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/></cellXfs>\
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""


class _Pipe(io.RawIOBase):
    """What a ZIP archive is written into, and taken out of in pieces; it cannot be sought in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def taken(self) -> bytes:
        data = b"".join(self._parts)
        self._parts, self.size = [], 0
        return data


def workbook_chunks(
    names: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[Cell]], *, day: str, moment: str, guarded: str
) -> Iterator[bytes]:
    """Yield a workbook. day, moment: how Excel shows dates. guarded: letters with which no text may begin unmarked."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as book:
        styles = STYLES.format(declared=DECLARED, main=MAIN, day=_text(day), moment=_text(moment))
        for name, content in (
            ("[Content_Types].xml", CONTENT_TYPES), ("_rels/.rels", ROOT), ("xl/_rels/workbook.xml.rels", PARTS),
            ("xl/styles.xml", styles),
        ):  # fmt: skip
            book.writestr(name, content)
        letters = [_letters(place) for place in range(len(names))]
        count = 1
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(_beginning(names, widths, letters).encode())
            yield pipe.taken()
            for count, row in enumerate(rows, start=2):
                cells = [_cell(f"{letters[at]}{count}", value, guarded) for at, value in enumerate(row)]
                sheet.write(f'<row r="{count}">{"".join(cells)}</row>'.encode())
                if pipe.size > CHUNK:
                    yield pipe.taken()
            sheet.write(f'</sheetData><autoFilter ref="A1:{letters[-1]}{count}"/></worksheet>'.encode())
        book.writestr("xl/workbook.xml", _index(f"$A$1:${letters[-1]}${count}"))
    yield pipe.taken()


def _beginning(names: Sequence[str], widths: Sequence[int], letters: Sequence[str]) -> str:
    columns = "".join(
        f'<col min="{place}" max="{place}" width="{width}" customWidth="1"/>' for place, width in enumerate(widths, 1)
    )
    heads = "".join(_string(f"{at}1", name, HEAD) for at, name in zip(letters, names, strict=True))
    return (
        f'{DECLARED}<worksheet xmlns="{MAIN}"><sheetViews><sheetView tabSelected="1" workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols>{columns}</cols><sheetData><row r="1">{heads}</row>'
    )


def _index(filtered: str) -> str:
    return (
        f'{DECLARED}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><bookViews><workbookView/></bookViews>'
        '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets><definedNames><definedName '
        f'name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">Sheet1!{filtered}'
        "</definedName></definedNames></workbook>"
    )


def _cell(at: str, value: Cell, guarded: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | Decimal):
        return f'<c r="{at}"><v>{value:f}</v></c>' if isinstance(value, Decimal) else f'<c r="{at}"><v>{value}</v></c>'
    if isinstance(value, date):
        return f'<c r="{at}" s="{MOMENT if isinstance(value, datetime) else DAY}"><v>{_serial(value)}</v></c>'
    # Never a formula, since it is written as a text; the mark keeps it one when somebody edits the cell.
    return _string(at, value, TEXT_ONLY if value[:1] in guarded and value else 0)


def _string(at: str, text: str, style: int) -> str:
    styled = f' s="{style}"' if style else ""
    return f'<c r="{at}"{styled} t="inlineStr"><is><t xml:space="preserve">{_text(text)}</t></is></c>'


def _text(text: str) -> str:
    return escape(_UNSPELLABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text), {'"': "&quot;"})


def _serial(value: date) -> str:
    """Return the days since Excel's beginning."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001 - as above
    days = (moment - ZERO).total_seconds() / 86_400
    return f"{days - (days < LEAP):.9f}".rstrip("0").rstrip(".")


def _letters(place: int) -> str:
    """Return what Excel calls a column: A to Z, AA and so on."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
