"""The rows of destination tables: which tables there are, the rows of one, and one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from connections.models import Connection
from connections.people.roles import BROWSE_ROWS, SEE_PERSONAL_DATA, may_see_personal
from connections.sdk.declare import Column, Table
from syncruns.browser import personal as personal_columns
from syncruns.browser.cells import Cell, cells
from syncruns.browser.filters import DELETED, Asked, ColumnForm, chips, unknown_columns, uuid_of
from syncruns.browser.places import asked_row, row_url, seal, unseal
from syncruns.browser.row import RowShown
from syncruns.browser.tables import Browsed, declared_tables, find_table, left_tables
from syncruns.browser.tallies import Counted, count
from syncruns.engine.warehouse import warehouse
from syncruns.engine.warehouse.browse import CHANGED_AT, UNSORTED, RowPage, Rows, StoredRow
from syncruns.engine.warehouse.tables import TooLong
from syncruns.known_query import KnownQuery, Unknown, known_only, without
from syncruns.searching import finds

PER_PAGE = 50
TABLES_PER_PAGE = 50
COUNTED = 10_000  # of the rows that fit a filter; beyond it there are "more"
PAGE_SECONDS, COUNT_SECONDS = 10.0, 2.0
LABELS = {CHANGED_AT.name: gettext_lazy("Written")}  # of Sincro's own columns


@dataclass(frozen=True)
class TableRow:
    """One line of the list of tables. known: whether anybody counted; rows, deleted: of the connection asked for."""

    browsed: Browsed
    rows: int | None
    deleted: int
    last_write: datetime | None
    about: int | None
    exists: bool


@dataclass(frozen=True)
class Heading:
    """The head of a column. sort: the query that sorts by it, "" where nothing can; filter: that opens its filter."""

    column: Column
    label: str
    sort: str
    direction: str
    filter: str
    is_masked: bool
    is_left: bool  # no longer declared

    @property
    def orders(self) -> list[tuple[str, str]]:
        """The ways to sort by the column, each with its words."""
        named = {"column": self.label}
        return [
            (self.column.name, _("%(column)s, ascending") % named),
            (f"-{self.column.name}", _("%(column)s, descending") % named),
        ]

    @property
    def is_number(self) -> bool:
        return self.column.type in ("integer", "decimal")


@dataclass(frozen=True)
class Line:
    """One row of a table, with the address of its page."""

    row: StoredRow
    url: str
    cells: list[Cell]
    connection: str


@require_safe
@permission_required(BROWSE_ROWS, raise_exception=True)
def tables(request: HttpRequest) -> HttpResponse:
    """Every table, or those of one connection, with how many rows it has and when one was last written."""
    connections = list(Connection.objects.filter(deletion="").order_by("name"))
    text = " ".join(request.GET.get("q", "").split())
    known = known_only(request.GET, {"connection": (_("Connection"), {one.slug for one in connections})})
    wanted = known.given.get("connection", "")
    chosen = next((one for one in connections if one.slug == wanted), None)
    every = declared_tables(connections)
    if chosen is not None:
        every = [one for one in every if chosen in one.connections]
    else:
        every += left_tables(every)
    found = [one for one in every if finds(text, one.shown, one.label)]
    page = Paginator(found, TABLES_PER_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    context = {
        "asked": known,
        "page": page,
        "rows": [_table_row(one, counted, chosen) for one, counted in zip(shown, count(shown), strict=True)],
        "connections": connections,
        "connection": wanted,
        "chosen": chosen,
        "q": text,
        "has_any": bool(every),
    }
    return render(request, "console/data.html", context)


@require_safe
@permission_required(BROWSE_ROWS, raise_exception=True)
def table(request: HttpRequest, schema: str, table: str) -> HttpResponse:
    """Rows of one table, a page from where the last one ended."""
    browsed = known_table(schema, table)
    standing = browsed.table
    context: dict[str, Any] = {"browsed": browsed, "table": standing}
    if standing is None:
        return render(request, "console/data_table.html", context)
    hidden = personal_columns.hidden_columns(request, browsed, standing)
    counted = count([browsed])[0]
    names = connection_names(browsed, counted)
    known = _known(request.GET, standing, None if counted.by_connection is None else names)
    asked = Asked.of(known.given, standing, hidden)
    rows = Rows(warehouse(), schema, standing, asked.selection)
    page = _page(rows, asked, browsed, request.GET)
    lines = [
        Line(row, row_url(browsed, standing, row), cells(row, standing, asked.shown, hidden), names[row.connection_id])
        for row in (page.rows if page else [])
    ]
    order = _order_of(browsed, asked)
    context |= {
        "known": known,
        "asked": asked,
        "counted": counted,
        "total": counted.of(int(asked.connection) if asked.connection else None),
        "found": _found(rows) if asked.is_narrowed and page else None,
        "most": COUNTED,
        "headings": _headings(asked, browsed, hidden),
        "written": _heading(asked, CHANGED_AT, set(), set()),
        "lines": lines,
        "names": sorted(((str(pk), name) for pk, name in names.items()), key=lambda named: named[1].casefold()),
        "is_too_long": page is None,
        "before": seal(order, lines[0].row.position) if page and page.has_before and lines else "",
        "after": seal(order, lines[-1].row.position) if page and page.has_after and lines else "",
        "is_first": not (request.GET.get("after") or request.GET.get("before")),
        "sortable": [_heading(asked, column, set(), set()) for column in asked.sortable],
        "chips": chips(asked),
        "form": ColumnForm.of(asked, request.GET.get("add", "")),
        "addable": [*asked.open_columns, CHANGED_AT],
        "deleted": DELETED.items(),
        **personal_context(request, browsed, standing),
    }
    return render(request, "console/data_table.html", context)


@require_safe
@permission_required(BROWSE_ROWS, raise_exception=True)
def row(request: HttpRequest, schema: str, table: str) -> HttpResponse:
    """One row in full, with what is known of it."""
    browsed = known_table(schema, table)
    standing = browsed.table
    if standing is None:
        raise Http404
    hidden = personal_columns.hidden_columns(request, browsed, standing)
    asked = asked_row(standing, request.GET, sees_key=not hidden)
    found = Rows(warehouse(), schema, standing).at(*asked) if asked is not None else None
    if found is None:
        raise Http404
    shown = RowShown(request, browsed, standing, found, hidden)
    context = {"browsed": browsed, "table": standing, "shown": shown, **personal_context(request, browsed, standing)}
    return render(request, "console/data_row.html", context)


@require_POST
@permission_required([BROWSE_ROWS, SEE_PERSONAL_DATA], raise_exception=True)
def personal(request: HttpRequest, schema: str, table: str) -> HttpResponse:
    """Show the personal columns of a table to this reader for a while, or mask them again."""
    browsed = known_table(schema, table)
    if request.POST.get("act") == "hide":
        personal_columns.hide(request, browsed)
    else:
        personal_columns.show(request, browsed)
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return redirect(wanted if is_ours else reverse("data_table", args=[schema, table]))


def known_table(schema: str, table: str) -> Browsed:
    """Return the table of an address. Raises Http404."""
    browsed = find_table(schema, table)
    if browsed is None:
        raise Http404
    return browsed


def _known(given: QueryDict, table: Table, names: Mapping[int, str] | None) -> KnownQuery:
    """Return what counts of a table's address. names: of connections with rows in it, None when nobody counted.

    What is wrong with the value of a column is told beside it.
    """
    columns = unknown_columns(given, table)
    kept = without(given, {name: Unknown(_("Column"), column) for name, column in columns.items()})
    known = known_only(
        kept.given,
        {
            "connection": (_("Connection"), str.isdecimal if names is None else {str(pk) for pk in names}),
            "deleted": (_("Deleted rows"), DELETED),
            "run": (_("Run"), uuid_of),
        },
    )
    return KnownQuery(known.given, (*kept.unknown, *known.unknown))


def connection_names(browsed: Browsed, counted: Counted) -> Mapping[int, str]:
    """Return id -> name of the connections that have rows in a table, those that are gone too."""
    return _Names({one.pk: one.name for one in browsed.connections}, counted.by_connection or ())


def personal_context(request: HttpRequest, browsed: Browsed, table: Table) -> dict[str, Any]:
    """Return what the notice about personal columns says."""
    return {
        "has_personal": personal_columns.has_personal(table),
        "may_see_personal": may_see_personal(request.user),
        "personal_until": personal_columns.shown_until(request, browsed),
    }


class _Names(dict[int, str]):
    """Names of connections by id; one that is gone goes by its id."""

    def __init__(self, known: Mapping[int, str], others: Iterable[int]) -> None:
        names = Connection.objects.filter(pk__in=[pk for pk in others if pk not in known]).values_list("pk", "name")
        super().__init__({**known, **dict(names)})
        for pk in others:
            self.setdefault(pk, self.__missing__(pk))

    def __missing__(self, pk: int) -> str:
        return _("deleted connection %(id)s") % {"id": pk}


def _table_row(browsed: Browsed, counted: Counted, chosen: Connection | None) -> TableRow:
    tally = counted.of(chosen.pk if chosen else None)
    is_known = counted.by_connection is not None
    return TableRow(
        browsed=browsed,
        rows=(tally.live if tally else 0) if is_known else None,
        deleted=tally.deleted if tally else 0,
        last_write=tally.changed_at if tally else None,
        about=counted.about,
        exists=counted.exists,
    )


def _page(rows: Rows, asked: Asked, browsed: Browsed, given: Mapping[str, str]) -> RowPage | None:
    """Return the page that was asked for; None when finding it takes too long."""
    order = _order_of(browsed, asked)
    after, before = unseal(order, given.get("after", "")), unseal(order, given.get("before", ""))
    try:
        with warehouse().limited(PAGE_SECONDS):
            page = rows.page(asked.order, PER_PAGE, after, before if after is None else None)
            if before is not None and after is None and not page.has_before and len(page.rows) < PER_PAGE:
                return rows.page(asked.order, PER_PAGE)  # the first one, whole
            return page
    except TooLong:
        return None


def _order_of(browsed: Browsed, asked: Asked) -> str:
    """Return what a position in the rows means, so that it is never taken for one in another order."""
    return f"{browsed.shown} {asked.sort} {bool(asked.connection)}"


def _found(rows: Rows) -> int | None:
    try:
        with warehouse().limited(COUNT_SECONDS):
            return rows.count(COUNTED + 1)
    except TooLong:
        return None


def _headings(asked: Asked, browsed: Browsed, hidden: set[str]) -> list[Heading]:
    left = browsed.undeclared
    return [_heading(asked, column, hidden, left) for column in asked.shown]


def _heading(asked: Asked, column: Column, hidden: set[str], left: set[str]) -> Heading:
    name, is_masked = column.name, column.name in hidden
    by, descending = asked.sort.removeprefix("-"), asked.sort.startswith("-")
    direction = ("descending" if descending else "ascending") if by == name else ""
    other = f"-{name}" if direction == "ascending" else name
    can_sort = not is_masked and column.type != UNSORTED
    return Heading(
        column=column,
        label=str(LABELS.get(name, name)),
        sort=asked.query(sort=other) if can_sort else "",
        direction=direction,
        filter="" if is_masked else urlencode([*asked.items, ("add", name)]),
        is_masked=is_masked,
        is_left=name in left,
    )
