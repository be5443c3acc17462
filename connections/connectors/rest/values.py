"""What a JSON API writes in ways of its own, brought into the form the engine types: moments, decimals with comma."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connections.sdk.declare import ColumnType
from connections.sdk.parsing import parse_date, parse_decimal, parse_timestamp

Reader = Callable[[Any], Any]

# No API writes seconds this large (year 5138) nor milliseconds this small (March 1973).
FIRST_MILLISECONDS = 100_000_000_000


def reader(column_type: ColumnType, zone: ZoneInfo) -> Reader:
    """Return what to apply to a value of a column of this type; what cannot be read stays for the engine to judge."""
    match column_type:
        case "timestamp":
            return _or_raw(lambda value: moment(value, zone))
        case "decimal":
            with_comma = _or_raw(parse_decimal)
            return lambda value: with_comma(value) if _has_comma(value) else _blank(value)
        case "integer" | "boolean" | "date":
            return _blank
        case _:
            return lambda value: value


def moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """Return a moment written as text (zone where it has none) or as seconds or milliseconds since 1970, in UTC.

    A day is its first moment. None for nothing. Raises ValueError.
    """
    value = _blank(value)
    if value is None:
        return None
    if isinstance(value, str):
        if ":" in value:
            return parse_timestamp(value, zone)
        return datetime.combine(parse_date(value), time(), zone).astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("not a moment")
    number = Decimal(value)
    seconds = number / 1000 if abs(number) >= FIRST_MILLISECONDS else number
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("not a moment") from None


def _or_raw(read: Reader) -> Reader:
    def tried(value: Any) -> Any:
        try:
            return read(value)
        except ValueError:
            return value

    return tried


def _has_comma(value: Any) -> bool:
    return isinstance(value, str) and "," in value


def _blank(value: Any) -> Any:
    """Read "" and MySQL's zero date as nothing, as APIs mean them where a number or a date should be."""
    return None if isinstance(value, str) and (value == "" or value.startswith("0000-00-00")) else value
