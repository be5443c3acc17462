"""What waits for a person's decision. Here: records that could not be loaded, many at a time or one by one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connections.catalogue import explain
from connections.sdk.errors import SyncError
from syncruns.engine.transform import Reasons
from syncruns.known_query import known_only
from syncruns.models import QuarantinedRecord
from syncruns.review.fields import PREFIX, Tables, corrections_in, fields_of, shown_table
from syncruns.review.listing import MOST_CHOSEN, Choices, Filters, chosen, every_record, neighbours, shown
from syncruns.review.records import Outcome, discard, kin_of, reopen, retry
from syncruns.review.waiting import waiting_for
from syncruns.timewords import number

PER_PAGE = 50
VIEW = "syncruns.view_quarantinedrecord"
OPERATE = "connections.operate_connection"


@require_safe
@permission_required(VIEW, raise_exception=True)
def review(request: HttpRequest) -> HttpResponse:
    """The list of records; without any, the first other page on which something waits."""
    if not request.GET:
        first = next((one.kind.page for one in waiting_for(request.user) if one.count), "review")
        if first != "review":
            return redirect(first)
    can_see = request.user.has_perm(OPERATE)
    choices = Choices.of(request.GET)
    asked = known_only(request.GET, choices.known)
    filters = Filters.of(asked.given, can_see=can_see)
    records = filters.apply(every_record()).select_related("connection", "run").defer("record", "corrections")
    page = Paginator(records, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "filters": filters,
        "asked": asked,
        "choices": choices,
        "states": choices.states.items(),
        "page": page,
        "rows": shown(page.object_list, can_see=can_see),
        "is_open": (filters.state or "open") == "open",
        "can_see": can_see,
        "until": timezone.now(),
        "most": MOST_CHOSEN,
    }
    return render(request, "console/review.html", context)


@require_POST
@permission_required(OPERATE, raise_exception=True)
def review_decide(request: HttpRequest) -> HttpResponse:
    """Retry the chosen records, or ask how many to discard and why, then do it."""
    records = chosen(request.POST, request.POST.getlist("record"), can_see=True)
    back = _list_address(Filters.of(request.POST, can_see=True))
    count = min(records.count(), MOST_CHOSEN)
    if not count:
        messages.error(request, _("Choose the records first; those you chose may have been settled meanwhile."))
        return redirect(back)
    picked = records.select_related("connection").order_by("pk")[:MOST_CHOSEN]
    if request.POST.get("act") == "retry":
        try:
            _tell(request, retry(picked, user=_person(request)))
        except (SyncError, Error) as problem:
            _tell_failure(request, problem)
        return redirect(back)
    note = " ".join(request.POST.get("note", "").split())
    error = _note_error(note) if "confirm" in request.POST else ""
    if "confirm" in request.POST and not error:
        _tell_discarded(request, discard(picked, note, user=_person(request)))
        return redirect(back)
    context = {
        "count": count,
        "ids": request.POST.getlist("record") if request.POST.get("all") != "1" else [],
        "until": request.POST.get("until", "") if request.POST.get("all") == "1" else "",
        "filters": Filters.of(request.POST, can_see=True),
        "back": back,
        "note": note,
        "error": error,
        "longest": QuarantinedRecord.LONGEST_NOTE,
    }
    return render(request, "console/review_discard.html", context, status=422 if error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(VIEW, raise_exception=True)
def review_record(request: HttpRequest, pk: int) -> HttpResponse:
    """One record: what was sent, what was wrong; with POST, load it with what a person wrote."""
    record = get_object_or_404(every_record().select_related("connection", "run"), pk=pk)
    if request.method != "POST":
        return render(request, "console/review_record.html", _record_context(request, record))
    if not request.user.has_perm(OPERATE):
        raise PermissionDenied
    table = Tables().of(record)
    if not record.is_open or table is None:
        messages.error(request, _("This record was settled meanwhile, or its table is no longer declared."))
        return redirect(request.get_full_path())
    if request.POST.get("seen") != record.last_seen_at.isoformat():
        messages.error(request, _("The source has sent this record again meanwhile; here is what it says now."))
        return redirect(request.get_full_path())
    values = corrections_in(record, table, request.POST)
    try:
        outcome = retry([record], user=_person(request), corrections={record.pk: values})
    except (SyncError, Error) as problem:
        _tell_failure(request, problem)
        return _again(request, record, None)
    if outcome.refused:
        return _again(request, record, outcome.refused[record.pk])
    _tell(request, outcome)
    return _onwards(request, record) if outcome.loaded else _again(request, record, None)


@require_POST
@permission_required(OPERATE, raise_exception=True)
def review_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave one record out, with the reason a person gives."""
    record = get_object_or_404(every_record().select_related("connection", "run"), pk=pk)
    note = " ".join(request.POST.get("note", "").split())
    if error := _note_error(note):
        context = _record_context(request, record) | {"note": note, "note_error": error}
        return render(request, "console/review_record.html", context, status=422)
    _tell_discarded(request, discard([record], note, user=_person(request)))
    return _onwards(request, record)


@require_POST
@permission_required(OPERATE, raise_exception=True)
def review_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what was decided about one record."""
    record = get_object_or_404(every_record().select_related("connection"), pk=pk)
    if reopen(record, user=_person(request)):
        messages.success(request, _("The record waits for review again."))
    return redirect(_record_address(request, record))


def _record_context(
    request: HttpRequest, record: QuarantinedRecord, typed: Any = None, refused: Reasons | None = None
) -> dict[str, Any]:
    can_see = request.user.has_perm(OPERATE)
    filters = Filters.of(request.GET, can_see=can_see)
    tables = Tables()
    table = tables.of(record)
    fields = fields_of(record, table, can_see=can_see, typed=typed, refused=refused)
    open_records = filters.apply(every_record().filter(state=QuarantinedRecord.State.OPEN))
    before, after = neighbours(open_records, record)
    return {
        "record": record,
        "connection": record.connection,
        "key": tables.key_shown(record, can_see=can_see),
        "table": shown_table(record.connection.kind, record.table),
        "is_declared": table is not None,
        "wrong": [field for field in fields if field.wrong],
        "fine": [field for field in fields if not field.wrong],
        "fields": fields,
        "can_decide": can_see and record.is_open,
        "filters": filters,
        "kin": kin_of(record),
        "before": before,
        "after": after,
        "longest": QuarantinedRecord.LONGEST_NOTE,
    }


def _again(request: HttpRequest, record: QuarantinedRecord, refused: Reasons | None) -> HttpResponse:
    """Show the form again with what was typed, and why it cannot be loaded either."""
    typed = {name: value for name, value in request.POST.items() if name.startswith(PREFIX)}
    context = _record_context(request, record, typed, refused) | {"was_refused": refused is not None}
    return render(request, "console/review_record.html", context, status=422)


def _onwards(request: HttpRequest, record: QuarantinedRecord) -> HttpResponse:
    """Lead to the next open record of the list the person came from, or back to the list."""
    filters = Filters.of(request.GET, can_see=True)
    open_records = filters.apply(every_record().filter(state=QuarantinedRecord.State.OPEN))
    _before, after = neighbours(open_records, record)
    return redirect(_record_address(request, after) if after else _list_address(filters))


def _record_address(request: HttpRequest, record: QuarantinedRecord) -> str:
    query = request.GET.urlencode()
    return reverse("review_record", args=[record.pk]) + (f"?{query}" if query else "")


def _list_address(filters: Filters) -> str:
    return reverse("review") + (f"?{filters.query}" if filters.query else "")


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _note_error(note: str) -> str:
    if not note:
        return _("Say why; whoever looks later will want to know.")
    if len(note) > QuarantinedRecord.LONGEST_NOTE:
        return _("Use at most %(count)s characters.") % {"count": QuarantinedRecord.LONGEST_NOTE}
    return ""


def _tell(request: HttpRequest, outcome: Outcome) -> None:
    """Say what came of a retry, in numbers."""
    if outcome.loaded:
        text = ngettext("%(count)s record was loaded.", "%(count)s records were loaded.", outcome.loaded)
        messages.success(request, text % {"count": number(outcome.loaded)})
    if outcome.refused:
        count = len(outcome.refused)
        text = ngettext("%(count)s record still cannot be loaded.", "%(count)s records still cannot be loaded.", count)
        messages.warning(request, text % {"count": number(count)})
    if outcome.decided:
        messages.info(request, _("Somebody else decided meanwhile; nothing was overwritten."))
    for connection in sorted(outcome.busy, key=str):
        text = _("%(name)s is syncing at the moment, so nothing was written; try again when its run has ended.")
        messages.warning(request, text % {"name": connection.name})
    for connection in sorted(outcome.unreadable, key=str):
        text = _("The settings of %(name)s no longer declare these tables, so their records cannot be loaded.")
        messages.warning(request, text % {"name": connection.name})


def _tell_discarded(request: HttpRequest, count: int) -> None:
    if not count:
        messages.info(request, _("Somebody else decided meanwhile; nothing was overwritten."))
        return
    text = ngettext("%(count)s record was discarded.", "%(count)s records were discarded.", count)
    messages.success(request, text % {"count": number(count)})


def _tell_failure(request: HttpRequest, problem: Exception) -> None:
    error = problem if isinstance(problem, SyncError) else SyncError("destination_failed")
    explanation = explain(error.code, error.params)
    messages.error(request, f"{explanation.title}. {explanation.sentence}")
