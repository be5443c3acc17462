"""The overview: is everything working, and must somebody act?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.decorators import permission_required
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from connections.connectors import REGISTRY
from connections.models import Connection
from syncruns import health
from syncruns.charts import PERIODS, runs_chart
from syncruns.frame import Scheduler
from syncruns.listing import Row, add_details, by_attention, load_rows
from syncruns.models import SyncRun
from syncruns.notices import notices_of
from syncruns.outcomes import FAILURES
from syncruns.views.faults import fault_of_row, faults_of_decisions

SHOWN = 25  # connections listed here; the rest are a link away
PRESSING = (health.LATE, health.RETRYING, health.QUOTA, health.PARTIAL)


@dataclass(frozen=True)
class LastDay:
    """What ran in 24 hours. rate: percent of decided runs that succeeded, None when none was decided."""

    runs: int
    succeeded: int
    partial: int
    failed: int
    inserted: int
    updated: int
    deleted: int

    @property
    def rate(self) -> float | None:
        decided = self.succeeded + self.partial + self.failed
        return round(100 * self.succeeded / decided, 1) if decided else None

    @property
    def written(self) -> int:
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True)
class Share:
    """One stretch of the bar that shows how many connections are in which health; numbers are text for SVG."""

    shape: str
    x: str
    width: str


@require_safe
@permission_required("connections.view_connection", raise_exception=True)
def overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = by_attention(load_rows(Connection.objects.filter(deletion=""), now))
    if not rows:
        return render(request, "console/empty.html", {"kinds": REGISTRY})
    shown = rows[:SHOWN]
    add_details(shown, now)
    stopped = [row for row in shown if row.health.state == health.ACTION]
    planned = [
        row for row in rows if row.next.at is not None and not row.next.detail and row.health.state != health.LATE
    ]
    context = {
        "title": _title(rows, Scheduler.now()),
        "others": sum(row.health.state != health.ACTION for row in rows),
        "now": now,
        "faults": [fault_of_row(row) for row in stopped] + [one for row in shown for one in faults_of_decisions(row)],
        "notices": [notice for row in shown for notice in notices_of(row.connection, now)],
        "total": len(rows),
        "healthy": sum(row.health.state in (health.OK, health.RUNNING) for row in rows),
        "stopped": sum(row.health.state == health.ACTION for row in rows),
        "undecided": any(row.decisions for row in rows),
        "waiting": sum(row.health.state in PRESSING for row in rows),
        "idle": sum(row.health.state in (health.OFF, health.NEVER) for row in rows),
        "shares": _shares(rows),
        "last_day": _last_day(now),
        "upcoming": min(planned, key=lambda row: row.connection.next_sync_at, default=None),  # type: ignore[arg-type, return-value]
        "chart": runs_chart(request.GET.get("period", ""), now),
        "periods": PERIODS.values(),
        "rows": shown,
    }
    return render(request, "console/overview.html", context)


def _title(rows: list[Row], scheduler: Scheduler) -> str:
    if scheduler.is_silent:
        return _("The scheduler is not running; nothing will sync until it is started.")
    total = len(rows)
    stopped = sum(row.health.state == health.ACTION for row in rows)
    if stopped and total == 1:
        return _("Your connection needs you.")
    if stopped:
        return ngettext(
            "%(stopped)s of %(total)s connections needs you.", "%(stopped)s of %(total)s connections need you.", stopped
        ) % {"stopped": stopped, "total": total}
    undecided = sum(bool(row.decisions) for row in rows)
    if undecided:
        return ngettext(
            "%(count)s connection goes on, and waits for a decision of yours.",
            "%(count)s connections go on, and wait for a decision of yours.",
            undecided,
        ) % {"count": undecided}
    pressing = sum(row.health.state in PRESSING for row in rows)
    if pressing:
        return ngettext(
            "Nothing needs you; %(count)s connection is late or trying again.",
            "Nothing needs you; %(count)s connections are late or trying again.",
            pressing,
        ) % {"count": pressing}
    running = [row for row in rows if row.health.state in (health.OK, health.RUNNING)]
    if len(running) == total:
        return ngettext("Your connection is up to date.", "All %(count)s connections are up to date.", total) % {
            "count": total
        }
    if not running:
        return _("No connection is switched on.")
    return ngettext(
        "%(count)s of %(total)s connections is up to date; the others are off or new.",
        "%(count)s of %(total)s connections are up to date; the others are off or new.",
        len(running),
    ) % {"count": len(running), "total": total}


def _shares(rows: list[Row]) -> list[Share]:
    groups = (
        ("ok", (health.OK,)),
        ("run", (health.RUNNING,)),
        ("partial", PRESSING),
        ("failed", (health.ACTION,)),
        ("off", (health.OFF, health.NEVER)),
    )
    shares, x = [], 0.0
    for shape, states in groups:
        width = 100 * sum(row.health.state in states for row in rows) / len(rows)
        if width:
            shares.append(Share(shape, f"{x:.2f}%", f"{max(width - 0.6, 0.4):.2f}%"))
        x += width
    return shares


def _last_day(now: datetime) -> LastDay:
    state = SyncRun.State
    counted = SyncRun.objects.filter(SyncRun.READS, finished_at__gte=now - timedelta(days=1)).aggregate(
        runs=Count("pk", filter=~Q(state=state.SKIPPED)),
        succeeded=Count("pk", filter=Q(state=state.SUCCEEDED)),
        partial=Count("pk", filter=Q(state=state.PARTIAL)),
        failed=Count("pk", filter=Q(state__in=FAILURES)),
        inserted=Sum("inserted", default=0),
        updated=Sum("updated", default=0),
        deleted=Sum("deleted", default=0),
    )
    return LastDay(**counted)
