"""What changed: the rows of one run, and those of all connections over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from connections.models import Connection
from connections.people.roles import may_see_personal
from syncruns.changes import LOOKS, ChangeFilter, changes_of, changes_shown
from syncruns.known_query import KnownFilters, known_only, value_of
from syncruns.models import Change, SyncRun

PER_PAGE = 50
MOST_COUNTED = 10_000
OF_KIND = {kind: Count("pk", filter=Q(kind=kind)) for kind in LOOKS}
DAY = timedelta(days=1)
PERIODS = {"24h": _("Last 24 hours"), "today": _("Today"), "yesterday": _("Yesterday"), "7d": _("Last 7 days")}


@require_safe
@permission_required("syncruns.view_change", raise_exception=True)
def run_changes(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The rows that one run changed, as far as they are kept."""
    run = get_object_or_404(SyncRun.objects.select_related("connection"), pk=run_id)
    streams = list(run.streams.all())
    names = {one.stream for one in streams}
    known: KnownFilters = {
        "of": (_("Table"), lambda of: of.partition("/")[0] in names),
        "kind": (_("Kind of change"), LOOKS),
    }
    asked = known_only(request.GET, known)
    wanted = ChangeFilter.of_query(asked.given)
    changes = changes_of(run, streams, wanted)
    rows = changes.found.select_related("run__connection")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "run": run,
        "connection": run.connection,
        "changes": changes,
        "asked": asked,
        "wanted": wanted,
        "kinds": _kinds(),
        "page": page,
        "shown": changes_shown(page.object_list, request.user),
    }
    return render(request, "console/run_changes.html", context)


@dataclass(frozen=True)
class Filters:
    """What the list of all changes is narrowed to; before: the id of the last row that was shown already.

    q: part of a row's name or key, for whom nothing is masked: others could try values out.
    """

    connection: str = ""
    kind: str = ""
    period: str = ""
    tag: str = ""
    q: str = ""
    before: int = 0

    @classmethod
    def of(cls, given: QueryDict, *, can_search: bool) -> Filters:
        get, before = given.get, given.get("before", "")
        return cls(
            connection=get("connection", ""),
            kind=get("kind", ""),
            period=get("period", ""),
            tag=get("tag", ""),
            q=value_of(given, "q")[:100] if can_search else "",
            before=int(before) if before.isdecimal() and len(before) < 19 else 0,
        )

    @property
    def is_set(self) -> bool:
        return bool(self.connection or self.kind or self.period or self.tag or self.q)

    def apply(self, changes: QuerySet[Change], now: datetime) -> QuerySet[Change]:
        if self.connection:
            changes = changes.filter(run__connection__slug=self.connection)
        if self.kind:
            changes = changes.filter(kind=self.kind)
        if self.tag:
            tagged = Connection.objects.only("tags")
            changes = changes.filter(run__connection__in=[one.pk for one in tagged if self.tag in one.tags])
        if self.q:
            named, keyed = Q(name__1__icontains=self.q), Q(key__0__icontains=self.q) | Q(key__1__icontains=self.q)
            changes = changes.filter(named | keyed)
        if self.before:
            changes = changes.filter(pk__lt=self.before)
        midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        match self.period:
            case "24h":
                return changes.filter(at__gte=now - DAY)
            case "today":
                return changes.filter(at__gte=midnight)
            case "yesterday":
                return changes.filter(at__gte=midnight - DAY, at__lt=midnight)
            case "7d":
                return changes.filter(at__gte=now - 7 * DAY)
        return changes


@dataclass(frozen=True)
class Sums:
    """How many rows the list has, of each kind."""

    inserted: int
    updated: int
    deleted: int

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted

    @property
    def is_over(self) -> bool:
        return self.rows > MOST_COUNTED


@require_safe
@permission_required("syncruns.view_change", raise_exception=True)
def changes(request: HttpRequest) -> HttpResponse:
    """The rows that all connections changed, newest first; pages go by id, so that a deep one costs no more."""
    connections = list(Connection.objects.filter(deletion="").order_by("name").values_list("slug", "name", "tags"))
    tags = sorted({tag for _slug, _name, tags in connections for tag in tags}, key=str.casefold)
    known: KnownFilters = {
        "connection": (_("Connection"), {slug for slug, _name, _tags in connections}),
        "tag": (_("Tag"), tags),
        "kind": (_("Kind of change"), LOOKS),
        "period": (_("Period"), PERIODS),
    }
    asked, can_search = known_only(request.GET, known), may_see_personal(request.user)
    filters = Filters.of(asked.given, can_search=can_search)
    found = filters.apply(
        Change.objects.exclude(run__trigger=SyncRun.Trigger.DRY_RUN).order_by("-pk"), timezone.now()
    ).select_related("run__connection")
    rows = list(found[: PER_PAGE + 1])
    counted = found.order_by()[: MOST_COUNTED + 1]
    context = {
        "asked": asked,
        "filters": filters,
        "kinds": _kinds(),
        "periods": PERIODS.items(),
        "connections": [(slug, name) for slug, name, _tags in connections],
        "tags": tags,
        "sums": None if filters.before else Sums(**counted.aggregate(**OF_KIND)),
        "can_search": can_search,
        "shown": changes_shown(rows[:PER_PAGE], request.user),
        "older": rows[PER_PAGE - 1].pk if len(rows) > PER_PAGE else None,
    }
    return render(request, "console/changes.html", context)


def _kinds() -> list[tuple[str, Any]]:
    return [(kind, look.word) for kind, look in LOOKS.items()]
