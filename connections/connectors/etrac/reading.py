"""One read of one stream: where every vehicle is now, and what the lists say of each vehicle's days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.etrac import tables, values
from connections.connectors.etrac.progress import Progress, Walk
from connections.connectors.etrac.session import Record, Session
from connections.connectors.etrac.tables import Row
from connections.sdk.declare import Page
from connections.sdk.errors import SyncError

DAY = timedelta(days=1)
ROWS = 1000  # of one page
IN_A_ROW = 3  # vehicles that cannot be read: then it is not the vehicle
SLACK = timedelta(minutes=30)  # a run that begins a little earlier than the last one's rhythm is not for that too early
ANSWERS = {"request_refused", "not_found", "contract_changed"}  # final words on one vehicle's day
OF_VEHICLE = ANSWERS | {"bad_response", "server_error", "timeout"}


@dataclass(frozen=True)
class DayList:
    """A list that is asked for by vehicle and day.

    path, keeps: names of settings. form: how it takes a day. look_back: days that are read again. moment: a column.
    """

    look_back: int
    path: str
    form: str
    table: str
    fetches: str
    keeps: str
    row: Callable[[Record, str, tzinfo], Row]
    moment: str


HISTORY = DayList(
    2, "history_path", "%d/%m/%Y", "position", "position_fetch", "keep_positions_days",
    lambda record, plate, zone: tables.position_row(record, plate, "history", zone), "transmitted_at",
)  # fmt: skip
TRIPS = DayList(1, "trips_path", "%d-%m-%Y", "trip", "trip_fetch", "keep_trips_days", tables.trip_row, "started_at")


class Reading:
    """Reads the days of a list through a session, and no more."""

    of: DayList = TRIPS

    def __init__(self, session: Session, checkpoint: dict[str, Any] | None) -> None:
        self.session = session
        self.config = session.config
        self.context = session.context
        self.zone = ZoneInfo(self.config["time_zone"])
        self.now = self.context.now().replace(microsecond=0)
        self.today = self.now.astimezone(self.zone).date()
        self.size = self.context.options.page_size or ROWS
        self.plates: dict[str, str] = {}  # as compared -> as eTrac writes it
        self._progress = Progress.of(checkpoint)
        self._last: dict[str, int] = {}  # plate -> what its last day with records held, in short
        self._answered = self._in_a_row = 0
        self._place: dict[str, Any] | None = None  # within a range

    def pages(self) -> Iterator[Page]:
        """Yield everything a read brings."""
        since, until = self.context.options.since, self.context.options.until
        self._choose(self.session.fleet() if not self.config.get("plates") else [])
        if since is not None:
            if until is not None:
                yield from self._range(self._day(since), min(self._day(until - timedelta(microseconds=1)), self.today))
                return
            yield from self._walk(self._walk_from(self._day(since), self.today))
        elif self._progress.walk is not None:
            yield from self._walk(self._progress.walk)
        else:
            yield from self._walk(self._next_walk())

    # Vehicles

    def _choose(self, fleet: Sequence[Record]) -> list[Record]:
        """Note the vehicles to be read; return their records of those of the fleet."""
        named = {values.plate_key(plate): plate.strip() for plate in self.config.get("plates") or ()}
        chosen = [each for each in fleet if not named or values.plate_key(each.get("placa")) in named]
        listed = {values.plate_key(each.get("placa")): each.get("placa") for each in chosen}
        found = {key: str(plate) for key, plate in {**named, **listed}.items() if key}
        self.plates = dict(sorted(found.items()))
        return chosen

    # Days

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _next_walk(self) -> Walk:
        minutes = self.context.options.window_minutes or self.of.look_back * 24 * 60
        reached = min(self._day(self._progress.walked_at or self.now), self.today)
        return self._walk_from(reached - timedelta(days=-(-minutes // (24 * 60))), self.today)

    def _walk_from(self, first: date, last: date) -> Walk:
        """Return a walk from a day on, or from the oldest one whose rows would be kept."""
        oldest = self._day(self.now - timedelta(days=int(self.config[self.of.keeps]))) + DAY
        if first < oldest:
            self.context.log("info", "days_not_kept", since=str(first), until=str(oldest))
            first = oldest
        return Walk(first, last, first, self.now)

    def _range(self, first: date, last: date) -> Iterator[Page]:
        """Yield a part of the past, from the place on up to which it was read before."""
        self._progress = replace(self._progress, missed={})  # the everyday reads ask for these
        walk, place = self._walk_from(first, last), self.context.options.place
        if place is not None:
            self._answered = 1  # there is no place before a first answer
            at = date.fromisoformat(place["at"])
            walk = replace(walk, at=at, after=place["after"]) if at >= walk.first else walk
        yield from self._walk(walk, is_range=True)

    def _walk(self, walk: Walk, *, is_range: bool = False) -> Iterator[Page]:
        """Yield each vehicle's days, with the checkpoint from which a read goes on after it.

        is_range: a part of the past, which counts as read only when all of it could be.
        """
        self.context.log("info", "stream_window", since=str(walk.at), until=str(walk.last))
        failure: SyncError | None = None
        for day, plate in self._asked_for(walk):
            if day >= walk.at:
                self._progress = replace(self._progress, walk=replace(walk, at=day, after=plate))
            self._place = {"at": day.isoformat(), "after": plate} if is_range else None
            try:
                records = self.session.day(self.config[self.of.path], self.plates[plate], day.strftime(self.of.form))
            except SyncError as error:
                failure = self._missed(error, is_range=is_range)
                self._progress = self._progress.noted((plate, day), is_read=error.code in ANSWERS)
                yield self._reached({self.of.fetches: [self._fetch(plate, day, 0, error)]})
                continue
            self._answered, self._in_a_row = self._answered + 1, 0
            yield from self._loaded(plate, day, records)
        if failure is not None and not self._answered:
            raise failure
        missed = {one: tries for one, tries in self._progress.missed.items() if one[0] in self.plates}
        self._progress = replace(self._progress, walk=None, walked_at=walk.began, to=self.now, missed=missed)
        yield Page(checkpoint=self._progress.checkpoint())

    def _asked_for(self, walk: Walk) -> Iterator[tuple[date, str]]:
        """Yield days and plates: first those that could not be read before, then those of the walk still to be read."""
        for plate, day in list(self._progress.missed):
            if day < walk.at and plate in self.plates:
                yield day, plate
        day = walk.at
        while day <= walk.last:
            for plate in self.plates:
                if day > walk.at or plate > walk.after:
                    yield day, plate
            day += DAY

    def _missed(self, error: SyncError, *, is_range: bool) -> SyncError:
        """Return a failure that is one vehicle's; raise it when it is not, or when nothing may be missed."""
        self._in_a_row += error.code not in ANSWERS
        is_all = error.code not in OF_VEHICLE or self._in_a_row >= IN_A_ROW
        if is_all or (is_range and error.code not in ANSWERS):
            raise error
        return error

    def _loaded(self, plate: str, day: date, records: Sequence[Record]) -> Iterator[Page]:
        """Yield a day's rows."""
        rows = [self.of.row(record, plate, self.zone) for record in records]
        self._compare(plate, rows)
        self._remember(plate, rows)
        self._progress = self._progress.noted((plate, day), is_read=True)
        for start in range(0, len(rows) - self.size, self.size):
            yield Page(rows={self.of.table: rows[start : start + self.size]})
        rest = rows[(len(rows) - 1) // self.size * self.size :] if rows else []
        fetch = self._fetch(plate, day, len(rows), None)
        yield self._reached({self.of.table: rest, self.of.fetches: [fetch]})

    def _compare(self, plate: str, rows: Sequence[Row]) -> None:
        """Raise SyncError pagination_loop for a source that shows the same day whichever is asked for."""
        if len(rows) > 1:  # one trip may be that of both days: over midnight
            shown = hash(tuple(str(row[self.of.moment]) for row in rows))
            if self._last.get(plate) == shown:
                raise SyncError("pagination_loop")
            self._last[plate] = shown

    def _remember(self, plate: str, rows: Sequence[Row]) -> None:
        """Note what a day tells of the vehicle itself."""

    def _reached(self, rows: Mapping[str, Sequence[Row]]) -> Page:
        """Return the page that ends a vehicle's day; before a first answer it moves nothing, as all may be ill."""
        if not self._answered:
            return Page(rows=rows)
        if self._place is not None:
            return Page(rows=rows, place=self._place)
        return Page(rows=rows, checkpoint=self._progress.checkpoint())

    def _fetch(self, plate: str, day: date, rows: int, error: SyncError | None) -> Row:
        """Return the row that tells no data from a failure."""
        if error is None:
            told: Mapping[str, Any] = {"status": "ok", "message": None}
        else:
            told = {"status": error.code, "message": error.detail or str(error.params.get("reason") or "") or None}
            self.context.log("warning", "vehicle_day_failed", plate=self.plates[plate], day=str(day), code=error.code)
        return {"plate_key": plate, "day": day, "rows": rows, "fetched_at": self.now, **told}


class PositionReading(Reading):
    """Reads where every vehicle is, each time, and completes it from the history at a slower rhythm."""

    of = HISTORY

    def pages(self) -> Iterator[Page]:
        if self.context.options.until is not None:
            yield from super().pages()
            return
        records = self._choose(self.session.fleet())
        # What is about to be walked through stands in the first checkpoint: an interruption must not forget it.
        self._progress = replace(self._progress, to=self.now, walk=self._due())
        yield from self._latest(records)
        if self._progress.walk is not None:
            yield from self._walk(self._progress.walk)

    def _due(self) -> Walk | None:
        if self.context.options.since is not None:
            return self._walk_from(self._day(self.context.options.since), self.today)
        hours, walked_at = int(self.config["history_hours"]), self._progress.walked_at
        is_due = hours and (walked_at is None or self.now - walked_at >= timedelta(hours=hours) - SLACK)
        return self._progress.walk or (self._next_walk() if is_due else None)

    def _latest(self, records: Sequence[Record]) -> Iterator[Page]:
        """Yield the fleet: positions, the vehicles themselves, and which tracker each has."""
        starts = range(0, max(len(records), 1), self.size)
        for start in starts:
            rows: dict[str, list[Row]] = {"position": [], "vehicle": [], "vehicle_tracker": []}
            for record in records[start : start + self.size]:
                for table, row in self._of_vehicle(record):
                    rows[table].append(row)
            is_last = start == starts[-1]
            yield Page(rows=rows, checkpoint=self._progress.checkpoint() if is_last else None)

    def _of_vehicle(self, record: Record) -> Iterator[tuple[str, Row]]:
        plate, serial = values.plate_key(record.get("placa")), values.text(record.get("equipamento_serial"))
        position = tables.position_row(record, plate, "live", self.zone)
        at = position["transmitted_at"]
        if plate and isinstance(at, datetime):
            self._progress = self._progress.met(plate, at, str(serial or ""))
        known = self._progress.vehicles.get(plate or "")
        yield "vehicle", tables.vehicle_row(record, plate, known.first if known else None, self.today, self.zone)
        if at is not None:  # a tracker that never sent anything was nowhere yet
            yield "position", position
        if known and serial and isinstance(at, datetime):
            seen = {"first_seen_at": known.trackers.get(str(serial)), "last_seen_at": at}
            yield "vehicle_tracker", {"plate_key": plate, "serial": serial, **seen}

    def _remember(self, plate: str, rows: Sequence[Row]) -> None:
        moments = [row["transmitted_at"] for row in rows if isinstance(row["transmitted_at"], datetime)]
        if moments and plate in self._progress.vehicles:
            self._progress = self._progress.met(plate, min(moments))
