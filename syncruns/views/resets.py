"""The page on which an administrator resets a stream: what it would do in numbers, and the order itself."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connections.catalogue import explain
from connections.sdk.errors import SyncError
from syncruns.health import label_of
from syncruns.resetting import reset_preview
from syncruns.services import request_reset
from syncruns.views.connections import connection_frame


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("connections.change_connection", raise_exception=True)
def connection_reset(request: HttpRequest, slug: str, stream: str) -> HttpResponse:
    """Show what a reset would meet; with the box ticked, order it and lead to its run."""
    context = connection_frame(slug, "streams", timezone.now())
    connection = context["connection"]
    try:
        preview = reset_preview(connection, stream)
    except SyncError as error:
        raise Http404 from error
    context |= {"preview": preview, "stream_label": _(preview.stream.stream.label), "error": ""}
    if request.method != "POST":
        return render(request, "console/connection_reset.html", context)
    if request.POST.get("confirm") != "1":
        context["error"] = _("Tick the box to confirm.")
        return render(request, "console/connection_reset.html", context, status=422)
    try:
        run, created = request_reset(connection, stream, rows=preview.rows, user=request.user)
    except SyncError as error:
        explanation = explain(error.code, error.params, label_of(connection.kind))
        messages.error(request, f"{explanation.title}. {explanation.sentence}")
        return redirect("connection_reset", slug, stream)
    if created:
        return redirect("run", run.pk)
    messages.error(request, _("Nothing was reset: another run is active. Wait for its end, or cancel it."))
    return redirect("connection_reset", slug, stream)
