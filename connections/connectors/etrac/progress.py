"""The checkpoint of a stream: how far the days were read, where a walk goes on, and what must be asked for again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

TRIES = 5  # of one vehicle's day that could not be read, over as many walks
MOST_MISSED = 1000

Day = tuple[str, date]  # a plate as it is compared, and a day


@dataclass(frozen=True)
class Walk:
    """Days to be read, each for every vehicle in the order of plates. at, after: the day, and the last plate of it
    that is read."""

    first: date
    last: date
    at: date
    began: datetime
    after: str = ""


@dataclass(frozen=True)
class Vehicle:
    """What is remembered of a vehicle: its first position, and the first one of each of its trackers."""

    first: datetime | None = None
    trackers: Mapping[str, datetime] = field(default_factory=dict)

    def met(self, at: datetime, serial: str = "") -> Vehicle:
        """Return what is remembered once a position was met."""
        first = min(self.first or at, at)
        if not serial:
            return replace(self, first=first)
        return Vehicle(first, {**self.trackers, serial: min(self.trackers.get(serial, at), at)})


@dataclass(frozen=True)
class Progress:
    """to: when the source was last asked. walked_at: when the last complete walk began. missed: days, with tries."""

    to: datetime | None = None
    walked_at: datetime | None = None
    walk: Walk | None = None
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    missed: Mapping[Day, int] = field(default_factory=dict)

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any] | None) -> Progress:
        """Read a checkpoint; None is the beginning."""
        stored = checkpoint or {}
        walk = stored.get("walk")
        return cls(
            _moment(stored.get("to")), _moment(stored.get("walked_at")),
            Walk(
                date.fromisoformat(walk["first"]), date.fromisoformat(walk["last"]), date.fromisoformat(walk["at"]),
                datetime.fromisoformat(walk["began"]), walk["after"],
            ) if walk else None,
            {
                plate: Vehicle(
                    _moment(kept["first"]),
                    {serial: datetime.fromisoformat(at) for serial, at in kept["trackers"].items()},
                )
                for plate, kept in stored.get("vehicles", {}).items()
            },
            {(plate, date.fromisoformat(day)): tries for plate, day, tries in stored.get("missed", [])},
        )  # fmt: skip

    def checkpoint(self) -> dict[str, Any]:
        """Return it as JSON."""
        moments = {"to": self.to, "walked_at": self.walked_at}
        stored: dict[str, Any] = {name: moment.isoformat() for name, moment in moments.items() if moment}
        if self.walk:
            days = {name: getattr(self.walk, name).isoformat() for name in ("first", "last", "at", "began")}
            stored["walk"] = {**days, "after": self.walk.after}
        if self.vehicles:
            stored["vehicles"] = {plate: _kept(vehicle) for plate, vehicle in self.vehicles.items()}
        if self.missed:
            stored["missed"] = [[plate, day.isoformat(), tries] for (plate, day), tries in self.missed.items()]
        return stored

    def met(self, plate: str, at: datetime, serial: str = "") -> Progress:
        """Return the progress once a vehicle's position was met."""
        vehicle = self.vehicles.get(plate, Vehicle()).met(at, serial)
        return replace(self, vehicles={**self.vehicles, plate: vehicle})

    def noted(self, day: Day, *, is_read: bool) -> Progress:
        """Return the progress once a vehicle's day was asked for: one that could not be read is asked for again."""
        missed = {other: tries for other, tries in self.missed.items() if other != day}
        tries = self.missed.get(day, 0) + 1
        if not is_read and tries < TRIES and len(missed) < MOST_MISSED:
            missed[day] = tries
        return replace(self, missed=missed)


def _kept(vehicle: Vehicle) -> dict[str, Any]:
    trackers = {serial: at.isoformat() for serial, at in vehicle.trackers.items()}
    return {"first": vehicle.first.isoformat() if vehicle.first else None, "trackers": trackers}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
