"""What changed: the rows of one run, and those of all connections over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from connections.models import Connection
from connections.people.roles import may_see_personal
from syncruns.changes import LOOKS, ChangeFilter, changes_of, changes_shown
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
    wanted = ChangeFilter.of_query(request.GET)
    changes = changes_of(run, list(run.streams.all()), wanted)
    rows = changes.found.select_related("run__connection")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "run": run,
        "connection": run.connection,
        "changes": changes,
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
    def of(cls, request: HttpRequest) -> Filters:
        get = request.GET.get
        kind, period, before = get("kind", ""), get("period", ""), get("before", "")
        return cls(
            connection=get("connection", ""),
            kind=kind if kind in LOOKS else "",
            period=period if period in PERIODS else "",
            tag=get("tag", ""),
            q=get("q", "").strip()[:100] if may_see_personal(request.user) else "",
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
    filters = Filters.of(request)
    found = filters.apply(
        Change.objects.exclude(run__trigger=SyncRun.Trigger.DRY_RUN).order_by("-pk"), timezone.now()
    ).select_related("run__connection")
    rows = list(found[: PER_PAGE + 1])
    counted = found.order_by()[: MOST_COUNTED + 1]
    connections = list(Connection.objects.filter(deletion="").order_by("name").values_list("slug", "name", "tags"))
    context = {
        "filters": filters,
        "kinds": _kinds(),
        "periods": PERIODS.items(),
        "connections": [(slug, name) for slug, name, _tags in connections],
        "tags": sorted({tag for _slug, _name, tags in connections for tag in tags}, key=str.casefold),
        "sums": None if filters.before else Sums(**counted.aggregate(**OF_KIND)),
        "can_search": may_see_personal(request.user),
        "shown": changes_shown(rows[:PER_PAGE], request.user),
        "older": rows[PER_PAGE - 1].pk if len(rows) > PER_PAGE else None,
    }
    return render(request, "console/changes.html", context)


def _kinds() -> list[tuple[str, Any]]:
    return [(kind, look.word) for kind, look in LOOKS.items()]
