"""Runs the daily connections on a host that has no workers: the same slots and the same claims, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Min, QuerySet
from django.utils import timezone

from connections.models import Connection
from syncruns import dispatch
from syncruns.models import SyncRun
from syncruns.stopping import is_stopping
from syncruns.tasks import execute_run


def daily_connections(kinds: Sequence[str] = ()) -> QuerySet[Connection]:
    """Return the connections with a daily schedule, of these kinds, or of any."""
    daily = Connection.objects.filter(schedule_kind=Connection.ScheduleKind.DAILY)
    return daily.filter(kind__in=kinds) if kinds else daily


def run_due(kinds: Sequence[str] = ()) -> Iterator[SyncRun]:
    """Account for the due slots, then execute every queued run of these connections and yield it.

    A slot that a scheduler elsewhere has made into a run is not made into another, and a run that a worker claims
    first is left to it.
    """
    among = daily_connections(kinds)
    now = timezone.now()
    dispatch.reap(now)
    while dispatch.queue_due(now, among) == dispatch.BATCH:
        pass
    queued = SyncRun.objects.filter(connection__in=among, state=SyncRun.State.QUEUED).order_by("-priority", "queued_at")
    for key in list(queued.values_list("pk", flat=True)):
        if is_stopping():
            return
        run = execute_run(key)
        if run is not None:
            run.refresh_from_db()
            yield run


def next_slot(kinds: Sequence[str] = ()) -> datetime | None:
    """Return when the next of these connections is due; None while none of them is switched on."""
    waiting = daily_connections(kinds).filter(auto_sync=True, status=Connection.Status.ACTIVE)
    return waiting.aggregate(first=Min("next_sync_at"))["first"]
