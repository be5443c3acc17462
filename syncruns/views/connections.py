"""The list of connections, and the pages of one: streams, runs, schedule, danger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from connections.connectors import REGISTRY
from connections.models import Connection
from syncruns.diary import diary_of_today
from syncruns.forecast import forecast
from syncruns.health import ACTION, LOOKS, label_of
from syncruns.known_query import KnownFilters, known_only
from syncruns.listing import Row, add_details, by_attention, load_row, load_rows
from syncruns.models import SyncRun
from syncruns.notices import notices_of
from syncruns.schedule_words import quiet_words, rhythm
from syncruns.searching import finds, names_of
from syncruns.stored import Stored
from syncruns.stream_charts import stream_charts
from syncruns.streams import stored_rows, streams_shown
from syncruns.table_changes import table_changes
from syncruns.timeline import CHANGES, RUNS, Timeline
from syncruns.views.faults import fault_of_row, faults_of_decisions

PER_PAGE = 25


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; kept in the address."""

    health: str = ""
    kind: str = ""
    tag: str = ""
    q: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Filters:
        return cls(**{name: given.get(name, "").strip() for name in ("health", "kind", "tag", "q")})

    @property
    def is_set(self) -> bool:
        return bool(self.items)

    @property
    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in asdict(self).items() if value]

    @property
    def query(self) -> str:
        return urlencode(self.items)

    def admits(self, row: Row) -> bool:
        connection = row.connection
        if self.health and row.health.state != self.health:
            return False
        if self.kind and connection.kind != self.kind:
            return False
        if self.tag and self.tag not in connection.tags:
            return False
        return finds(self.q, *names_of(connection))


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def connections(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    every = by_attention(load_rows(Connection.objects.filter(deletion=""), now))
    if not every:
        return render(request, "console/empty.html", {"kinds": REGISTRY})
    kinds = sorted({(row.connection.kind, row.label) for row in every}, key=lambda kind: kind[1].casefold())
    tags = sorted({tag for row in every for tag in row.connection.tags}, key=str.casefold)
    known: KnownFilters = {"health": (_("Health"), LOOKS), "kind": (_("Kind"), dict(kinds)), "tag": (_("Tag"), tags)}
    asked = known_only(request.GET, known)
    filters = Filters.of(asked.given)
    found = [row for row in every if filters.admits(row)]
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    add_details(rows, now)
    context = {
        "asked": asked,
        "filters": filters,
        "page": page,
        "rows": rows,
        "total": len(every),
        "healths": [
            (state, look.word, sum(row.health.state == state for row in every)) for state, look in LOOKS.items()
        ],
        "kinds": kinds,
        "tags": tags,
        "can_pick": request.user.has_perm("connections.operate_connection"),
    }
    return render(request, "console/connections.html", context)


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def connection_row(request: HttpRequest, slug: str) -> HttpResponse:
    """One row of the list, asked for again while its connection syncs."""
    connection = get_object_or_404(Connection, slug=slug, deletion="")
    context = {"row": load_row(connection, timezone.now()), "can_pick": "can_pick" in request.GET}
    return render(request, "console/_row.html", context)


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def connection(request: HttpRequest, slug: str) -> HttpResponse:
    now = timezone.now()
    context = connection_frame(slug, "streams", now)
    shown = streams_shown(context["connection"], context["row"], now)
    context |= {
        "streams": shown,
        "today": timezone.localdate(),
        "enabled": sum(stream.enabled for stream in shown.streams),
        "charts": (charts := stream_charts(context["row"].runs, now)),
        "are_drawn": any(len(chart.readings) > 1 for chart in charts),
        "forecast": forecast(context["connection"], now),
        "diary": diary_of_today(context["connection"], now),
        "tables": table_changes(context["connection"], now),
    }
    return render(request, "console/connection_streams.html", context)


@require_safe
@permission_required("syncruns.view_syncrun", raise_exception=True)
def connection_runs(request: HttpRequest, slug: str) -> HttpResponse:
    context = connection_frame(slug, "runs", timezone.now())
    shows = {"": _("Both"), RUNS: _("Runs"), CHANGES: _("Changes of settings")}
    asked = known_only(request.GET, {"show": (_("What to show"), shows)})
    show = asked.given.get("show", "")
    with_values = request.user.has_perm("connections.test_connection")  # who may also see the settings
    timeline = Timeline(context["connection"], show, with_values=with_values)
    context |= {
        "page": Paginator(timeline, PER_PAGE).get_page(request.GET.get("page")),
        "asked": asked,
        "show": show,
        "shows": shows.items(),
    }
    return render(request, "console/connection_runs.html", context)


@require_safe
@permission_required("connections.delete_connection", raise_exception=True)
def connection_danger(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "console/connection_danger.html", danger_context(slug))


def danger_context(slug: str) -> dict[str, Any]:
    """Return what the danger page says: what a deletion would take, in numbers."""
    context = connection_frame(slug, "danger", timezone.now())
    context["runs"] = SyncRun.objects.filter(connection=context["connection"]).count()
    context["at_stake"] = Stored.of(context["connection"])
    context["kind_is_installed"] = any(context["connection"].kind == one.kind for one in REGISTRY)
    return context


def connection_frame(slug: str, tab: str, now: datetime) -> dict[str, Any]:
    """Return what stands above every tab of a connection."""
    found = get_object_or_404(Connection.objects.select_related("auto_sync_changed_by"), slug=slug, deletion="")
    row = load_row(found, now)
    return {
        "connection": found,
        "row": row,
        "tab": tab,
        "now": now,
        "label": label_of(found.kind),
        "faults": ([fault_of_row(row)] if row.health.state == ACTION else []) + faults_of_decisions(row),
        "notices": notices_of(found, now),
        "rhythm": rhythm(found),
        "quiet": quiet_words(found),
        "stored": stored_rows(found, row.last_run),
        "runs_url": urlencode({"connection": found.slug}),
    }
