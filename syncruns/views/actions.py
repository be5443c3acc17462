"""What buttons do. Each is a POST that works as a plain form; htmx swaps the row and shows the message beside it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from connections.catalogue import explain
from connections.defaults import LONGEST_WINDOW
from connections.forms.beginning import day_in_zone
from connections.forms.fields import words
from connections.models import Connection
from connections.sandbox import SAMPLES
from connections.sdk.declare import Step
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid
from connections.services import set_auto_sync, set_stream, streams_of
from syncruns.deletion import delete_connection
from syncruns.health import label_of
from syncruns.listing import load_row
from syncruns.models import SyncRun
from syncruns.sample import create_sample
from syncruns.services import cancel_run, request_sync, retry_run
from syncruns.views.connections import danger_context

NONSENSE = -1
MINUTES = {
    "window_minutes": gettext_noop("The look-back must be a whole number of minutes, or empty for the usual one."),
    "every_minutes": gettext_noop("The rhythm must be a whole number of minutes, or empty for the usual one."),
}


def _found(slug: str) -> Connection:
    return get_object_or_404(Connection, slug=slug, deletion="")


def _refused(request: HttpRequest, connection: Connection, error: SyncError) -> None:
    explanation = explain(error.code, error.params, label_of(connection.kind))
    messages.error(request, f"{explanation.title}. {explanation.sentence}")


def _back(request: HttpRequest, fallback: str, *args: object) -> HttpResponse:
    """Return to the page the form was on, if it is one of ours."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return redirect(wanted)
    return redirect(fallback, *args)


def _row(request: HttpRequest, connection: Connection, undo: str = "") -> HttpResponse:
    """Answer htmx with the connection's row as it is now, and what there is to say in a toast."""
    connection.refresh_from_db()
    row = load_row(connection, timezone.now())
    context = {"row": row, "undo": undo, "with_toasts": True, "can_pick": "can_pick" in request.POST}
    return render(request, "console/_row.html", context)


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def connection_auto_sync(request: HttpRequest, slug: str) -> HttpResponse:
    """Switch automatic syncing on or off; the form says which."""
    connection = _found(slug)
    on = request.POST.get("on") == "1"
    try:
        connection = set_auto_sync(connection, on, user=request.user)
    except SyncError as error:
        _refused(request, connection, error)
    else:
        said = _("Automatic syncing of %(name)s is on.") if on else _("Automatic syncing of %(name)s is off.")
        messages.success(request, said % {"name": connection.name})
    if request.htmx:  # type: ignore[attr-defined]
        return _row(request, connection, undo="0" if on else "1")
    return _back(request, "connection", slug)


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def connection_sync(request: HttpRequest, slug: str) -> HttpResponse:
    """Sync now, or since a date; with a run already active, lead to that run."""
    connection = _found(slug)
    stream, dry = request.POST.get("stream"), request.POST.get("dry_run") == "1"
    try:
        since = day_in_zone(request.POST.get("since", ""), connection.time_zone)
        run, created = request_sync(
            connection, user=request.user, streams=[stream] if stream else None, since=since, dry=dry
        )
    except SettingsInvalid as invalid:
        messages.error(request, " ".join(words(problem.text, problem.params) for problem in invalid.problems))
        return _back(request, "connection", slug)
    except SyncError as error:
        _refused(request, connection, error)
        return _row(request, connection) if request.htmx else _back(request, "connection", slug)  # type: ignore[attr-defined]
    if not created:
        messages.info(request, _("%(name)s was already syncing; this is that run.") % {"name": connection.name})
    if request.htmx and created and not dry:  # type: ignore[attr-defined]
        messages.success(request, _("%(name)s is syncing.") % {"name": connection.name})
        return _row(request, connection)
    return _to_run(request, run)


def _to_run(request: HttpRequest, run: SyncRun) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        # htmx would follow a redirect by itself and put the whole page into the row.
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("run", args=[run.pk])})
    return redirect("run", run.pk)


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def connection_stream(request: HttpRequest, slug: str, stream: str) -> HttpResponse:
    """Switch one stream on or off, or set its look-back and its rhythm."""
    connection = _found(slug)
    choices: dict[str, Any] = {name: _minutes(request.POST[name]) for name in MINUTES if name in request.POST}
    if not choices:
        choices["enabled"] = request.POST.get("enabled") == "1"
    elif not request.user.has_perm("connections.change_connection"):
        raise PermissionDenied
    for name, told in MINUTES.items():
        if choices.get(name) == NONSENSE or (name == "window_minutes" and choices.get(name) == 0):
            messages.error(request, _(told))
            return _back(request, "connection", slug)
    try:
        set_stream(connection, stream, user=request.user, **choices)
    except SyncError as error:
        _refused(request, connection, error)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _stream_words(connection, stream, choices))
    return _back(request, "connection", slug)


def _stream_words(connection: Connection, stream: str, choices: dict[str, Any]) -> str:
    if "enabled" not in choices:
        return _("Saved; the next sync follows it.")
    found = next((one.stream for one in streams_of(connection) if one.stream.key == stream), None)
    label = _(found.label) if found is not None else stream
    if isinstance(found, Step):
        if choices["enabled"]:
            return _("%(step)s is switched on; it is done after the next sync.") % {"step": label}
        return _("%(step)s is switched off; its rows stay. Switch it on again under Steps.") % {"step": label}
    if choices["enabled"]:
        return _("%(stream)s is switched on; the next sync reads it.") % {"stream": label}
    return _("%(stream)s is switched off; its rows stay. Switch it on again under Streams.") % {"stream": label}


def _minutes(text: str) -> int | None:
    """Return the minutes typed, None for an empty field, NONSENSE for what is not a sensible number."""
    text = text.strip()
    if not text:
        return None
    minutes = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else NONSENSE
    return minutes if minutes <= LONGEST_WINDOW else NONSENSE


@require_POST
@permission_required("connections.delete_connection", raise_exception=True)
def connection_delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete a connection once its name was typed and its data decided on."""
    connection = _found(slug)
    data, typed = request.POST.get("data", ""), request.POST.get("name", "")
    errors = {}
    if data not in ("keep", "drop"):
        errors["data"] = _("Choose what happens to the rows.")
    if " ".join(typed.split()) != connection.name:
        errors["name"] = _("This is not the name of the connection.")
    if errors:
        context = danger_context(slug) | {"errors": errors, "typed": typed, "data": data}
        return render(request, "console/connection_danger.html", context, status=422)
    delete_connection(connection, keep_data=data == "keep", user=request.user)
    messages.success(request, _("%(name)s is being deleted.") % {"name": connection.name})
    return redirect("connections")


@require_POST
@permission_required("connections.add_connection", raise_exception=True)
def sample_create(request: HttpRequest) -> HttpResponse:
    """Create the sample connection of the kind that was chosen and lead to its first sync."""
    kind = request.POST.get("kind", "rest")
    if kind not in SAMPLES:
        raise Http404
    try:
        connection = create_sample(kind, user=request.user)
    except SyncError as error:
        explanation = explain(error.code, error.params)
        messages.error(request, f"{explanation.title}. {explanation.sentence}")
        return redirect("overview")
    active = SyncRun.objects.filter(connection=connection, state__in=SyncRun.ACTIVE).first()
    return redirect("run", active.pk) if active else redirect("connection", connection.slug)


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def run_cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    run = get_object_or_404(SyncRun.objects.select_related("connection"), pk=run_id)
    if cancel_run(run, user=request.user):
        messages.success(request, _("The run is being cancelled; what it loaded stays."))
    else:
        messages.info(request, _("This run had already ended, or was cancelled before."))
    return redirect("run", run.pk)


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def run_retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Queue the run's work again, all of it or only what did not succeed."""
    run = get_object_or_404(SyncRun.objects.select_related("connection"), pk=run_id, connection__deletion="")
    if run.resets and not request.user.has_perm("connections.change_connection"):
        raise PermissionDenied
    only = request.POST.get("only") == "unfinished"
    try:
        again, created = retry_run(run, user=request.user, only_unfinished=only)
    except SyncError as error:
        _refused(request, run.connection, error)
        return redirect("run", run.pk)
    if not created:
        messages.info(request, _("%(name)s was already syncing; this is that run.") % {"name": run.connection.name})
    return redirect("run", again.pk)
