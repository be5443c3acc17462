"""Deletions that wait for a person: where some do, which rows would go, and what to do with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from connections.models import Connection
from connections.people.roles import may_see_personal
from connections.sdk.declare import Column
from syncruns import decisions, timewords
from syncruns.decisions import HeldRow, State
from syncruns.health import DELETE_BRAKE
from syncruns.models import DeleteBrake
from syncruns.review.fields import shown_table
from syncruns.review.waiting import held_deletions
from syncruns.views.connections import connection_frame

PER_PAGE = 50
LONGEST_VALUE = 60
DECIDED = {"delete": State.APPROVED, "keep": State.KEPT}


@dataclass(frozen=True)
class Cell:
    """One value in the reader's language; None where he may not see it."""

    column: Column
    value: str | None


@dataclass(frozen=True)
class RowShown:
    pk: int
    missed_at: datetime
    cells: list[Cell]

    @property
    def name(self) -> str:
        """What screen readers call the row: the first part of its key."""
        return (self.cells[0].value if self.cells else None) or "—"


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def review_deletions(request: HttpRequest) -> HttpResponse:
    """List the tables of all connections in which deletions wait."""
    brakes = held_deletions().select_related("connection", "run").order_by("pulled_at", "pk")
    page = Paginator(brakes, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(brake, shown_table(brake.connection.kind, brake.table)) for brake in page.object_list]
    return render(request, "console/review_deletions.html", {"page": page, "rows": rows})


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def connection_deletions(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the held rows of one table, ?table=NAME when there are several."""
    context = connection_frame(slug, "deletions", timezone.now())
    connection: Connection = context["connection"]
    brakes = list(DeleteBrake.objects.filter(connection=connection).select_related("connection"))
    wanted = request.GET.get("table", "")
    brake = next((one for one in brakes if one.table == wanted), brakes[0] if brakes else None)
    names = [(one, shown_table(connection.kind, one.table)) for one in brakes]
    context["faults"] = [fault for fault in context["faults"] if fault.explanation.code != DELETE_BRAKE]  # told below
    context |= {"brakes": names, "brake": brake, "table": brake and dict(names)[brake], "fault": None}
    if brake is not None:
        rows = decisions.held(brake)
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        columns = decisions.shown_columns(brake)
        sees_all = may_see_personal(request.user)
        context |= {
            "page": page,
            "columns": columns,
            "rows": [_told(row, columns, sees_all) for row in decisions.rows_shown(brake, list(page.object_list))],
            "as_of": rows.aggregate(at=Max("held_at"))["at"],
        }
    return render(request, "console/connection_deletions.html", context)


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def connection_decide(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete or keep the held rows of a table: all that the person was shown, or those he chose."""
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    brake = DeleteBrake.objects.filter(connection=connection, table=request.POST.get("table", "")).first()
    what, _underscore, extent = request.POST.get("do", "").partition("_")
    back = reverse("connection_deletions", args=[slug])
    if brake is None or what not in DECIDED:
        return _changed(request, back)
    chosen = None
    if extent != "all":
        chosen = [int(pk) for pk in request.POST.getlist("row") if pk.isascii() and pk.isdigit()]
        if not chosen:
            messages.error(request, _("Choose the rows first."))
            return redirect(f"{back}?table={brake.table}")
    as_of = parse_datetime(request.POST.get("as_of", ""))
    count = decisions.decide(brake, DECIDED[what], chosen=chosen, as_of=as_of, user=request.user)
    if not count:
        return _changed(request, back)
    if what == "delete":
        said = ngettext(
            "%(count)s row is being deleted, as soon as no run is active.",
            "%(count)s rows are being deleted, as soon as no run is active.",
            count,
        )
    else:
        said = ngettext(
            "%(count)s row stays; it is not proposed again.", "%(count)s rows stay; they are not proposed again.", count
        )
    messages.success(request, said % {"count": timewords.number(count)})
    return redirect(back)


def _changed(request: HttpRequest, back: str) -> HttpResponse:
    messages.info(request, _("Nothing was decided: the list has changed since you opened it."))
    return redirect(back)


def _told(row: HeldRow, columns: tuple[Column, ...], sees_all: bool) -> RowShown:
    cells = [
        Cell(column, None if column.personal and not sees_all else _value(column, value))
        for column, value in zip(columns, row.values, strict=False)
    ]
    return RowShown(row.pk, row.missed_at, cells)


def _value(column: Column, value: Any) -> str:
    """Return a stored value for a person; whole numbers as they are, for many are no amounts."""
    if column.type == "decimal" and value is not None:
        return str(number_format(Decimal(str(value)), column.scale, use_l10n=True, force_grouping=True))
    match value:
        case bool():
            return _("yes") if value else _("no")
        case datetime():
            return timewords.exact(value if timezone.is_aware(value) else timezone.make_aware(value))
        case date():
            return date_format(value, "SHORT_DATE_FORMAT")
        case None:
            return "—"
    return Truncator(str(value)).chars(LONGEST_VALUE)
