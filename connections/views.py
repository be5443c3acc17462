"""Pages that create and change connections. Every button of the form works as a plain POST; htmx swaps the form."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from connections import connectors
from connections.forms import ConnectionForm, Drawing, timing
from connections.forms.entries import Path, posted
from connections.forms.fields import words
from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid, check_settings

EDITS = ("add", "remove", "suggest", "replace", "offer")


@require_GET
@permission_required("connections.add_connection", raise_exception=True)
def connection_new(request: HttpRequest) -> HttpResponse:
    """Offer the kinds of source there are."""
    kinds = [
        {
            "kind": one.kind, "icon": one.icon, "label": words(one.label), "description": words(one.description),
            "is_beta": one.is_beta,
        }
        for one in connectors.REGISTRY
    ]  # fmt: skip
    return render(request, "connections/kinds.html", {"kinds": kinds})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@permission_required("connections.add_connection", raise_exception=True)
def connection_new_kind(request: HttpRequest, kind: str) -> HttpResponse:
    """Show, test and save the form of a new connection; with `from`, one that begins as a copy of another."""
    connector = _connector_or_404(kind)
    data = request.POST if request.method == "POST" else None
    like = None
    if slug := request.GET.get("from"):
        like = get_object_or_404(Connection, slug=slug, kind=kind, deletion="")
    if like is not None and data is not None and "copy" in data:  # from the settings of the one it is a copy of
        form = ConnectionForm(connector, request.user, like=like)
        form.take_over(data)
        return _show(request, form, can_change=True)
    return _work(request, ConnectionForm(connector, request.user, like=like, data=data), can_change=True)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@permission_required("connections.view_connection", raise_exception=True)
def connection_edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show, test and save the settings of a connection.

    Who may test but not change tests what is stored: nothing that person posts is read but the button.
    """
    can_change = request.user.has_perm("connections.change_connection")
    if not can_change and not request.user.has_perm("connections.test_connection"):
        raise PermissionDenied
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    data = request.POST if request.method == "POST" and can_change else None
    form = ConnectionForm(_connector_or_404(connection.kind), request.user, connection=connection, data=data)
    if data is None:
        form.focus_on(request.GET.get("field", ""))
    return _work(request, form, can_change=can_change)


@require_GET
@permission_required("connections.view_connection", raise_exception=True)
def schedule_preview(request: HttpRequest) -> HttpResponse:
    """Show the next times of a schedule while it is typed."""
    context: dict[str, object] = {"times": []}
    try:
        checked = check_settings(timing.ALL, posted(timing.ALL, request.GET, ("schedule",)))
        context["times"] = timing.next_times(timing.as_service_takes_it(checked))
    except SettingsInvalid:
        pass  # half typed: the field says what is wrong once the form is sent
    except SyncError as error:
        problem = timing.problem(error)
        context["problem"] = words(problem.text, problem.params)
    return render(request, "connections/_times.html", context)


def _work(request: HttpRequest, form: ConnectionForm, *, can_change: bool) -> HttpResponse:
    """Do what the pressed button says, then show the form again or lead to what was saved."""
    if request.method == "POST":
        button, path = _pressed(request.POST)
        may_test = request.user.has_perm("connections.test_connection")
        if button not in ("test", "") and not can_change:
            raise PermissionDenied
        if button in ("test", "save", "suggest", "replace", "offer") and not may_test:
            raise PermissionDenied
        was_stopped = form.connection is not None and form.connection.status == Connection.Status.ERROR
        saved = _act(form, button, path)
        if saved is not None:
            _tell(request, saved, is_new=form.connection is None, was_stopped=was_stopped)
            return redirect("connection", slug=saved.slug)
    return _show(request, form, can_change=can_change)


def _show(request: HttpRequest, form: ConnectionForm, *, can_change: bool) -> HttpResponse:
    context = {
        "form": Drawing(form, can_change=can_change),
        "connection": form.connection,
        "source": words(form.connector.label),
        "connector": form.connector,
        "can_change": can_change,
    }
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "connections/_form.html", context)
    return render(request, "connections/form.html", {**context, "zones": sorted(available_timezones())})


def _act(form: ConnectionForm, button: str, path: Path) -> Connection | None:
    match button:
        case "add":
            form.add(path)
        case "remove":
            form.remove(path)
        case "suggest" | "replace":
            form.suggest(path, anew=button == "replace")
        case "offer":
            form.offer(path)
        case "test":
            if form.check(saves=False):
                form.test()
        case "save":
            if form.check() and form.test():
                return form.save(auto_sync=form.auto_sync)
        case "save_off":
            if form.check():
                return form.save(auto_sync=False)
    return None


def _pressed(data: QueryDict) -> tuple[str, Path]:
    """Return the button that sent the form and, for a button inside it, the path it acts on.

    Such a button is called like "remove:streams:1"; anything else only shows the form again.
    """
    for name in data:
        word, _colon, rest = name.partition(":")
        if word in EDITS and rest:
            parts = rest.split(":")
            return word, tuple(int(part) if part.isascii() and part.isdigit() else part for part in parts)
    return next((button for button in ("test", "save_off", "save") if button in data), ""), ()


def _tell(request: HttpRequest, connection: Connection, *, is_new: bool, was_stopped: bool) -> None:
    if connection.starts_over and connection.first_loaded_at is not None:
        messages.success(
            request, gettext("Saved. The next sync removes the earlier source's rows, then reads the new one.")
        )
    elif not connection.auto_sync:
        messages.success(request, gettext("Saved. Auto-sync is off: nothing is read until you switch it on."))
    elif is_new:
        messages.success(request, gettext("Saved and switched on. The first sync starts now."))
    elif was_stopped:
        messages.success(request, gettext("Saved. The connection syncs again now."))
    else:
        messages.success(request, gettext("Saved. The next sync uses the new settings."))


def _connector_or_404(kind: str) -> type[Connector]:
    try:
        return connectors.connector_class(kind)
    except SyncError:
        raise Http404 from None
