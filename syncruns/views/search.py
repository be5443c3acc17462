"""The search in the top bar: any connection, table, run or page, by what one remembers of its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from connections.connectors import connector_class
from connections.destination import table_name
from connections.models import Connection
from connections.people.roles import BROWSE_ROWS
from connections.sdk.declare import Stream
from connections.sdk.errors import SyncError
from syncruns.frame import Frame
from syncruns.health import label_of
from syncruns.models import SyncRun
from syncruns.outcomes import Look, look_of_run
from syncruns.searching import connections_found, finds, runs_by_number

MOST = 12  # of each kind of thing
# What the menu does not lead to by itself: permission, name of the address, words it is found by.
PAGES = (
    ("syncruns.view_change", "changes", gettext_lazy("What changed")),
    ("syncruns.view_correction", "review_corrections", gettext_lazy("Corrections")),
    ("connections.add_connection", "connection_new", gettext_lazy("New connection")),
    ("connections.view_connection", "preferences", gettext_lazy("Preferences")),
    ("connections.view_connection", "alerts", gettext_lazy("E-mail alerts")),
    ("auth.change_user", "users", gettext_lazy("Users")),
    ("syncruns.view_delivery", "mail", gettext_lazy("Mail server")),
    ("syncruns.add_webhook", "webhooks", gettext_lazy("Webhooks")),
    ("syncruns.add_apitoken", "tokens", gettext_lazy("API tokens")),
)


@dataclass(frozen=True)
class Hit:
    """One thing that was found. sub: what it is, or where it belongs."""

    url: str
    title: str
    sub: str = ""
    look: Look | None = None
    run: SyncRun | None = None


@dataclass(frozen=True)
class Group:
    """Hits of one kind; more: where all of them are listed, when there are more."""

    heading: str
    icon: str
    hits: Sequence[Hit]
    more: str = ""


@require_safe
@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Show what was found, or lead there when it is one thing only."""
    typed = " ".join(request.GET.get("q", "").split())[:100]
    groups = [group for group in _groups(request, typed) if group.hits] if typed else []
    hits = [hit for group in groups for hit in group.hits]
    if len(hits) == 1 and not request.htmx:  # type: ignore[attr-defined]
        return redirect(hits[0].url)
    context = {"typed": typed, "searched": typed, "groups": groups, "count": len(hits)}
    return render(request, "console/_search.html" if request.htmx else "console/search.html", context)  # type: ignore[attr-defined]


def _groups(request: HttpRequest, typed: str) -> list[Group]:
    groups = []
    if request.user.has_perm("connections.view_connection"):
        every = list(Connection.objects.filter(deletion=""))
        groups += [_connections(typed, every), _tables(request, typed, every)]
    if request.user.has_perm("syncruns.view_syncrun"):
        groups.append(_runs(typed))
    groups.append(_pages(request, typed))
    return groups


def _connections(typed: str, every: Sequence[Connection]) -> Group:
    found = connections_found(typed, every)
    hits = [
        Hit(reverse("connection", args=[one.slug]), one.name, " · ".join((label_of(one.kind), *one.tags)))
        for one in found[:MOST]
    ]
    more = f"{reverse('connections')}?" if len(found) > MOST else ""
    return Group(_("Connections"), "plug-connected", hits, more)


def _tables(request: HttpRequest, typed: str, every: Sequence[Connection]) -> Group:
    """Find tables; one that several connections fill is named once. They lead to the rows, for whom may see them."""
    can_browse = request.user.has_perm(BROWSE_ROWS)
    places: dict[tuple[str, str], list[tuple[Connection, Stream]]] = {}
    for connection in every:
        try:
            connector = connector_class(connection.kind)
            parts = connector.parts(connection.config)
        except SyncError:
            continue
        for part in parts:
            for table in part.tables:
                if finds(typed, table_name(connector.schema, table.name), _(part.label)):
                    places.setdefault((connector.schema, table.name), []).append((connection, part))
    hits = []
    for (schema, table_of), found in sorted(places.items())[:MOST]:
        connection, part = found[0]
        rows = reverse("data_table", args=[schema, table_of])
        streams = f"{reverse('connection', args=[connection.slug])}#stream-{part.key}"
        more = f" +{len(found) - 1}" if len(found) > 1 else ""
        where = f"{_(part.label)} · {connection.name}{more}"
        hits.append(Hit(rows if can_browse else streams, table_name(schema, table_of), where))
    return Group(_("Tables"), "database", hits)


def _runs(typed: str) -> Group:
    number = runs_by_number(typed)
    runs = SyncRun.objects.filter(number).select_related("connection")[:MOST] if number else []
    hits = [
        Hit(reverse("run", args=[run.pk]), str(run), run.connection.name, look=look_of_run(run), run=run)
        for run in runs
    ]
    return Group(_("Runs"), "history", hits)


def _pages(request: HttpRequest, typed: str) -> Group:
    places = [(item.label, item.url) for item in Frame(request).menu]
    places += [(str(words), reverse(name)) for permission, name, words in PAGES if request.user.has_perm(permission)]
    hits = [Hit(url, label) for label, url in places if finds(typed, label)]
    return Group(_("Pages"), "layout-dashboard", hits[:MOST])
