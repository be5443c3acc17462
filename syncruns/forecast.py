"""The next slots of a connection and when each should end, judged by its past runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from connections.models import Connection
from connections.schedule import upcoming, zone
from connections.sdk.errors import SyncError
from syncruns.models import SyncRun

SLOTS = 5
JUDGED_BY = 30  # past runs


@dataclass(frozen=True)
class Slot:
    at: datetime
    ends: datetime | None


@dataclass(frozen=True)
class Forecast:
    """slots: empty when the schedule cannot be read or never fires. typical: median duration, None without runs."""

    slots: tuple[Slot, ...]
    typical: timedelta | None
    judged_by: int
    zone: ZoneInfo | None


def forecast(connection: Connection, now: datetime) -> Forecast:
    """Return the next slots, whether or not automatic syncing is on."""
    past = SyncRun.objects.filter(
        SyncRun.READS,
        connection=connection,
        state__in=(SyncRun.State.SUCCEEDED, SyncRun.State.PARTIAL),
        started_at__isnull=False,
    ).order_by("-queued_at")[:JUDGED_BY]
    seconds = [run.duration.total_seconds() for run in past if run.duration is not None]
    typical = timedelta(seconds=median(seconds)) if seconds else None
    after = max(filter(None, (now, connection.paused_until, connection.blocked_until)))
    try:
        slots = upcoming(connection.schedule, after, SLOTS, seed=connection.slot_seed)
        own_zone = zone(connection.time_zone)
    except SyncError:
        return Forecast((), typical, len(seconds), None)
    planned = connection.next_sync_at
    if planned is not None and now < planned and planned not in slots:
        slots = [planned, *(slot for slot in slots if slot > planned)][:SLOTS]
    return Forecast(tuple(Slot(at, at + typical if typical else None) for at in slots), typical, len(seconds), own_zone)
