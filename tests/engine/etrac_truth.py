"""What the destination should hold of a sandbox eTrac, worked out from its own business, not from its answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from connections.sandbox.etrac import Etrac
from connections.sandbox.etrac.app import ZONE
from connections.sandbox.etrac.rounds import Van, driver
from tests.engine.whole import Rows, as_moment, held

POSITION = ["plate_key", "transmitted_at", "latitude", "longitude", "speed_kmh", "odometer_km", "battery_v"]
TRIP = ["plate_key", "started_at", "ended_at", "duration", "distance_km", "driver_name", "end_odometer_km"]


def utc(local: datetime) -> datetime:
    return local.replace(tzinfo=ZONE).astimezone(UTC)


def days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def key_of(van: Van) -> str:
    return van.plate.replace("-", "")


def positions(etrac: Etrac, first: date, last: date) -> Rows:
    """Return what got through of some days, by plate and moment."""
    return {
        (key_of(van), utc(each.sent)): {
            "latitude": Decimal(str(each.place[0])) if each.place else None,
            "longitude": Decimal(str(each.place[1])) if each.place else None, "speed_kmh": Decimal(each.speed),
            "odometer_km": None if van.satellite else Decimal(each.odometer), "battery_v": Decimal(str(each.battery)),
        }
        for van in etrac.vans for day in days(first, last) for each in etrac.packets(van, day)
    }  # fmt: skip


def trips(etrac: Etrac, first: date, last: date) -> Rows:
    """Return the trips of some days that have begun, by plate and beginning."""
    found: Rows = {}
    for van in etrac.vans:
        for each in (trip for day in days(first, last) for trip in etrac.trips(van, day)):
            is_over = each.end <= etrac.now
            found[key_of(van), utc(each.begin)] = {
                "ended_at": utc(each.end) if is_over else None,
                "duration": int((each.end - each.begin).total_seconds()) if is_over else None,
                "distance_km": Decimal(str(each.km)) if is_over else None,
                "driver_name": driver(each.driver)[0] if each.driver else None,
                "end_odometer_km": Decimal(each.odometer + int(each.km)) if is_over else None,
            }
    return found


def ours(table: str, names: list[str]) -> Rows:
    """Return the live rows of a table by their first two columns; AssertionError when two share these."""
    rows = held("e_track", table, tuple(names[:2]) + (("row_hash",) if table == "position" else ()),
                [*names, *(["row_hash"] if table == "position" else [])])  # fmt: skip
    found = {(key[0], as_moment(key[1])): row for key, row in rows.items()}
    assert len(found) == len(rows), f"{table}: rows stand twice"
    return found
