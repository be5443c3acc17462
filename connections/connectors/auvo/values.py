"""Reads what Auvo writes. What cannot be read stays as it came: the engine then keeps the record with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connections.sdk.declare import Column
from connections.sdk.parsing import digits, parse_boolean, parse_decimal, parse_timestamp

NEVER = re.compile(r"(0001|1900)-01-01(?!\d).*|01/01/(0001|1900)(?!\d).*")  # how Auvo writes that a date is not set
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{2}/\d{2}/\d{4}")
_DURATION = re.compile(
    r"(?P<sign>-?)(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2})(?:\.\d+)?"
)
IDS = ("id", "code", "value")  # of an object where a number is expected


def find(record: Mapping[str, Any], name: str) -> Any:
    """Return the value called name, or a.b inside objects, in whatever letter case the source writes it."""
    found: Any = record
    for part in name.split("."):
        if not isinstance(found, Mapping):
            return None
        if part in found:
            found = found[part]
            continue
        wanted = part.lower()
        found = next((value for key, value in found.items() if key.lower() == wanted), None)
    return found


def items(value: Any) -> list[Any]:
    """Return a list's entries that say something; none for anything else."""
    return [entry for entry in value if entry is not None] if isinstance(value, list) else []


def read(column: Column, value: Any, zone: tzinfo, form: str) -> Any:
    """Return value for the column. form: how the source means it: "", "reference", "duration", "digits"."""
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    match column.type:
        case "integer":
            return _duration(value) if form == "duration" else _integer(value, is_reference=form == "reference")
        case "decimal":
            return _decimal(column, value)
        case "boolean":
            return _boolean(value)
        case "timestamp":
            return _moment(value, zone)
        case "date":
            return None if isinstance(value, str) and NEVER.fullmatch(value) else _day(value)
        case "text":
            return _text(value, form)
    return value


def _integer(value: Any, *, is_reference: bool) -> Any:
    if isinstance(value, Mapping):
        value = next((number for name in IDS if (number := find(value, name)) is not None), value)
    return None if is_reference and value in (0, "0") else value


def _decimal(column: Column, value: Any) -> Any:
    """Read 12.5, "12.34", "12,00" or "2.500,00": where there is a comma, points are thousands."""
    number = value
    if isinstance(value, str):
        try:
            number = parse_decimal(value, mark="," if "," in value else ".")
        except ValueError:
            return value
    if not isinstance(number, Decimal | int) or isinstance(number, bool):
        return value
    number = Decimal(number)
    step = Decimal(1).scaleb(-(column.scale or 0))
    return number.quantize(step, ROUND_HALF_UP) if number.is_finite() and number.adjusted() < 20 else value


def _boolean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_boolean(value)
    except ValueError:
        return value


def _moment(value: Any, zone: tzinfo) -> Any:
    if not isinstance(value, str):
        return value
    if NEVER.fullmatch(value):
        return None
    try:
        return parse_timestamp(value, zone, forgiving=True)
    except ValueError:
        return f"? {value}"  # never taken for a moment in UTC


def _day(value: Any) -> Any:
    return value[:10] if isinstance(value, str) and len(value) > 10 and _DAY.fullmatch(value[:10]) else value


def _duration(value: Any) -> Any:
    """Return the seconds of HH:mm:ss or d.HH:mm:ss."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    parts = [int(found[name] or 0) for name in ("days", "hours", "minutes", "seconds")]
    seconds = ((parts[0] * 24 + parts[1]) * 60 + parts[2]) * 60 + parts[3]
    return -seconds if found["sign"] else seconds


def _text(value: Any, form: str) -> Any:
    if isinstance(value, Mapping):  # a type or an address that is told as an object
        value = next((text for name in ("description", "name", "address") if (text := find(value, name))), None)
    if form == "digits" and isinstance(value, str):
        return digits(value) or None
    return value
