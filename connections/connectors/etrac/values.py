"""Reads what eTrac writes. What cannot be read stays as it came: the engine then keeps the record with the reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connections.sdk.parsing import Mark, parse_decimal, parse_timestamp

_PLATE = re.compile(r"[^0-9A-Z]")
_NUMBER = re.compile(r"[^0-9.,+-]")
_EPOCH = re.compile(r"\d{9,11}")
_DURATION = re.compile(r"(\d+):([0-5]\d):([0-5]\d)")
_TRUTH = {"1": True, "true": True, "0": False, "false": False}


def plate_key(plate: Any) -> str | None:
    """Return a plate as it is compared: capitals and digits only; None when there is none."""
    return _PLATE.sub("", str(plate).upper()) or None if plate is not None else None


def text(value: Any) -> Any:
    """Return a text without the blanks around it; nothing for an empty one."""
    return (value.strip() or None) if isinstance(value, str) else value


def number(value: Any, scale: int) -> Any:
    """Read 42, "42 km/h", "12,6 V", "88.214,5" or "1.234.567", rounded to so many decimals."""
    value = text(value)
    if isinstance(value, str):
        try:
            found = _written(value)
        except ValueError:
            return value
    elif isinstance(value, Decimal | int) and not isinstance(value, bool):
        found = Decimal(value)
    else:
        return value
    if not found.is_finite() or found.adjusted() > 20:
        return value
    return found.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def place(latitude: Any, longitude: Any) -> tuple[Any, Any]:
    """Return a fix's coordinates; none of both for "0" or nothing in their stead, which is how no fix is told."""
    found = number(latitude, 6), number(longitude, 6)
    return (None, None) if not all(found) else found


def flag(value: Any) -> bool | None:
    """Return 1, "1" or true as true, 0, "0" or false as false, and anything else as unknown."""
    return _TRUTH.get(str(value).strip().lower())


def moment(value: Any, zone: tzinfo) -> Any:
    """Read a date and time in any form that eTrac is known to write, day before month; a number is Unix time."""
    value = text(value)
    told = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if _EPOCH.fullmatch(told):
        return datetime.fromtimestamp(int(told), UTC)
    if not isinstance(value, str):
        return value
    try:
        return parse_timestamp(value, zone, forgiving=True)
    except ValueError:
        return f"? {value}"  # never taken for a moment in UTC


def seconds(value: Any) -> Any:
    """Return the seconds of "HH:MM:SS", whose hours may exceed a day."""
    value = text(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) if found else value


def _written(value: str) -> Decimal:
    """Return a number with or without a unit; one mark alone is the decimal mark, and the last of two kinds."""
    bare = _NUMBER.sub("", re.sub(r"/.*", "", value))
    marks = [character for character in bare if character in ".,"]
    if not marks:
        return parse_decimal(bare)
    last: Mark = "," if marks[-1] == "," else "."
    groups = len(marks) > 1 and len(set(marks)) == 1
    other: Mark = "." if last == "," else ","
    return parse_decimal(bare, mark=other if groups else last)
