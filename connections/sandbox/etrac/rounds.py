"""The days of vans: rounds they drive, packets their trackers send. All of it follows from seed, van and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from connections.sandbox import people

BEGAN = date(2025, 1, 1)
KM_PER_DAY = 60  # that the odometer grows, on average
STREETS = ("Av. Exemplo", "Rua das Acácias", "Rua Um", "Av. Brasil", "Travessa do Porto")


@dataclass(frozen=True)
class Van:
    """One vehicle. satellite: its tracker tells only whether its battery is good."""

    plate: str
    description: str
    fleet: str | None
    serial: str
    satellite: bool = False


@dataclass(frozen=True)
class Trip:
    """One trip of a van, in local time."""

    begin: datetime
    end: datetime
    driver: int  # 0: nobody signed in
    start: tuple[float, float]
    stop: tuple[float, float]
    odometer: int
    km: float


@dataclass(frozen=True)
class Packet:
    """What a tracker told at a moment; recorded: when it got through. All in local time."""

    sent: datetime
    recorded: datetime
    place: tuple[float, float] | None
    street: str | None
    speed: int
    is_on: bool
    odometer: int
    battery: float


VANS = (
    Van("ABC-1D23", "Fiorino 07", "Norte", "000123456"), Van("BRA2E19", "Kangoo 02", "Norte", "000123457"),
    Van("DEF-4567", "Master 11", None, "000123458"), Van("GHI5J67", "Barco 01", "Rio", "GS-90017", satellite=True),
)  # fmt: skip


def trips(van: Van, day: date, seed: int) -> list[Trip]:
    """Return a van's trips of a day, in order: at least two."""
    random = Random(f"{seed}/{van.plate}/{day}")  # noqa: S311 - sample data, no secret
    moment = datetime.combine(day, time(6)) + timedelta(minutes=random.randrange(120), seconds=random.randrange(60))
    odometer = 80_000 + (day - BEGAN).days * KM_PER_DAY + random.randrange(5)
    place = _near(random)
    found = []
    for _number in range(random.randrange(2, 5)):
        length = timedelta(minutes=random.randrange(12, 50), seconds=random.randrange(60))
        km, stop = round(random.uniform(3, 14), 1), _near(random)
        driver = random.randrange(1, 6) if random.random() < 0.7 else 0
        found.append(Trip(moment, moment + length, driver, place, stop, odometer, km))
        rest = timedelta(minutes=random.randrange(20, 150))
        moment, place, odometer = moment + length + rest, stop, odometer + int(km)
    return found


def packets(van: Van, day: date, seed: int, every: timedelta) -> list[Packet]:
    """Return what a van's tracker tells of a day, by the moment it was sent: often on the way, hourly at rest."""
    random = Random(f"{seed}/{van.plate}/{day}/packets")  # noqa: S311 - sample data, no secret
    driven = trips(van, day, seed)
    midnight = datetime.combine(day, time())
    moments = {midnight + timedelta(hours=hour, seconds=random.randrange(3600)) for hour in range(24)}
    for trip in driven:
        moment = trip.begin
        while moment < trip.end:
            moments.add(moment)
            moment += every
    found = []
    for sent in sorted(moments):
        drives = any(each.begin <= sent < each.end for each in driven)
        done = sum(int(each.km) for each in driven if each.end <= sent)
        late = timedelta(hours=random.randrange(1, 30)) if random.random() < 0.04 else timedelta(seconds=4)
        has_fix, is_named = random.random() >= 0.03, random.random() >= 0.1
        last = next((each.stop for each in reversed(driven) if each.end <= sent), driven[0].start)
        place = _near(random) if drives else last
        found.append(
            Packet(
                sent, sent + late, place if has_fix else None,
                f"{random.choice(STREETS)}, {random.randrange(1, 900)} - Centro" if is_named else None,
                random.randrange(8, 95) if drives else 0, drives, driven[0].odometer + done,
                float(random.random() < 0.9) if van.satellite else round(random.uniform(11.8, 14.2), 1),
            )
        )  # fmt: skip
    return found


def driver(number: int) -> tuple[str, str]:
    """Return the name and the identification of a driver."""
    names = people.customer(number * 4 + 1, 7)
    return names["name"], f"{number:08X}"


def _near(random: Random) -> tuple[float, float]:
    return round(-15.6 + random.uniform(-0.1, 0.1), 6), round(-56.09 + random.uniform(-0.1, 0.1), 6)
