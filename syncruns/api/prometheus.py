"""`/metrics` for Prometheus, read from the database at each scrape in a constant number of queries.

Everything is a gauge. What happened is counted over the last day: runs are deleted when they are old, and a counter
that goes down would read as a restart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from connections.connectors import REGISTRY
from connections.defaults import fixed_streams
from connections.models import Connection, StreamSetting
from connections.sdk import VERSION
from syncruns.api.access import token_of
from syncruns.api.facts import READ
from syncruns.api.problems import Problem
from syncruns.listing import Row, load_rows
from syncruns.models import Checkpoint, StreamRun, SyncRun, SystemJob

WINDOW = timedelta(days=1)
LOOKED_BACK = timedelta(days=7)  # for the last success of a stream; before that its checkpoint tells
KINDS = ("read", "inserted", "updated", "unchanged", "deleted", "quarantined")


@login_not_required
@never_cache
@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """Answer in the format that the scraper asks for."""
    try:
        token_of(request)
    except Problem as problem:
        return problem.response()
    registry = CollectorRegistry()
    registry.register(Scrape(timezone.now()))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


class Scrape(Collector):
    """What one scrape finds."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def describe(self) -> Iterable[Metric]:
        return ()  # the registry asks at once when it is told nothing

    def collect(self) -> Iterator[Metric]:
        yield _gauge("sincro_build_info", "The version that runs.", ("version",), [((VERSION,), 1)])
        rows = load_rows(Connection.objects.filter(deletion=""), self.now)
        names = {row.connection.pk: row.connection.slug for row in rows}
        yield from self._connections(rows)
        yield from self._runs(names)
        yield from self._streams(rows, names)
        yield from self._queue()

    def _connections(self, rows: list[Row]) -> Iterator[Metric]:
        label = ("connection",)
        yield _gauge(
            "sincro_connection_health",
            "1 for the health it has: ok, running, late, partial, retrying, action, quota, off or never.",
            ("connection", "health"),
            [((row.connection.slug, row.health.state), 1) for row in rows],
        )
        yield _gauge(
            "sincro_connection_last_sync_timestamp_seconds",
            "When a run of the connection last loaded something to its end.",
            label,
            [((row.connection.slug,), _seconds(row.connection.last_sync_at)) for row in rows],
        )
        yield _gauge(
            "sincro_connection_next_sync_timestamp_seconds",
            "When the connection syncs next by its schedule.",
            label,
            [((row.connection.slug,), _seconds(row.next.at)) for row in rows],
        )

    def _runs(self, names: dict[int, str]) -> Iterator[Metric]:
        ended = SyncRun.objects.filter(finished_at__gte=self.now - WINDOW, connection__in=names)
        ended = ended.exclude(trigger=SyncRun.Trigger.DRY_RUN)  # what it counts did not happen
        span = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
        sums = {f"sum_{kind}": Sum(kind) for kind in KINDS}
        groups: list[Any] = list(
            ended.order_by()
            .values("connection", "state", "error_code")
            .annotate(runs=Count("pk"), span=Sum(span), longest=Max(span), **sums)
        )
        yield _gauge(
            "sincro_runs",
            "Runs that ended in the last 24 hours, by state and error code.",
            ("connection", "outcome", "code"),
            [((names[one["connection"]], one["state"], one["error_code"]), one["runs"]) for one in groups],
        )
        spent: Counter[str] = Counter()
        longest: dict[str, float] = {}
        records: Counter[tuple[str, str]] = Counter()
        for one in groups:
            name = names[one["connection"]]
            spent[name] += one["span"].total_seconds() if one["span"] else 0
            longest[name] = max(longest.get(name, 0), one["longest"].total_seconds() if one["longest"] else 0)
            for kind in KINDS:
                records[name, kind] += one[f"sum_{kind}"] or 0
        for name, words, found in (
            ("sincro_run_seconds", "Seconds that runs took which ended in the last 24 hours, added up.", spent),
            ("sincro_run_longest_seconds", "The longest of them.", longest),
        ):
            yield _gauge(name, words, ("connection",), [((key,), value) for key, value in found.items()])
        yield _gauge(
            "sincro_records",
            "Records of the runs that ended in the last 24 hours, by kind.",
            ("connection", "kind"),
            list(records.items()),
        )

    def _streams(self, rows: list[Row], names: dict[int, str]) -> Iterator[Metric]:
        """Freshness and next sync of every stream that was ever read."""
        read = StreamRun.objects.filter(
            StreamRun.READS, state__in=READ, finished_at__gte=self.now - LOOKED_BACK, run__connection__in=names
        )
        ended = read.order_by().values_list("run__connection", "stream").annotate(at=Max("finished_at"))
        fresh: dict[tuple[int, str], datetime | None] = {(pk, stream): at for pk, stream, at in ended}
        for pk, stream, at in Checkpoint.objects.filter(connection__in=names).values_list(
            "connection", "stream", "committed_at"
        ):
            fresh.setdefault((pk, stream), at)
        label = ("connection", "stream")
        yield _gauge(
            "sincro_stream_last_success_timestamp_seconds",
            "When the stream was last read to its end.",
            label,
            [((names[pk], stream), _seconds(at)) for (pk, stream), at in fresh.items()],
        )
        settings_of_streams = StreamSetting.objects.filter(connection__in=names)
        chosen = {(one.connection_id, one.stream): one for one in settings_of_streams}
        planned = {row.connection.pk: row.next.at for row in rows}
        rhythms = {row.connection.pk: _rhythms(row.connection.kind) for row in rows}
        yield _gauge(
            "sincro_stream_next_sync_timestamp_seconds",
            "When the stream is read next, at the earliest.",
            label,
            [
                ((names[pk], name), _seconds(_next(planned[pk], at, chosen.get((pk, name)), rhythms[pk].get(name))))
                for (pk, name), at in fresh.items()
            ],
        )

    def _queue(self) -> Iterator[Metric]:
        queued = SyncRun.objects.filter(state=SyncRun.State.QUEUED).aggregate(runs=Count("pk"), oldest=Min("queued_at"))
        age = (self.now - queued["oldest"]).total_seconds() if queued["oldest"] else 0
        yield _gauge("sincro_queue_runs", "Runs that wait for a worker.", (), [((), queued["runs"])])
        yield _gauge("sincro_queue_age_seconds", "How long the oldest of them waits.", (), [((), max(age, 0))])
        running = SyncRun.objects.filter(state=SyncRun.State.RUNNING, lease_until__gte=self.now)
        busy = Counter(running.values_list("worker", flat=True))
        yield _gauge("sincro_workers_busy", "Workers that execute a run, on all hosts.", (), [((), len(busy))])
        yield _gauge("sincro_workers", "Workers of each host (SYNC_WORKERS).", (), [((), settings.SYNC_WORKERS)])
        last = SystemJob.last_sign(SystemJob.DISPATCH)
        yield _gauge(
            "sincro_scheduler_last_tick_timestamp_seconds",
            "The scheduler's last sign of life.",
            (),
            [((), _seconds(last))],
        )


def _next(
    planned: datetime | None, read_at: datetime | None, setting: StreamSetting | None, declared: int | None
) -> datetime | None:
    if planned is None or (setting is not None and not setting.enabled):
        return None
    every = declared if setting is None or setting.every_minutes is None else setting.every_minutes
    return planned if every is None or read_at is None else max(planned, read_at + timedelta(minutes=every))


def _rhythms(kind: str) -> dict[str, int | None]:
    """Return the slower rhythms that a kind itself declares for its streams."""
    found = [connector for connector in REGISTRY if connector.kind == kind]
    return {stream.key: stream.every_minutes for connector in found for stream in fixed_streams(connector)}


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at is not None else None


def _gauge(name: str, words: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], Any]]) -> Metric:
    """Return a gauge; what is not known has no sample."""
    gauge = GaugeMetricFamily(name, words, labels=labels)
    for key, value in values:
        if value is not None:
            gauge.add_metric(key, value)
    return gauge
