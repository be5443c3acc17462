"""When a connection syncs: pure computation of slots, in any zone, across clock changes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from connections.sdk.errors import SyncError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUIET_HOURS = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")
LONGEST_SILENCE = timedelta(days=366)  # a schedule whose every time was quiet for so long never comes


@dataclass(frozen=True)
class Schedule:
    """kind: interval, daily or cron. jitter_seconds: how far a slot may be moved back, the same for every slot.

    quiet_hours: "22:00-06:00", times of day in the zone between which there is no slot; empty for none.
    """

    kind: str
    interval_minutes: int = 30
    daily_at: time | None = None
    cron: str = ""
    time_zone: str = "America/Sao_Paulo"
    jitter_seconds: int = 0
    quiet_hours: str = ""


def seed_of(name: str) -> int:
    """Return a stable number for a name, the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big")


def next_slot(schedule: Schedule, after: datetime, *, seed: int = 0) -> datetime | None:
    """Return the first slot later than after (aware), in UTC; None when there is none."""
    return next(slots(schedule, after, seed=seed), None)


def upcoming(schedule: Schedule, after: datetime, count: int, *, seed: int = 0) -> list[datetime]:
    """Return the next count slots later than after, in UTC; fewer when the schedule ends."""
    return list(islice(slots(schedule, after, seed=seed), count))


def slots_between(schedule: Schedule, after: datetime, until: datetime, *, seed: int = 0) -> int:
    """Count the slots later than after and not later than until."""
    return passed(schedule, after, until, seed=seed)[0]


def passed(schedule: Schedule, after: datetime, until: datetime, *, seed: int = 0) -> tuple[int, datetime | None]:
    """Return how many slots are later than after and not later than until, and the last of them."""
    if schedule.kind == "interval" and not schedule.quiet_hours:
        step = timedelta(minutes=schedule.interval_minutes)
        begin = EPOCH + _offset(schedule, seed)
        last = (until - begin) // step
        count = last - (after - begin) // step
        return count, begin + last * step if count > 0 else None
    count, latest = 0, None
    for slot in slots(schedule, after, seed=seed):
        if slot > until:
            break
        count, latest = count + 1, slot
    return count, latest


def slots(schedule: Schedule, after: datetime, *, seed: int = 0) -> Iterator[datetime]:
    """Yield every slot later than after. Raises SyncError("config_invalid") for a schedule that cannot be read."""
    if not schedule.quiet_hours:
        yield from _regular(schedule, after, seed)
        return
    begin, end = quiet_hours(schedule.quiet_hours)
    local, last = zone(schedule.time_zone), after
    for slot in _regular(schedule, after, seed):
        at = slot.astimezone(local).time()
        is_quiet = begin <= at < end if begin < end else at >= begin or at < end
        if not is_quiet:
            last = slot
            yield slot
        elif slot - last > LONGEST_SILENCE:
            return


def quiet_hours(text: str) -> tuple[time, time]:
    """Return begin and end of "22:00-06:00". Raises SyncError("config_invalid", field="quiet_hours")."""
    found = QUIET_HOURS.fullmatch(text)
    if found is None or found[1] == found[2]:
        raise SyncError("config_invalid", field="quiet_hours", value=text)
    return time.fromisoformat(found[1]), time.fromisoformat(found[2])


def _regular(schedule: Schedule, after: datetime, seed: int) -> Iterator[datetime]:
    """Yield every slot later than after, the quiet ones too."""
    offset = _offset(schedule, seed)
    if schedule.kind == "interval":
        # Slots lie on a grid of their own, so a late or long run moves none of them.
        step = timedelta(minutes=schedule.interval_minutes)
        slot = EPOCH + offset + ((after - EPOCH - offset) // step + 1) * step
        while True:
            yield slot
            slot += step
    start = (after - offset).astimezone(zone(schedule.time_zone))
    for moment in _cron(schedule, start):
        yield moment.astimezone(UTC) + offset


def check(schedule: Schedule, now: datetime) -> None:
    """Raise SyncError: config_invalid with `field`, or schedule_never_fires, when nothing would ever run."""
    zone(schedule.time_zone)  # interval slots need none, pages do
    if next_slot(schedule, now) is None:
        if schedule.quiet_hours and next_slot(replace(schedule, quiet_hours=""), now) is not None:
            raise SyncError("schedule_never_fires", field="quiet_hours", reason="quiet", value=schedule.quiet_hours)
        raise SyncError("schedule_never_fires", field="cron", cron=schedule.cron)


def zone(name: str) -> ZoneInfo:
    """Return the zone. Raises SyncError("config_invalid", field="time_zone")."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SyncError("config_invalid", field="time_zone", value=name) from None


def _offset(schedule: Schedule, seed: int) -> timedelta:
    return timedelta(seconds=seed % (schedule.jitter_seconds + 1))


def _cron(schedule: Schedule, start: datetime) -> Iterator[datetime]:
    expression = schedule.cron
    if schedule.kind == "daily":
        at = schedule.daily_at or time()
        expression = f"{at.minute} {at.hour} * * *"
    fields = expression.split()
    if len(fields) != 5:  # a sixth field would mean seconds, finer than the tick
        raise SyncError("config_invalid", field="cron", value=expression)
    try:
        # CronSim gives up by itself on a date that does not come within fifty years.
        return CronSim(expression, start)
    except CronSimError as problem:
        # Each part has a meaning of its own, but not together: 31 February.
        if _is_readable([*fields[:2], "*", *fields[3:]]) and _is_readable(["0", "0", fields[2], "*", "*"]):
            raise SyncError("schedule_never_fires", field="cron", cron=expression) from None
        raise SyncError("config_invalid", field="cron", value=expression, detail=str(problem)) from None


def _is_readable(fields: list[str]) -> bool:
    try:
        CronSim(" ".join(fields), EPOCH)
    except CronSimError:
        return False
    return True
