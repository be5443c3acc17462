"""One read of one stream: a whole list, or the days of a period, with what changed and what was deleted meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.auvo.declare import Record, Resource
from connections.connectors.auvo.errors import is_heavy
from connections.connectors.auvo.listing import PAGE_SIZE, Batch, batches
from connections.connectors.auvo.progress import Progress, Walk
from connections.connectors.auvo.session import Session
from connections.connectors.auvo.settings import HOT_DAYS, SWEEP_HOURS
from connections.sdk.declare import Key, Page, Sweep, Within
from connections.sdk.errors import SyncError

OVERLAP = timedelta(days=1)  # nobody says how Auvo compares its change date
DAY = timedelta(days=1)
FAR = timedelta(days=365)  # how far from today a task that changed may be planned
SLACK = timedelta(hours=1)  # a run that begins a little earlier than yesterday's is not for that too early


class Reading:
    """Reads a resource through a session."""

    def __init__(self, session: Session, resource: Resource, checkpoint: dict[str, Any] | None) -> None:
        self.session = session
        self.resource = resource
        self.context = session.context
        self.zone = ZoneInfo(session.config.get("time_zone") or "America/Sao_Paulo")
        self.now = self.context.now().replace(microsecond=0)
        self.today = self.now.astimezone(self.zone).date()
        self.table = resource.shape.table.name
        self.unproven = 0  # days, or lists, of which Auvo said "not found"
        self._progress = Progress.of(checkpoint)

    def pages(self) -> Iterator[Page]:
        """Yield everything a read brings."""
        yield from self._days() if self.resource.period else self._list()
        if self.unproven:
            self.context.log("info", "source_not_found", path=self.resource.path.strip("/"), count=self.unproven)

    # Whole lists

    def _list(self) -> Iterator[Page]:
        filters = dict(self.resource.filters)
        is_full = self._progress.to is None or not self.resource.updated or self._is_sweep_due()
        if not is_full and self._progress.to is not None:
            filters[self.resource.updated] = self._spelled(self._progress.to - OVERLAP)
        sweeps, begins = is_full and self.resource.sweeps, True
        for batch in self._batches(self.resource.path, filters):
            whole = batch.is_last and batch.is_whole
            self.unproven += batch.is_last and not batch.is_whole
            *pages, last = self._rows(batch)
            for page in pages:
                yield replace(page, sweep=Sweep(self.table, begins=begins) if sweeps else None)
                begins = False
            sweep = None
            if sweeps and (batch.records or not begins):
                sweep, begins = Sweep(self.table, begins=begins, complete=whole), False
            done = Progress(self.now, self.now if is_full and whole else self._progress.swept_at)
            yield replace(
                last, sweep=sweep, expected=batch.total, checkpoint=done.checkpoint() if batch.is_last else None
            )

    # Periods

    def _days(self) -> Iterator[Page]:
        since, resource = self.context.options.since, self.resource
        if since is not None:
            first, last = min(since.astimezone(self.zone).date(), self.today), self._last_day()
            until = self.context.options.until
            if until is not None:  # of the day that begins there nothing was asked for
                last = max((until - timedelta(microseconds=1)).astimezone(self.zone).date(), first)
            yield from self._walk(Walk(first, last, first, self.now, reconciles=True))
            yield from self._deleted(first, last)
            return
        if self._progress.walk is not None:
            yield from self._walk(self._progress.walk)
        if resource.scheduled and self._progress.to is not None:
            changed = {**resource.filters, resource.updated: self._spelled(self._progress.to - OVERLAP)}
            far = max(FAR, self._look_back())
            for batch in self._period(self.today - far, self.today + far, changed):
                yield from self._rows(batch)
        yield from self._walk(self._next_walk())
        yield from self._deleted(self.today - self._look_back(), self._last_day())

    def _next_walk(self) -> Walk:
        first, last, reconciles = self.today - self._look_back(), self._last_day(), True
        if self.resource.scheduled and not self._is_sweep_due():
            hot = timedelta(days=int(self._setting("hot_days", HOT_DAYS)))
            first, last, reconciles = max(first, self.today - hot), min(last, self.today + hot), False
        elif self._progress.to is not None:  # however long nothing was read
            first = min(first, (self._progress.to - OVERLAP).astimezone(self.zone).date())
        return Walk(first, last, first, self.now, reconciles)

    def _walk(self, walk: Walk) -> Iterator[Page]:
        """Yield the days of a walk, each with the checkpoint from which a read goes on after it."""
        assert self.resource.period is not None  # noqa: S101 - only such resources are walked
        self.context.log("info", "stream_window", since=str(walk.at), until=str(walk.last))
        sweep = _WalkSweep(self.table, self.resource.scheduled, self.zone)
        step = timedelta(days=self.resource.period.days - 1)
        day = walk.at
        while day <= walk.last:
            end = min(day + step, walk.last)
            is_whole = True
            for batch in self._period(day, end, self.resource.filters):
                for page in self._rows(batch):
                    yield replace(page, sweep=sweep.part(has_rows=bool(batch.records)))
                is_whole = is_whole and (batch.is_whole or not batch.is_last)
            self.unproven += not is_whole
            self._progress = self._progress.after(walk, end)
            ended = sweep.day_ends(day, is_whole=is_whole, is_last=end == walk.last)
            yield Page(sweep=ended, checkpoint=self._progress.checkpoint())
            day = end + DAY

    def _deleted(self, first: date, last: date) -> Iterator[Page]:
        """Yield the keys of records that Auvo itself calls deleted."""
        if self.resource.deleted_path:
            for batch in self._period(first, last, {}, path=self.resource.deleted_path):
                if batch.records:
                    yield Page(deletes={self.table: [self._key(record) for record in batch.records]})

    def _period(self, first: date, last: date, filters: Mapping[str, Any], *, path: str = "") -> Iterator[Batch]:
        """Yield what lies in some days; the halves of them where all at once is too much for Auvo."""
        period = self.resource.period
        assert period is not None  # noqa: S101 - only such resources are asked so
        ends = {period.start: str(first), period.end: str(last)}
        if period.form == "moment":
            ends = {period.start: f"{first}T00:00:00", period.end: f"{last}T23:59:59"}
        try:
            yield from self._batches(path or self.resource.path, {**filters, **ends})
        except SyncError as error:
            if first == last or not is_heavy(error):
                raise
        else:
            return
        middle = first + (last - first) // 2
        yield from self._period(first, middle, filters, path=path)
        yield from self._period(middle + DAY, last, filters, path=path)

    # Parts of both

    def _rows(self, batch: Batch) -> Iterator[Page]:
        """Yield the rows of a batch; those of records whose members are unknown without their members."""
        shape, members = self.resource.shape, self.resource.members
        if members is None:
            yield Page(rows=shape.rows(batch.records, self.zone))
            return
        known: list[Record] = []
        unknown: list[Record] = []
        for record in batch.records:
            (number,) = self._key(record)
            found = list(batches(self.session, f"{self.resource.path}{number}/{members[0]}", {}, str, PAGE_SIZE))
            listed = [entry for part in found for entry in part.records]
            (known if found[-1].is_whole else unknown).append({**record, members[1]: listed})
        if unknown:
            yield Page(rows={self.table: shape.rows(unknown, self.zone)[self.table]})
        yield Page(rows=shape.rows(known, self.zone))

    def _batches(self, path: str, filters: Mapping[str, Any]) -> Iterator[Batch]:
        size = self.context.options.page_size or PAGE_SIZE
        return batches(self.session, path, filters, self._key, size)

    def _key(self, record: Record) -> Key:
        return self.resource.shape.key(record, self.zone)

    def _look_back(self) -> timedelta:
        minutes = self.context.options.window_minutes
        days = -(-minutes // (24 * 60)) if minutes else self.resource.window_days or 1
        return timedelta(days=days)

    def _last_day(self) -> date:
        ahead = int(self._setting("look_ahead_days", 90)) if self.resource.scheduled else 0
        return self.today + timedelta(days=ahead)

    def _is_sweep_due(self) -> bool:
        swept_at, hours = self._progress.swept_at, float(self._setting("sweep_hours", SWEEP_HOURS))
        return swept_at is None or self.now - swept_at >= timedelta(hours=hours) - min(
            SLACK, timedelta(hours=hours / 2)
        )

    def _setting(self, name: str, default: float) -> Any:
        value = self.session.config.get(name)
        return default if value is None else value

    def _spelled(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S")


class _WalkSweep:
    """Which records exist, told over the days of a walk: in stretches of days that were surely read whole."""

    def __init__(self, table: str, column: str, zone: ZoneInfo) -> None:
        self._table = table
        self._column = column
        self._zone = zone
        self._from: date | None = None
        self._has_begun = False

    def part(self, *, has_rows: bool) -> Sweep | None:
        """Return the part for a page of a day."""
        if not self._column or not has_rows:
            return None
        begins, self._has_begun = not self._has_begun, True
        return Sweep(self._table, begins=begins)

    def day_ends(self, day: date, *, is_whole: bool, is_last: bool) -> Sweep | None:
        """Note how a day ended; return the end of a stretch, which nothing proves beyond."""
        if not self._column:
            return None
        if is_whole and self._from is None:
            self._from = day
        if is_whole and not is_last:
            return None
        start, until, had_begun = self._from, day + DAY if is_whole else day, self._has_begun
        self._from, self._has_begun = None, False
        if start is None or not had_begun:
            return None
        within = Within(self._column, at_least=self._start(start), below=self._start(until))
        return Sweep(self._table, complete=True, within=(within,))

    def _start(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)
