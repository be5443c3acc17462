"""Connections as lists show them: health, last sync, strip of runs, progress; in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from connections.models import Connection
from syncruns.health import ATTENTION, RUNNING, Health, NextSync, health_of, label_of, next_sync_of
from syncruns.models import DeleteBrake, QuarantinedRecord, StreamRun, SyncRun
from syncruns.outcomes import DECISIVE
from syncruns.strips import LENGTH, Strip, strip_of
from syncruns.unoffered import NONE, Decisions, decisions_of


@dataclass(frozen=True)
class Progress:
    """How far an active run is. percent: None while nobody can tell; read, expected: records."""

    done: int
    streams: int
    percent: int | None
    read: int
    expected: int | None


@dataclass
class Row:
    """A connection with what a list shows of it; runs, strip and progress come with add_details."""

    connection: Connection
    last_run: SyncRun | None
    active_run: SyncRun | None
    health: Health
    next: NextSync
    label: str
    brake: DeleteBrake | None = None
    waiting: int = 0  # records that wait for review
    runs: list[SyncRun] = field(default_factory=list)
    strip: Strip | None = None
    progress: Progress | None = None
    decisions: Decisions = NONE

    @property
    def is_live(self) -> bool:
        """Say whether the row is about to change: it asks the server again by itself."""
        return self.active_run is not None

    @property
    def follow(self) -> SyncRun | None:
        """The run to follow instead of starting one."""
        return self.active_run if self.active_run is not None and self.active_run.is_active else None


def load_rows(connections: QuerySet[Connection], now: datetime) -> list[Row]:
    """Return a row per connection, in four queries, or five."""
    runs = SyncRun.objects.filter(SyncRun.READS, connection=OuterRef("pk"))
    waiting = QuarantinedRecord.objects.filter(connection=OuterRef("pk"), state=QuarantinedRecord.State.OPEN).order_by()
    found = list(
        connections.select_related("auto_sync_changed_by").annotate(
            last_run_id=Subquery(runs.filter(state__in=DECISIVE).order_by("-queued_at").values("pk")[:1]),
            active_run_id=Subquery(runs.filter(state__in=SyncRun.ACTIVE).values("pk")[:1]),
            brake_id=Subquery(DeleteBrake.objects.filter(connection=OuterRef("pk")).order_by("pk").values("pk")[:1]),
            waiting=Subquery(waiting.values("connection").annotate(count=Count("pk")).values("count")),
        )
    )
    ids = {run for connection in found for run in (connection.last_run_id, connection.active_run_id) if run}
    by_id = SyncRun.objects.in_bulk(list(ids))
    last_runs = [(connection, by_id[connection.last_run_id]) for connection in found if connection.last_run_id in by_id]
    decisions = decisions_of(last_runs)
    brakes = DeleteBrake.objects.in_bulk([connection.brake_id for connection in found if connection.brake_id])
    return [
        _row(
            connection,
            by_id.get(connection.last_run_id),
            by_id.get(connection.active_run_id),
            decisions.get(connection.pk, NONE),
            brakes.get(connection.brake_id),
            connection.waiting or 0,
            now,
        )
        for connection in found
    ]


def load_row(connection: Connection, now: datetime) -> Row:
    """Return one connection's row, with its details."""
    row = load_rows(Connection.objects.filter(pk=connection.pk), now)[0]
    add_details([row], now)
    return row


def _row(
    connection: Connection,
    last_run: SyncRun | None,
    active_run: SyncRun | None,
    decisions: Decisions,
    brake: DeleteBrake | None,
    waiting: int,
    now: datetime,
) -> Row:
    return Row(
        connection=connection,
        last_run=last_run,
        active_run=active_run,
        health=health_of(connection, last_run, active_run, now, decisions, brake, waiting),
        waiting=waiting,
        next=next_sync_of(connection, now),
        label=label_of(connection.kind),
        decisions=decisions,
        brake=brake,
    )


def by_attention(rows: Iterable[Row]) -> list[Row]:
    """Return rows with those that ask for attention first, and of these the ones that have waited longest."""

    def rank(row: Row) -> tuple[int, float, str]:
        since = row.connection.status_since or (row.brake.pulled_at if row.brake else None)
        return ATTENTION[row.health.state], since.timestamp() if since else 0.0, row.connection.name.casefold()

    return sorted(rows, key=rank)


def add_details(rows: Sequence[Row], now: datetime) -> None:
    """Give rows their last runs, strip and progress, in three queries."""
    if not rows:
        return
    # One range of the index per connection; a window over all runs would read them all.
    reads = SyncRun.objects.filter(SyncRun.READS)
    newest = reads.filter(connection=OuterRef("pk")).order_by("-queued_at").values("queued_at")
    first = Connection.objects.filter(pk__in=[row.connection.pk for row in rows]).values_list(
        "pk", Subquery(newest[LENGTH - 1 : LENGTH])
    )
    ranges = [Q(connection=pk, queued_at__gte=since) if since else Q(connection=pk) for pk, since in first]
    by_connection: dict[int, list[SyncRun]] = {row.connection.pk: [] for row in rows}
    for run in reads.filter(reduce(or_, ranges, Q(pk=None))).defer("error_detail").order_by("-queued_at"):
        by_connection[run.connection_id].append(run)
    progress = progress_of([row.active_run for row in rows if row.active_run and row.health.state == RUNNING])
    for row in rows:
        row.runs = by_connection[row.connection.pk][:LENGTH]
        row.strip = strip_of(row.connection.name, row.runs, now)
        row.progress = progress.get(row.active_run.pk) if row.active_run else None


def progress_of(runs: Sequence[SyncRun]) -> dict[object, Progress]:
    """Return the progress of each run that has streams, in one query."""
    streams: dict[object, list[StreamRun]] = {}
    for stream in StreamRun.objects.filter(run__in=runs):
        streams.setdefault(stream.run_id, []).append(stream)
    return {run: measure(of_run) for run, of_run in streams.items()}


def measure(streams: Sequence[StreamRun]) -> Progress:
    """Return how far streams are: each weighs the same, and by its records where the source said how many."""
    waiting = (StreamRun.State.WAITING, StreamRun.State.RUNNING)
    done = sum(stream.state not in waiting for stream in streams)
    parts = float(done)
    for stream in streams:
        if stream.state == StreamRun.State.RUNNING and stream.expected:
            parts += min(stream.read / stream.expected, 1.0)
    known = [stream.expected for stream in streams if stream.expected]
    read = sum(stream.read for stream in streams)
    return Progress(
        done=done,
        streams=len(streams),
        percent=min(int(100 * parts / len(streams)), 99) if parts else None,
        read=read,
        expected=sum(known) if len(known) == len(streams) and sum(known) >= read else None,
    )


def last_failures(row: Row) -> int:
    """Count the newest runs in a row that ended with the code that stopped the connection."""
    count = 0
    for run in row.runs:
        if run.is_active or run.state == SyncRun.State.SKIPPED:
            continue
        if run.error_code != row.connection.status_code:
            break
        count += 1
    return count
