"""Values that people set instead of the source's: all of them, and the row that one belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import Error
from django.db.models import Case, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connections.catalogue import explain
from connections.models import Connection
from connections.people.roles import may_see_personal
from connections.sdk.declare import MASK, Column, Key, Step
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.engine.corrections import kept_value
from syncruns.engine.review import Busy
from syncruns.engine.transform import Reasons, spelled_key
from syncruns.known_query import KnownFilters, known_only, value_of
from syncruns.models import Correction
from syncruns.reasons import why
from syncruns.record_address import key_parts, record_url
from syncruns.review.corrections import (
    STANDING,
    Moved,
    Place,
    Unfit,
    canonical,
    correct,
    keep,
    place_of,
    seen_as,
    take_back,
)
from syncruns.review.corrections_shown import (
    connections_corrected,
    correctable_tables,
    corrections_shown,
    in_words,
    written_records,
)
from syncruns.review.fields import PREFIX, Field, hint_of, spelled, written

PER_PAGE = 50
VIEW = "syncruns.view_correction"
OPERATE = "connections.operate_connection"
# What waits for a person comes first.
ORDER = Case(When(state=Correction.State.SUPERSEDED, then=Value(1)), default=Value(2))


@require_safe
@permission_required(VIEW, raise_exception=True)
def corrections(request: HttpRequest) -> HttpResponse:
    """The list; with `in` and `key`, the way to the row that somebody looks for."""
    if "in" in request.GET:
        return _to_record(request)
    states = {"": pgettext("corrections", "Not ended"), **dict(Correction.State.choices), "all": _("Any state")}
    connections = connections_corrected(value_of(request.GET, "connection"))
    known: KnownFilters = {"state": (_("State"), states), "connection": (_("Connection"), connections)}
    asked = known_only(request.GET, known)
    state, slug = asked.given.get("state", ""), asked.given.get("connection", "")
    found = Correction.objects.filter(connection__deletion="").select_related("connection")
    found = found.prefetch_related("connection__stream_settings")
    found = found.filter(state=state) if state in Correction.State.values else found
    found = found.filter(state__in=STANDING) if not state else found
    found = found.filter(connection__slug=slug) if slug else found
    page = Paginator(found.order_by(ORDER, "-made_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    can_see = may_see_personal(request.user)
    sees_records = request.user.has_perm("syncruns.view_quarantinedrecord")
    context = {
        "asked": asked,
        "page": page,
        "rows": corrections_shown(page.object_list, can_see=can_see),
        "state": state,
        "states": states.items(),
        "connection": slug,
        "connections": connections.items(),
        "places": correctable_tables() if request.user.has_perm(OPERATE) else [],
        "wanted": request.GET.get("from", ""),
        "written": written_records(slug, can_see=can_see) if state in ("", "all") and sees_records else [],
    }
    return render(request, "console/corrections.html", context)


@require_POST
@permission_required(OPERATE, raise_exception=True)
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a correction back, or keep it against the source's new value."""
    correction = get_object_or_404(Correction.objects.select_related("connection"), pk=pk, connection__deletion="")
    keeps = request.POST.get("act") == "keep"
    if correction.state == Correction.State.ENDED or (keeps and correction.state != Correction.State.SUPERSEDED):
        messages.info(request, _("Somebody else decided meanwhile; nothing was overwritten."))
        return _back(request)
    try:
        if keeps:
            keep(correction, user=_person(request))
            messages.success(
                request, _("The correction is in force again; it holds until the source sends another value.")
            )
        else:
            take_back(correction, user=_person(request))
            messages.success(request, _("The correction has ended; the row has the source's value."))
    except (Busy, Moved, SyncError, Error) as problem:
        _tell(request, problem, correction.connection)
    return _back(request)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(VIEW, raise_exception=True)
def record(request: HttpRequest, slug: str, stream: str, table: str, key: str) -> HttpResponse:
    """One row as it is stored, with what was corrected; with POST, correct it."""
    if request.method == "POST" and not request.user.has_perm(OPERATE):
        raise PermissionDenied
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    place = place_of(connection, stream, table)
    wanted = place.key_of(key_parts(key)) if place is not None else None
    row = place.row(wanted) if place is not None and wanted is not None else None
    if place is not None and place.table.has_personal_key and not may_see_personal(request.user):
        raise PermissionDenied  # whoever may not see keys may not try them out either
    if place is None or wanted is None or row is None:
        raise Http404
    if request.method != "POST":
        return render(request, "console/record.html", _record_context(request, place, wanted, row))
    note = " ".join(request.POST.get("note", "").split())[: Correction.LONGEST_NOTE]
    given = {
        column.name: written(column, request.POST[PREFIX + column.name])
        for column in place.table.columns
        if column.is_correctable and request.POST.get(PREFIX + column.name, _text(column, row)) != _text(column, row)
    }
    if not given:
        messages.info(request, _("Nothing was changed."))
        return redirect(request.get_full_path())
    try:
        correct(place, wanted, given, seen=request.POST.get("seen", ""), note=note, user=_person(request))
    except Unfit as unfit:
        context = _record_context(request, place, wanted, row, unfit.reasons) | {"note": note}
        return render(request, "console/record.html", context, status=422)
    except (Busy, Moved, SyncError, Error) as problem:
        _tell(request, problem, connection)
        context = _record_context(request, place, wanted, row, {}) | {"note": note}
        return render(request, "console/record.html", context, status=409)
    messages.success(
        request, _("Saved. The row has your value now, and keeps it while the source sends the same as before.")
    )
    return redirect(request.get_full_path())


def _record_context(
    request: HttpRequest, place: Place, key: Key, row: Mapping[str, Any], refused: Reasons | None = None
) -> dict[str, Any]:
    can_see = may_see_personal(request.user)
    history = list(
        Correction.objects.filter(
            connection=place.connection, table=place.table.name, record_key=spelled_key(key)
        ).select_related("connection")[:PER_PAGE]
    )
    standing = {one.column: one for one in history if one.state in STANDING}
    fields = [
        (
            _field(request, place, column, row, standing.get(column.name), refused, can_see=can_see),
            standing.get(column.name),
        )
        for column in place.table.columns
    ]
    by_column = {column.name: column for column in place.table.columns}
    return {
        "connection": place.connection,
        "place": place,
        "stream": _(place.stream.label),
        "key": MASK if place.table.has_personal_key and not can_see else spelled_key(key),
        "correctable": [pair for pair in fields if by_column[pair[0].name].is_correctable],
        "others": [field for field, _one in fields if not by_column[field.name].is_correctable],
        "always": [name for name, column in by_column.items() if column.correctable == "always"],
        "seen": seen_as(row),
        "history": corrections_shown(history, can_see=can_see),
        "can_correct": request.user.has_perm(OPERATE),
        "followers": _followers(place),
        "longest": Correction.LONGEST_NOTE,
    }


def _field(
    request: HttpRequest,
    place: Place,
    column: Column,
    row: Mapping[str, Any],
    standing: Correction | None,
    refused: Reasons | None,
    *,
    can_see: bool,
) -> Field:
    name, in_key = column.name, column.name in place.table.key
    if column.personal and not can_see:
        return Field(name, column.type, in_key, MASK, MASK, is_masked=True)
    text = _text(column, row)
    typed = request.POST.get(PREFIX + name, text) if refused is not None else text
    is_corrected = standing is not None and standing.state == Correction.State.ACTIVE
    source = standing.source if standing is not None and is_corrected else kept_value(canonical(column, row[name]))
    is_refused = bool(refused and name in refused)
    return Field(
        name=name,
        kind=column.type,
        in_key=in_key,
        source=in_words(column, source),
        text=typed,
        wrong=why(refused[name]) if refused and is_refused else "",
        hint=hint_of(column),
        document=text if column.document else "",
        is_refused=is_refused,
    )


def _text(column: Column, row: Mapping[str, Any]) -> str:
    return spelled(kept_value(canonical(column, row[column.name])))


def _followers(place: Place) -> list[str]:
    """Return the labels of the steps that work on the table's rows."""
    steps = [one.stream for one in streams_of(place.connection) if one.enabled]
    return [_(step.label) for step in steps if isinstance(step, Step) and place.stream.key in step.needs]


def _to_record(request: HttpRequest) -> HttpResponse:
    """Lead to the row that was asked for, or say that there is none."""
    chosen, text = request.GET.get("in", ""), request.GET.get("key", "")
    slug, _colon, rest = chosen.partition(":")
    stream, _colon, table = rest.partition(":")
    connection = Connection.objects.filter(slug=slug, deletion="").first()
    place = place_of(connection, stream, table) if connection is not None else None
    key = place.read_key(text) if place is not None else None
    if place is not None and key is not None and place.row(key) is not None:
        return redirect(record_url(slug, stream, table, [kept_value(part) for part in key]))
    if place is not None:
        messages.error(request, _("%(table)s has no row with the key %(key)s.") % {"table": place.shown, "key": text})
    else:
        messages.error(request, _("Choose the table first."))
    return redirect(f"{reverse('review_corrections')}?{urlencode({'from': chosen})}")


def _tell(request: HttpRequest, problem: Exception, connection: Connection) -> None:
    if isinstance(problem, Busy):
        text = _("%(name)s is syncing at the moment, so nothing was written; try again when its run has ended.")
        messages.warning(request, text % {"name": connection.name})
    elif isinstance(problem, Moved):
        messages.warning(request, _("The row has changed meanwhile, so nothing was written; here is what it says now."))
    else:
        error = problem if isinstance(problem, SyncError) else SyncError("destination_failed")
        explanation = explain(error.code, error.params)
        messages.error(request, f"{explanation.title}. {explanation.sentence}")


def _back(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return redirect(wanted if is_ours else reverse("review_corrections"))


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
