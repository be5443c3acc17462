"""Takes the rows of a table out as a file: CSV or XLSX, as they are filtered, and with a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import BoundedSemaphore
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connections import audit
from connections.people.roles import BROWSE_ROWS, EXPORT_ROWS, may_see_personal
from connections.sdk.declare import Table
from syncruns.browser import export as files
from syncruns.browser import personal
from syncruns.browser.export import CSV, PLAIN, XLSX, XLSX_ROWS, Sheet
from syncruns.browser.filters import Asked
from syncruns.browser.tables import Browsed
from syncruns.browser.tallies import count
from syncruns.engine.warehouse import warehouse
from syncruns.engine.warehouse.browse import Rows
from syncruns.engine.warehouse.tables import TooLong
from syncruns.views.data import COUNT_SECONDS, connection_names, known_table

TYPES = {
    CSV: "text/csv; charset=utf-8",
    PLAIN: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
WORDS = {CSV: "CSV", PLAIN: "CSV", XLSX: "XLSX"}
# Each holds a thread of a web process for as long as the reader's line takes; others need some as well.
ROOM = BoundedSemaphore(3)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required([BROWSE_ROWS, EXPORT_ROWS], raise_exception=True)
def export(request: HttpRequest, schema: str, table: str) -> HttpResponseBase:
    """Say what would be exported and ask how; with POST, do it."""
    browsed = known_table(schema, table)
    standing = browsed.table
    if standing is None:
        raise Http404
    asked = Asked.of(request.GET, standing, personal.hidden_columns(request, browsed, standing))
    rows = Rows(warehouse(), schema, standing, asked.selection)
    if request.method == "POST" and (kind := request.POST.get("format", "")) in TYPES:
        return _export(request, browsed, standing, asked, rows, kind)
    return render(request, "console/data_export.html", _context(request, browsed, standing, asked, rows))


def _context(request: HttpRequest, browsed: Browsed, table: Table, asked: Asked, rows: Rows) -> dict[str, Any]:
    found = _count(rows)
    return {
        "browsed": browsed,
        "table": table,
        "asked": asked,
        "found": found,
        "is_more": found is None or found > XLSX_ROWS,
        "most": XLSX_ROWS,
        "style": _style(),
        "personal": [column.name for column in table.columns if column.personal],
        "may_see_personal": may_see_personal(request.user),
        "formats": (CSV, PLAIN, XLSX),
    }


def _export(
    request: HttpRequest, browsed: Browsed, table: Table, asked: Asked, rows: Rows, kind: str
) -> HttpResponseBase:
    found = _count(rows) if kind == XLSX else 0
    if found is None or found > XLSX_ROWS:
        messages.error(request, _("There are more rows than an XLSX file is made for; narrow them down, or take CSV."))
        return redirect(_address(browsed, asked))
    if not ROOM.acquire(blocking=False):
        messages.warning(request, _("Several exports are under way; try again when one of them has ended."))
        return redirect(_address(browsed, asked))
    try:
        is_personal = request.POST.get("personal") == "1" and may_see_personal(request.user)
        sheet = _sheet(browsed, table, asked, rows, with_personal=is_personal)
        done = _noted(request, browsed, asked, sheet, kind, with_personal=is_personal)
        chunks = _Chunks(_content(sheet, kind), done)
    except BaseException:
        ROOM.release()
        raise
    response = StreamingHttpResponse(chunks, content_type=TYPES[kind])
    response["Content-Disposition"] = content_disposition_header(True, _file_name(browsed, kind))
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


class _Chunks:
    """The parts of a file. Whatever becomes of the answer, what is to be done at the end is done once."""

    def __init__(self, chunks: Iterator[bytes], done: Callable[[], None]) -> None:
        self._chunks = chunks
        self._done: Callable[[], None] | None = done

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            ROOM.release()
            done()


def _content(sheet: Sheet, kind: str) -> Iterator[bytes]:
    if kind == XLSX:
        return files.xlsx_chunks(sheet)
    return files.csv_chunks(sheet, for_programs=kind == PLAIN)


def _sheet(browsed: Browsed, table: Table, asked: Asked, rows: Rows, *, with_personal: bool) -> Sheet:
    return Sheet(
        table=table,
        batches=rows.batches(files.BATCH),
        connections=connection_names(browsed, count([browsed])[0]),
        style=_style(),
        zone=timezone.get_current_timezone(),
        hidden=frozenset() if with_personal else frozenset(column.name for column in table.columns if column.personal),
        with_deleted=bool(asked.deleted),
    )


def _style() -> Any:
    return files.STYLES.get(translation.get_language() or "", files.STYLES["en"])


def _noted(
    request: HttpRequest, browsed: Browsed, asked: Asked, sheet: Sheet, kind: str, *, with_personal: bool
) -> Callable[[], None]:
    """Note the export before it begins; return what notes how many rows it brought."""
    has_personal = with_personal and personal.has_personal(sheet.table)
    event = audit.record(
        "data.exported_personal" if has_personal else "data.exported",
        user=request.user, table=browsed.shown, format=WORDS[kind], rows=0,
        fields=sorted({one.column.name for one in asked.filters}),
    )  # fmt: skip

    def done() -> None:
        event.params["rows"] = sheet.count.rows
        event.save(update_fields=["params"])

    return done


def _count(rows: Rows) -> int | None:
    """Return how many rows there are, or one more than XLSX holds; None when counting takes too long."""
    try:
        with warehouse().limited(COUNT_SECONDS):
            return rows.count(XLSX_ROWS + 1)
    except TooLong:
        return None


def _address(browsed: Browsed, asked: Asked) -> str:
    return f"{reverse('data_export', args=[browsed.schema, browsed.name])}?{asked.query()}"


def _file_name(browsed: Browsed, kind: str) -> str:
    ending = "xlsx" if kind == XLSX else "csv"
    return f"{browsed.shown.replace('.', '_')}-{timezone.localdate():%Y-%m-%d}.{ending}"
