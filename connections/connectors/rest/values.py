"""What a JSON API writes in ways of its own, brought into the form the engine types: moments, decimals with comma."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import partial
from types import NoneType
from typing import Any
from zoneinfo import ZoneInfo

from connections.sdk.declare import ColumnType
from connections.sdk.parsing import parse_date, parse_decimal, parse_timestamp, parse_timestamps

Reader = Callable[[Any], Any]

# No API writes seconds this large (year 5138) nor milliseconds this small (March 1973).
FIRST_MILLISECONDS = 100_000_000_000


def read_all(column_type: ColumnType, values: Sequence[Any], zone: ZoneInfo) -> Sequence[Any]:
    """Return values of a column of this type, None among them; what cannot be read stays for the engine to judge."""
    types = set(map(type, values))
    if column_type == "timestamp":
        if types == {str}:
            with suppress(ValueError):
                return parse_timestamps(values, zone)
        return _tried(partial(moment, zone=zone), values)
    if column_type in ("text", "json") or str not in types or _are_plain(values, types):
        return values  # only texts are written in ways of their own
    return _tried(_decimal if column_type == "decimal" else _blank, values)


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


def _are_plain(values: Sequence[Any], types: set[type]) -> bool:
    """Say, where it takes no look at each of them, that none is written in a way of its own."""
    if not types <= {str, NoneType} or "" in values:
        return False
    together = "\n".join(filter(None, values))
    return "," not in together and "0000-00-00" not in together


def _tried(read: Reader, values: Sequence[Any]) -> list[Any]:
    found = []
    for value in values:
        try:
            found.append(None if value is None else read(value))
        except ValueError:
            found.append(value)
    return found


def _decimal(value: Any) -> Any:
    return parse_decimal(value) if isinstance(value, str) and "," in value else _blank(value)


def _blank(value: Any) -> Any:
    """Read "" and MySQL's zero date as nothing, as APIs mean them where a number or a date should be."""
    return None if isinstance(value, str) and (value == "" or value.startswith("0000-00-00")) else value
