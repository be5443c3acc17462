"""The page of a connection's backfills: what goes on, how far it is, and beginning, stopping and resuming them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta, tzinfo

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from connections.catalogue import explain
from connections.explanation import Explanation
from connections.forms.beginning import day_in_zone
from connections.forms.fields import words
from connections.models import Connection
from connections.schedule import zone
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid
from connections.services import SelectedStream
from syncruns import backfills
from syncruns.health import label_of
from syncruns.models import Backfill
from syncruns.views.connections import connection_frame

SHOWN = 20
LONGEST_PAUSE = 3600
FIELDS = ("stream", "since", "until")  # of the form that begins one, in its order


@dataclass(frozen=True)
class BackfillShown:
    """One backfill with its words. percent: rounded down, so that 100 means done."""

    backfill: Backfill
    label: str
    percent: int
    failure: Explanation | None
    since: date
    until: date  # the last day of the range

    @property
    def is_going_on(self) -> bool:
        return self.backfill.state == Backfill.State.RUNNING

    @property
    def can_resume(self) -> bool:
        return self.backfill.state in (Backfill.State.STOPPED, Backfill.State.FAILED)


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def connection_backfills(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, slug)


def _page(request: HttpRequest, slug: str, problems: Mapping[str, str] | None = None) -> HttpResponse:
    """problems: what is wrong with the form that was sent, by field."""
    context = connection_frame(slug, "backfills", timezone.now())
    connection = context["connection"]
    streams = _streams(connection)
    labels = {one.stream.key: _(one.stream.label) for one in streams}
    newest = connection.backfills.select_related("requested_by")[:SHOWN]
    context |= {
        "backfills": (found := [_shown(one, labels, connection) for one in newest]),
        "goes_on": any(one.is_going_on for one in found),
        "streams": list(labels.items()),
        "today": timezone.localdate(),
        "problems": problems or {},
        "wrong": next((name for name in FIELDS if name in (problems or {})), ""),
        "typed": request.POST if problems else {},
    }
    return render(request, "console/connection_backfills.html", context, status=422 if problems else 200)


def _streams(connection: Connection) -> list[SelectedStream]:
    try:
        return backfills.streams_to_fill(connection)
    except SyncError:
        return []


def _shown(backfill: Backfill, labels: dict[str, str], connection: Connection) -> BackfillShown:
    code = backfill.error_code
    failure = explain(code, backfill.error_params, label_of(connection.kind)) if code else None
    label = labels.get(backfill.stream, backfill.stream)
    local = _zone(connection)
    days = [at.astimezone(local).date() for at in (backfill.begin, backfill.end - timedelta(microseconds=1))]
    return BackfillShown(backfill, label, int(backfill.share * 100), failure, *days)


def _zone(connection: Connection) -> tzinfo:
    try:
        return zone(connection.time_zone)
    except SyncError:
        return UTC


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def backfill_begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin a backfill of one stream from the form's days, the last one included."""
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    try:
        begin = day_in_zone(request.POST.get("since", ""), connection.time_zone)
        end = day_in_zone(request.POST.get("until", ""), connection.time_zone)
        if begin is None or end is None:
            days = {"since": begin, "until": end}
            return _page(request, slug, {name: _("Choose a day.") for name, day in days.items() if day is None})
        _backfill, created = backfills.begin_backfill(
            connection, request.POST.get("stream", ""), begin, backfills.day_after(end),
            pause_seconds=_pause(request.POST.get("pause", "")), user=request.user,
        )  # fmt: skip
    except SettingsInvalid as invalid:
        return _page(request, slug, {str(one.path[-1]): words(one.text, one.params) for one in invalid.problems})
    except SyncError:
        return _page(request, slug, {"stream": _("Choose a stream that can be read for a range.")})
    if created:
        messages.success(request, _("The backfill has begun; its windows run whenever no sync is due."))
    else:
        messages.error(request, _("This stream has a backfill that is still open; resume it, or wait for its end."))
    return redirect("connection_backfills", slug)


def _pause(text: str) -> int:
    text = text.strip()
    return min(int(text), LONGEST_PAUSE) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def backfill_stop(request: HttpRequest, slug: str, backfill: int) -> HttpResponse:
    found = get_object_or_404(Backfill, pk=backfill, connection__slug=slug, connection__deletion="")
    if backfills.stop_backfill(found, user=request.user):
        messages.success(request, _("The backfill stops; what it loaded stays, and it can be resumed."))
    else:
        messages.info(request, _("This backfill was not going on."))
    return redirect("connection_backfills", slug)


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def backfill_resume(request: HttpRequest, slug: str, backfill: int) -> HttpResponse:
    found = get_object_or_404(Backfill, pk=backfill, connection__slug=slug, connection__deletion="")
    if backfills.resume_backfill(found, user=request.user):
        messages.success(request, _("The backfill goes on from where it was."))
    else:
        messages.info(request, _("This backfill is going on, or is done."))
    return redirect("connection_backfills", slug)
