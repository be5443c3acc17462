"""A connection's runs over a period, added up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Q, Sum

from connections.models import Connection
from syncruns.api.facts import READ, both
from syncruns.models import StreamRun, SyncRun
from syncruns.outcomes import DECISIVE, FAILURES

COUNTS = {
    "new_records": "inserted",
    "records_read": "read",
    "records_updated": "updated",
    "records_deleted": "deleted",
    "records_quarantined": "quarantined",
}


def metrics_of(connection: Connection, since: datetime, until: datetime) -> dict[str, Any]:
    """Return the metrics of the runs that ended from since until before until, in two queries."""
    runs = SyncRun.objects.filter(
        connection=connection, state__in=DECISIVE, finished_at__gte=since, finished_at__lt=until
    ).exclude(trigger=SyncRun.Trigger.DRY_RUN)
    span = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    of_runs = runs.aggregate(
        runs=Count("pk"),
        runs_succeeded=Count("pk", filter=Q(state=SyncRun.State.SUCCEEDED)),
        runs_partial=Count("pk", filter=Q(state=SyncRun.State.PARTIAL)),
        runs_failed=Count("pk", filter=Q(state__in=FAILURES)),
        average=Avg(span),
        longest=Max(span),
        **{name: Sum(column) for name, column in COUNTS.items()},
    )
    of_streams = StreamRun.objects.filter(run__in=runs, kind=StreamRun.Kind.STREAM).aggregate(
        units_total=Count("pk"), units_succeeded=Count("pk", filter=Q(state__in=READ))
    )
    total, succeeded = of_streams["units_total"], of_streams["units_succeeded"]
    counted = {name: of_runs[name] or 0 for name in COUNTS}
    return both(
        {
            "connection": connection.slug,
            "since": since,
            "until": until,
            **{name: of_runs[name] for name in ("runs", "runs_succeeded", "runs_partial", "runs_failed")},
            "duration_seconds": _seconds(of_runs["average"]),
            "longest_seconds": _seconds(of_runs["longest"]),
            **of_streams,
            "units_failed": total - succeeded,
            **counted,
            "success_rate": succeeded / total if total else None,
        }
    )


def _seconds(span: timedelta | None) -> float | None:
    return round(span.total_seconds(), 3) if span is not None else None
