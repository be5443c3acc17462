"""Checks of what Sincro does: runs at their time, streams fresh, data moving, nothing failing again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum

from connections import switches
from connections.expiry import endings
from connections.models import Connection
from connections.sdk.declare import Step
from connections.sdk.errors import SyncError
from connections.services import SelectedStream, streams_of
from syncruns import health
from syncruns.checkup.check import OK, PROBLEM, WARNING, Check, Scene
from syncruns.checkup.machine import plays_here
from syncruns.chores import CHORES
from syncruns.listing import Row
from syncruns.models import StreamRun, SyncRun, SystemJob

DAY = timedelta(days=1)
QUEUE_MAY_WAIT = timedelta(minutes=2)
LEASE_MAY_LAG = timedelta(minutes=1)
LONG_CYCLE = timedelta(minutes=5)
CHORE_MAY_LAG = timedelta(hours=6)
STREAMS_WITHIN = timedelta(days=30)
DATA_WITHIN = timedelta(days=15)
SLOTS_SEEN = 8  # of a schedule, to know its longest pause: nights and weekends
SLACK = timedelta(minutes=10)
REPEATED = 3
NETWORK = ("tls_failed", "connection_failed", "timeout")
READ = (StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL)


def check_credentials(scene: Scene) -> Iterator[Check]:
    """Look for keys and passwords whose end, as far as their connection knows it, is near or past."""
    working = [row.connection for row in scene.rows if not row.connection.status_code.startswith("credentials_")]
    found = [(connection, ending) for connection in working for ending in endings(connection, scene.now)]
    for connection, ending in sorted(found, key=lambda one: one[1].on):
        params = {"connection": connection.slug, "secret": ending.secret.label, "on": ending.on, "days": ending.days}
        yield Check("credentials", WARNING, "credentials_ended" if ending.days < 0 else "credentials_end", params)
    if not found:
        yield Check("credentials", OK, "credentials_hold")


def check_queue(scene: Scene) -> Iterator[Check]:
    """Look for runs that nobody takes, and for runs that nobody runs any more."""
    forgotten = SyncRun.objects.filter(state=SyncRun.State.RUNNING, lease_until__lt=scene.now - LEASE_MAY_LAG).count()
    if forgotten:
        yield Check("queue", PROBLEM, "queue_forgotten", {"count": forgotten})
    waiting = SyncRun.objects.filter(state=SyncRun.State.QUEUED).order_by("queued_at")
    oldest = waiting.values_list("queued_at", flat=True).first()
    running = SyncRun.objects.filter(state=SyncRun.State.RUNNING, lease_until__gte=scene.now).count()
    params = {"count": waiting.count(), "running": running, "workers": settings.SYNC_WORKERS}
    if oldest is None or scene.now - oldest <= QUEUE_MAY_WAIT:
        yield Check("queue", OK, "queue_moves", params)
    elif running >= settings.SYNC_WORKERS:
        yield Check("queue", WARNING, "queue_long", params | {"at": oldest})
    else:
        code = "queue_stuck" if plays_here("sync") else "queue_nobody"
        yield Check("queue", PROBLEM, code, params | {"at": oldest})


def check_runs(scene: Scene) -> Iterator[Check]:
    """Look whether every connection runs at its time, as its health says."""
    planned = {row.connection.pk for row in scene.planned}
    troubles = [found for row in scene.rows if (found := _run_trouble(row, row.connection.pk in planned)) is not None]
    off = Counter(row.connection.kind for row in scene.switched_on if row.connection.pk not in planned)
    yield from troubles
    for kind, count in sorted(off.items()):
        yield Check("runs", WARNING, "runs_kind_off", {"variable": switches.variable_of(kind), "count": count})
    if not troubles and not off:
        yield Check("runs", OK, "runs_on_time", {"count": len(planned)})


def _run_trouble(row: Row, is_planned: bool) -> Check | None:
    connection, last = row.connection, row.last_run
    params: dict[str, Any] = {"connection": connection.slug}
    if is_planned and connection.next_sync_at is None:
        return Check("runs", PROBLEM, "runs_unplanned", params)
    match row.health.state:
        case health.ACTION if row.brake is not None and not connection.status_code:
            return Check("runs", WARNING, "runs_held_back", params | {"at": row.brake.pulled_at})
        case health.ACTION:
            params |= {"error": connection.status_code, "at": connection.status_since}
            return Check("runs", PROBLEM, "runs_need_person", params)
        case health.LATE if row.active_run is None:
            return Check("runs", PROBLEM, "runs_late", params | {"at": connection.next_sync_at})
        case health.RETRYING if last is not None:
            return Check("runs", WARNING, "runs_failing", params | {"error": last.error_code, "at": last.finished_at})
        case health.PARTIAL if row.decisions:
            params |= {"missing": [stream.stream for stream in row.decisions.pending]}
            return Check("runs", WARNING, "runs_undecided", params)
        case health.PARTIAL if last is not None:
            return Check("runs", WARNING, "runs_partial", params | {"at": last.finished_at})
        case health.QUOTA:
            return Check("runs", WARNING, "runs_quota", params | {"at": connection.blocked_until})
    return None


def check_streams(scene: Scene) -> Iterator[Check]:
    """Look when each stream was last read, and last read to its end."""
    read = StreamRun.objects.filter(
        StreamRun.READS, run__finished_at__gte=scene.now - STREAMS_WITHIN, started_at__isnull=False
    )
    seen = {
        (row["run__connection"], row["stream"]): (row["last_run"], row["last_success"])
        for row in read.values("run__connection", "stream").annotate(
            last_run=Max("started_at"), last_success=Max("finished_at", filter=Q(state__in=READ))
        )
    }
    for row in scene.planned:
        yield from _streams_checks(row, seen, scene.now)


def _streams_checks(
    row: Row, seen: dict[tuple[int, str], tuple[datetime | None, datetime | None]], now: datetime
) -> Iterator[Check]:
    connection = row.connection
    undecided = {stream.stream for stream in row.decisions.pending}  # told by check_runs
    params: dict[str, Any] = {"connection": connection.slug}
    try:
        selected = streams_of(connection)
        rests = _rests(selected)
        pause = _longest_pause(connection, now)
    except SyncError as error:
        yield Check("streams", PROBLEM, "streams_unknown", params | {"error": error.code})
        return
    began = connection.auto_sync_changed_at or connection.created_at
    rested_until = connection.paused_until or began  # nothing was to be read before
    found: list[dict[str, Any]] = []
    stale: list[str] = []
    never: list[str] = []
    for stream, minutes in rests.items():
        last_run, last_success = seen.get((connection.pk, stream), (None, None))
        found.append({"stream": stream, "last_run": last_run, "last_success": last_success})
        allowed = 2 * pause + timedelta(minutes=minutes) + SLACK
        if now - max(last_success or began, rested_until) > allowed and stream not in undecided:
            is_new = last_success is None and now - began < STREAMS_WITHIN
            (never if is_new else stale).append(stream)
    called = {one.stream.key: one.stream.label for one in selected}
    successes = [entry["last_success"] for entry in found if entry["last_success"]]
    params |= {"streams": found, "count": len(found), "at": min(successes, default=None)}
    if never:
        yield Check("streams", WARNING, "streams_never", params | _named("never", never, called) | {"began": began})
    if stale:
        yield Check("streams", WARNING, "streams_stale", params | _named("stale", stale, called))
    if not never and not stale:
        yield Check("streams", OK, "streams_fresh" if successes else "streams_new", params)


def _named(name: str, streams: list[str], called: dict[str, str]) -> dict[str, list[str]]:
    return {name: streams, "called": [called[stream] for stream in streams]}


def _rests(streams: Sequence[SelectedStream]) -> dict[str, int]:
    """Return how many minutes each stream that is switched on may rest by its own rhythm.

    A step rests as long as what it needs; one that needs only what is switched off is not expected at all.
    """
    rests: dict[str, int] = {}
    for selected in streams:
        needs = selected.stream.needs if isinstance(selected.stream, Step) else ()
        needed = [rests[key] for key in needs if key in rests]
        if selected.enabled and (needed or not needs):
            rests[selected.stream.key] = max(selected.every_minutes or 0, *needed, 0)
    return rests


def _longest_pause(connection: Connection, now: datetime) -> timedelta:
    slots = [now]
    while len(slots) < SLOTS_SEEN and (slot := connection.next_slot(slots[-1])) is not None:
        slots.append(slot)
    return max((after - before for before, after in zip(slots, slots[1:], strict=False)), default=DAY)


def check_data(scene: Scene) -> Iterator[Check]:
    """Look for sources whose runs succeed and that have given no record for a day, or never."""
    today = Q(finished_at__gte=scene.now - DAY)
    recent = SyncRun.objects.filter(SyncRun.READS, finished_at__gte=scene.now - DATA_WITHIN).order_by()
    counted = recent.values("connection").annotate(
        first=Min("finished_at"),
        last_read=Max("finished_at", filter=Q(read__gt=0)),
        read_today=Sum("read", filter=today, default=0),
        inserted_today=Sum("inserted", filter=today, default=0),
        updated_today=Sum("updated", filter=today, default=0),
    )
    totals: Counter[str] = Counter()
    silent: dict[int, tuple[datetime, bool]] = {}  # since when, and whether it ever gave a record
    planned = {row.connection.pk: row.connection.slug for row in scene.planned}
    for row in counted:
        totals.update(read=row["read_today"], inserted=row["inserted_today"], updated=row["updated_today"])
        since = row["last_read"] or row["first"]
        if row["connection"] in planned and scene.now - since > DAY:
            silent[row["connection"]] = (since, row["last_read"] is not None)
    runs = _successes_since({connection: since for connection, (since, _gave) in silent.items()})
    still = [(connection, *told) for connection, told in silent.items() if runs[connection] >= REPEATED]
    for connection, since, gave in sorted(still, key=lambda one: planned[one[0]]):
        params = {"connection": planned[connection], "runs": runs[connection], "since": since}
        yield Check("data", WARNING, "data_still" if gave else "data_never", params)
    if not still:
        yield Check("data", OK, "data_moves", dict(totals) or {"read": 0, "inserted": 0, "updated": 0})


def _successes_since(moments: Mapping[int, datetime]) -> Counter[int]:
    """Count the runs of each connection that succeeded since its moment, in one query."""
    if not moments:
        return Counter()
    wanted = reduce(or_, (Q(connection=pk, finished_at__gte=since) for pk, since in moments.items()))
    succeeded = SyncRun.objects.filter(SyncRun.READS, wanted, state=SyncRun.State.SUCCEEDED, read=0).order_by()
    return Counter(dict(succeeded.values_list("connection").annotate(Count("pk"))))


def check_network(scene: Scene) -> Iterator[Check]:
    """Look for connections whose runs fail again and again on their way to the source."""
    failed = SyncRun.objects.filter(finished_at__gte=scene.now - DAY, error_code__in=NETWORK)
    repeated = failed.order_by().values("connection", "error_code").annotate(count=Count("pk"))
    repeated = repeated.filter(count__gte=REPEATED)
    last = {row.connection.pk: row for row in scene.rows}
    is_quiet = True
    for found in repeated:
        row = last.get(found["connection"])
        if row is None:
            continue
        is_quiet = False
        still = row.last_run is not None and row.last_run.error_code == found["error_code"]
        params = {"connection": row.connection.slug, "error": found["error_code"], "count": found["count"]}
        yield Check("network", PROBLEM if still else WARNING, "network_failing", params)
    if is_quiet:
        yield Check("network", OK, "network_quiet")


def check_cycle(scene: Scene) -> Iterator[Check]:
    """Look for connections whose run, the last one or the present one, takes long."""
    longest = timedelta()
    is_long = False
    for row in scene.rows:
        for run in (row.last_run, row.active_run):
            span = run.duration if run is not None else None
            if span is None:
                continue
            longest = max(longest, span)
            if span > LONG_CYCLE:
                is_long = True
                yield Check("cycle", WARNING, "cycle_long", {"connection": row.connection.slug, "span": span})
    if not is_long:
        yield Check("cycle", OK, "cycle_short", {"span": longest})


def check_chores(scene: Scene) -> Iterator[Check]:
    late = SystemJob.objects.filter(name__in=CHORES, next_at__lt=scene.now - CHORE_MAY_LAG)
    names = sorted(late.values_list("name", flat=True))
    if names:
        yield Check("chores", WARNING, "chores_late", {"names": names})
    else:
        last = SystemJob.objects.filter(name__in=CHORES).aggregate(at=Max("last_at"))["at"]
        yield Check("chores", OK, "chores_done" if last else "chores_new", {"at": last})
