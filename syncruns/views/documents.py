"""Documents that came with rows: who may, finds them, opens them safely, and leaves a trace."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from connections import audit
from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.declare import Table, Within
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.engine.corrections import kept_value
from syncruns.engine.transform import spelled_key
from syncruns.engine.warehouse import rows_in_batches, warehouse
from syncruns.known_query import known_only, value_of
from syncruns.models import Document, SyncRun
from syncruns.record_address import record_url
from syncruns.review.fields import shown_table

PER_PAGE = 50
ROWS_SHOWN = 20
VIEW = "syncruns.view_document"
# What a browser shows by itself without running anything; the rest can only be saved. Text of any kind is shown plain.
SHOWN = {"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp"}
TEXT = {"application/json", "application/xml", "text/csv", "text/plain", "text/xml"}
POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Named:
    """A row that names a document. url: of its page."""

    table: str
    key: str
    url: str


@require_safe
@permission_required(VIEW, raise_exception=True)
def documents(request: HttpRequest) -> HttpResponse:
    of_any = Connection.objects.filter(Q(documents__isnull=False) | Q(slug=value_of(request.GET, "connection")))
    connections = dict(of_any.filter(deletion="").order_by("name").values_list("slug", "name").distinct())
    asked = known_only(request.GET, {"connection": (_("Connection"), connections)})
    slug, wanted = asked.given.get("connection", ""), value_of(request.GET, "q")
    found = Document.objects.defer("body").select_related("connection")
    found = found.filter(connection__slug=slug) if slug else found
    found = found.filter(name__icontains=wanted) if wanted else found
    totals = found.aggregate(count=Count("pk"), size=Sum("size"))
    context = {
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "asked": asked,
        "connection": slug,
        "q": wanted,
        "connections": connections.items(),
        "size": totals["size"] or 0,
    }
    return render(request, "console/documents.html", context)


@require_safe
@permission_required(VIEW, raise_exception=True)
def document(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Document.objects.defer("body").select_related("connection"), pk=pk)
    days = settings.KEEP_DOCUMENTS_DAYS
    context = {
        "document": found,
        "is_shown": _shown_type(found) is not None,
        "rows": _rows_naming(found),
        "until": found.kept_at + timedelta(days=days) if days else None,
        "run": SyncRun.objects.filter(pk=found.run_id).first() if found.run_id else None,
    }
    return render(request, "console/document.html", context)


@require_safe
@permission_required(VIEW, raise_exception=True)
def of_hash(request: HttpRequest, slug: str, sha256: str) -> HttpResponse:
    """Lead from what a row holds to its document, or say why it is not there."""
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    found = Document.objects.filter(connection=connection, sha256=sha256).values_list("pk", flat=True).first()
    if found is not None:
        return redirect("document", found)
    context = {"connection": connection, "days": settings.KEEP_DOCUMENTS_DAYS}
    return render(request, "console/document_missing.html", context, status=404)


@require_safe
@permission_required(VIEW, raise_exception=True)
def content(request: HttpRequest, pk: int) -> HttpResponse:
    """The file itself: shown where a browser can do so without running anything, else to be saved."""
    found = get_object_or_404(Document.objects.select_related("connection"), pk=pk)
    shown = _shown_type(found)
    is_saved = shown is None or request.GET.get("save") == "1"
    response = HttpResponse(found.content, content_type=shown or "application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(is_saved, _file_name(found)) or "attachment"
    response["Content-Security-Policy"] = POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    if request.method == "GET":
        action = "document.downloaded" if is_saved else "document.viewed"
        audit.record(action, user=request.user, target=found.connection, document=found.pk, name=str(found))
    return response


def _shown_type(found: Document) -> str | None:
    """Return the type under which a browser may show the document; None when it may not."""
    kind = found.content_type.partition(";")[0].strip().lower()
    if kind in TEXT or kind.endswith(("+xml", "+json")) and not kind.startswith("image/"):
        return "text/plain; charset=utf-8"
    return kind if kind in SHOWN else None


def _file_name(found: Document) -> str:
    if found.name:
        return found.name
    kind = found.content_type.partition(";")[0].strip().lower()
    return found.sha256[:12] + (mimetypes.guess_extension(kind) or "")


def _rows_naming(found: Document) -> list[Named]:
    """Return the first rows that name the document, of the connection that still is there."""
    connection = found.connection
    if connection is None or connection.deletion:
        return []
    try:
        schema = connector_class(connection.kind).schema
        places = [(one.stream.key, table) for one in streams_of(connection) for table in one.stream.tables]
    except SyncError:
        return []
    named: list[Named] = []
    for stream, table in places:
        for column in table.columns:
            if column.document and len(named) < ROWS_SHOWN:
                scope = (Within(column.name, values=(found.sha256,)),)
                batches = rows_in_batches(warehouse(), schema, table, connection_id=connection.pk, scope=scope)
                rows = next(batches, [])[: ROWS_SHOWN - len(named)]
                named += [_named(connection, stream, table, row) for row in rows]
    return named


def _named(connection: Connection, stream: str, table: Table, row: dict[str, Any]) -> Named:
    key = tuple(row[name] for name in table.key)
    url = record_url(connection.slug, stream, table.name, [kept_value(part) for part in key])
    return Named(shown_table(connection.kind, table.name), spelled_key(key), url)
