"""A connection's schedule: the next slots, what became of the last ones, and pausing it for a while."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from connections.models import Connection
from connections.services import update_connection
from syncruns import timewords
from syncruns.forecast import forecast
from syncruns.health import grace_of
from syncruns.known_query import known_only
from syncruns.ledger import ledger
from syncruns.pausing import LONGEST, pause
from syncruns.views.connections import connection_frame

PER_PAGE = 25
TROUBLE, ALL = "trouble", "all"
MORNING = time(8)
CHOICES = {
    "1h": gettext_lazy("1 hour"),
    "4h": gettext_lazy("4 hours"),
    "tomorrow": gettext_lazy("until tomorrow, 08:00"),
    "monday": gettext_lazy("until Monday, 08:00"),
}


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def connection_schedule(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "console/connection_schedule.html", _context(request, slug))


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def connection_pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause until a chosen or typed moment; `lift` ends a pause now."""
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    if "lift" in request.POST:
        pause(connection, None, user=request.user)
        messages.success(
            request, _("The pause has ended; %(name)s syncs at its next slot.") % {"name": connection.name}
        )
        return _back(slug)
    now = timezone.now()
    typed = request.POST.get("until", "").strip()
    until = chosen_moment(request.POST.get("for", ""), now) or typed_moment(typed)
    if error := _error(until, now):
        context = _context(request, slug) | {"pause_error": error, "pause_typed": typed}
        return render(request, "console/connection_schedule.html", context, status=422)
    pause(connection, until, user=request.user)
    said = {"name": connection.name, "time": timewords.clock(until, now) if until else ""}
    messages.success(request, _("%(name)s is paused until %(time)s. Sync now still works.") % said)
    return _back(slug)


@require_POST
@permission_required("connections.change_connection", raise_exception=True)
def connection_catch_up(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose what happens to slots that were missed while no worker was up."""
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    choice = request.POST.get("catch_up", "")
    if choice in Connection.CatchUp.values:
        update_connection(connection, schedule={"catch_up": choice}, user=request.user)
        messages.success(request, _("Saved."))
    return _back(slug)


def _context(request: HttpRequest, slug: str) -> dict[str, Any]:
    now = timezone.now()
    context = connection_frame(slug, "schedule", now)
    connection = context["connection"]
    accounted = ledger(connection, now)
    shows = {TROUBLE: _("Only trouble"), ALL: _("All slots")}
    asked = known_only(request.GET, {"show": (_("What to show"), shows)})
    # What did not run answers the question; all is shown when all ran.
    show = asked.given.get("show") or (TROUBLE if accounted.trouble else ALL)
    entries = accounted.trouble if show == TROUBLE else accounted.entries
    paused_until = connection.paused_until
    return context | {
        "forecast": forecast(connection, now),
        "ledger": accounted,
        "page": Paginator(entries, PER_PAGE).get_page(request.GET.get("page")),
        "show": show,
        "asked": asked,
        "shows": shows.items(),
        "grace": grace_of(connection),
        "paused_until": paused_until if paused_until and paused_until > now else None,
        "pause_choices": CHOICES.items(),
        "catch_up_choices": Connection.CatchUp.choices,
    }


def chosen_moment(choice: str, now: datetime) -> datetime | None:
    """Return the moment a quick choice means, in the reader's zone; None for another choice."""
    local = timezone.localtime(now)
    match choice:
        case "1h":
            return now + timedelta(hours=1)
        case "4h":
            return now + timedelta(hours=4)
        case "tomorrow":
            days = 1
        case "monday":
            days = 7 - local.weekday()
        case _:
            return None
    return timezone.make_aware(datetime.combine(local.date() + timedelta(days=days), MORNING))


def typed_moment(text: str) -> datetime | None:
    """Return what a date-and-time field sent, in the reader's zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    except (ValueError, OverflowError):
        return None


def _error(until: datetime | None, now: datetime) -> str:
    if until is None:
        return _("Choose a date and time.")
    if until <= now:
        return _("This moment has passed already.")
    if until - now > LONGEST:
        return _("Choose a moment within a year; to stop for longer, switch automatic syncing off.")
    return ""


def _back(slug: str) -> HttpResponse:
    return redirect(reverse("connection_schedule", args=[slug]))
