"""The next slots of a connection and when each should end, judged by its past runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles
from zoneinfo import ZoneInfo

from connections.models import Connection
from connections.schedule import upcoming, zone
from connections.sdk.errors import SyncError
from syncruns.models import SyncRun

SLOTS = 5
JUDGED_BY = 30  # past runs


@dataclass(frozen=True)
class Slot:
    """ends: when it should end, as half of the past runs would have; ends_latest: as 95 of 100 would have."""

    at: datetime
    ends: datetime | None
    ends_latest: datetime | None


@dataclass(frozen=True)
class Forecast:
    """slots: empty when the schedule cannot be read or never fires.

    typical, longest: median and 95th percentile of past durations, None without runs.
    """

    slots: tuple[Slot, ...]
    typical: timedelta | None
    longest: timedelta | None
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
    longest = timedelta(seconds=percentile_95(seconds)) if seconds else None
    after = max(filter(None, (now, connection.paused_until, connection.blocked_until)))
    try:
        slots = upcoming(connection.schedule, after, SLOTS, seed=connection.slot_seed)
        own_zone = zone(connection.time_zone)
    except SyncError:
        return Forecast((), typical, longest, len(seconds), None)
    planned = connection.next_sync_at
    if planned is not None and after < planned and planned not in slots:
        slots = [planned, *(slot for slot in slots if slot > planned)][:SLOTS]
    ends = [
        Slot(at, at + typical if typical else None, at + longest if longest else None) for at in slots
    ]  # fmt: skip
    return Forecast(tuple(ends), typical, longest, len(seconds), own_zone)


def percentile_95(values: Sequence[float]) -> float:
    """Return the value that 95 of 100 do not exceed; of a single one, itself."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
