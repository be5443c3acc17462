"""Reads one value as its column's type: exactly, or not at all."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

import orjson

from connections.sdk.declare import Column, ColumnType

Reader = Callable[[Any], Any]
ColumnReader = Callable[[Sequence[Any]], Sequence[Any]]

# Every code a Refused may carry; the two last are given by transform.
REASONS = (
    "empty",
    "has_nul",
    "has_time",
    "no_time_zone",
    "not_a_boolean",
    "not_a_date",
    "not_a_number",
    "not_a_timestamp",
    "not_an_integer",
    "not_exact",
    "not_json",
    "not_text",
    "not_unicode",
    "out_of_range",
    "too_deep",
    "too_long",
    "too_many_decimals",
    "key_missing",
    "parent_rejected",
)

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
KEY_BYTES = 500  # PostgreSQL indexes no row over 2,704 bytes
JSON_DEPTH = 100
JSON_EXPONENT = 10_000  # PostgreSQL keeps 131,072 digits before the point of a JSON number, 16,383 behind it

LARGEST_EXACT = 2**53  # a whole number that any reader of JSON keeps
NOT_JSON = object()

_DIGITS = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_BRAZILIAN_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
_BOOLEANS = {True: True, False: False, "true": True, "false": False}


class Refused(ValueError):
    """A value that its column cannot hold unchanged; code is one of REASONS."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(code)


def reader(column: Column, *, in_key: bool = False) -> Reader:
    """Return the function that reads the column's values; None never reaches it.

    What it returns: text -> str; integer -> int; decimal -> Decimal with exactly the column's scale;
    boolean -> bool; date -> date; timestamp -> aware datetime in UTC; json -> str, canonical JSON text.
    The function raises Refused.
    """
    if column.type == "decimal":
        assert column.precision is not None and column.scale is not None  # noqa: S101 - Column checks it
        return _decimal_reader(column.precision, column.scale)
    read: Reader = {
        "text": _text,
        "integer": _integer,
        "boolean": _boolean,
        "date": _date,
        "timestamp": _timestamp,
        "json": canonical_json,
    }[column.type]
    return _bounded(read) if in_key and column.type in ("text", "json") else read


def column_reader(column: Column, *, in_key: bool = False) -> ColumnReader:
    """Return the function that reads many values of the column, None among them, as reader's does each of them.

    It raises Refused when any of them is refused.
    """
    read = reader(column, in_key=in_key)
    own, stand = _STANDING.get(column.type, (None, bool))
    is_bounded = in_key and column.type == "text"

    def read_all(values: Sequence[Any]) -> Sequence[Any]:
        types = set(map(type, values))
        types.discard(type(None))
        if types == {own} and not is_bounded and stand([value for value in values if value is not None]):
            return values
        if types == {str}:  # the same text is read once
            known = {text: read(text) for text in set(values) if text is not None}
            return list(map(known.get, values))
        return [None if value is None else read(value) for value in values]

    return read_all


def read_kept(column: Column, value: Any) -> Any:
    """Return a kept value as a source would have sent it. JSON that cannot be read is no value of any column."""
    if column.type != "json" or not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=Decimal)
    except (ValueError, RecursionError):
        return NOT_JSON


def spell_decimal(value: Decimal) -> str:
    """Return the shortest plain notation: 1.50 -> "1.5", 1E+2 -> "100", 0.00 -> "0"."""
    text = str(value)  # mostly plain, and faster
    if "E" in text:
        text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def canonical_json(value: Any) -> str:
    """Return value as JSON text: keys sorted, no spaces, numbers exactly as they were. Raises Refused."""
    return orjson.dumps(_exact_json(value, 0), option=orjson.OPT_SORT_KEYS).decode()


def _text(value: Any) -> str:
    """Keep text exactly; numbers and truth values become their JSON spelling."""
    text = value if type(value) is str else _spelled(value)
    if "\0" in text:
        raise Refused("has_nul")
    if not text.isascii():
        _check_unicode(text)
    return text


def _bounded(read: Callable[[Any], str]) -> Reader:
    def read_key(value: Any) -> str:
        text = read(value)
        if len(text.encode()) > KEY_BYTES:
            raise Refused("too_long", longest=KEY_BYTES)
        return text

    return read_key


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        raise Refused("not_unicode") from None


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _spell_integer(value)
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    raise Refused("not_text", type=type(value).__name__)


def _spell_integer(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to spell more than 4,300 digits
        raise Refused("out_of_range") from None


def _wrong(code: str, value: Any) -> Refused:
    return Refused("empty") if value == "" else Refused(code)


def _integer(value: Any) -> int:
    """Read an int, an integral Decimal or text of digits, within 64 bits."""
    if type(value) is int:
        number = value
    elif type(value) is str and _DIGITS.fullmatch(value):
        if len(value) > 40:
            raise Refused("out_of_range")
        number = int(value)
    elif type(value) is Decimal and value.is_finite():
        if value and value.adjusted() > 18:  # before int() spells out an enormous power of ten
            raise Refused("out_of_range")
        if value != value.to_integral_value():
            raise Refused("not_an_integer")
        number = int(value) if value else 0
    else:
        raise _wrong("not_an_integer", value)
    if not SMALLEST_INTEGER <= number <= LARGEST_INTEGER:
        raise Refused("out_of_range")
    return number


def _decimal_reader(precision: int, scale: int) -> Reader:
    """Read Decimal, int or text with a point; a float is refused because it is not what the source wrote."""
    step = Decimal((0, (1,), -scale))
    zero = Decimal((0, (0,), -scale))
    exact = Context(prec=precision, traps=[Inexact, InvalidOperation])

    def read(value: Any) -> Decimal:
        if type(value) is Decimal:
            number = value
        elif type(value) is int or (type(value) is str and _NUMBER.fullmatch(value)):
            number = Decimal(value)
        elif isinstance(value, float):
            raise Refused("not_exact")
        else:
            raise _wrong("not_a_number", value)
        if not number.is_finite():
            raise Refused("not_a_number")
        try:
            return number.quantize(step, context=exact) if number else zero
        except Inexact:
            raise Refused("too_many_decimals", scale=scale) from None
        except InvalidOperation:
            raise Refused("out_of_range", precision=precision, scale=scale) from None

    return read


def _boolean(value: Any) -> bool:
    """Read true, false, 0, 1, "true" and "false"."""
    if type(value) in (bool, int, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise _wrong("not_a_boolean", value)


def _date(value: Any) -> date:
    """Read a date, ISO text or dd/mm/yyyy; a moment is refused, since its day depends on the zone."""
    if type(value) is date:
        return value
    if isinstance(value, datetime):
        raise Refused("has_time")
    if type(value) is not str:
        raise Refused("not_a_date")
    try:
        if len(value) == 10 and value[4] == value[7] == "-":
            return date.fromisoformat(value)
        if brazilian := _BRAZILIAN_DATE.fullmatch(value):
            day, month, year = map(int, brazilian.groups())
            return date(year, month, day)
    except ValueError:
        raise Refused("not_a_date") from None
    raise Refused("has_time") if _TIMESTAMP.fullmatch(value) else _wrong("not_a_date", value)


def _timestamp(value: Any) -> datetime:
    """Read an aware datetime or ISO text, as UTC; text without an offset is taken as UTC.

    Fractions finer than a microsecond are cut. A naive datetime is a connector's mistake and refused.
    """
    if isinstance(value, datetime):
        if value.tzinfo is UTC:
            return value
        if value.utcoffset() is None:  # a zone that knows none would be taken for this machine's
            raise Refused("no_time_zone")
        moment = value
    elif type(value) is str and _TIMESTAMP.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Refused("not_a_timestamp") from None
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
    else:
        raise _wrong("not_a_timestamp", value)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # its offset carries it out of the years 1 to 9999
        raise Refused("out_of_range") from None


def _exact_json(value: Any, depth: int) -> Any:
    """Return value as orjson can write it without changing it; large and decimal numbers as raw fragments."""
    if depth > JSON_DEPTH:
        raise Refused("too_deep", deepest=JSON_DEPTH)
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            return int(value)
        return orjson.Fragment(_spell_integer(value))
    if isinstance(value, Decimal):
        return _json_number(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, dict):
        return {_json_name(name): _exact_json(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact_json(inner, depth + 1) for inner in value]
    raise Refused("not_json", type=type(value).__name__)


def _json_number(value: Decimal) -> orjson.Fragment:
    if not value.is_finite():
        raise Refused("not_json", type="Decimal")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and (exponent < -JSON_EXPONENT or value.adjusted() > JSON_EXPONENT):
        raise Refused("out_of_range")
    return orjson.Fragment(str(value))


def _json_name(name: Any) -> str:
    if not isinstance(name, str):
        raise Refused("not_json", type=type(name).__name__)
    return _text(name)


def _texts_stand(values: Sequence[str]) -> bool:
    _text("".join(values))  # what it refuses is a character
    return True


def _integers_stand(values: Sequence[int]) -> bool:
    return _integer(min(values)) <= _integer(max(values))


# Values of a column's own type that reader leaves as they are: the type, and what tells so of many at once.
_STANDING: dict[ColumnType, tuple[type, Callable[[Sequence[Any]], bool]]] = {
    "text": (str, _texts_stand),
    "integer": (int, _integers_stand),
    "boolean": (bool, bool),
    "date": (date, bool),
    "timestamp": (datetime, lambda values: all(value.tzinfo is UTC for value in values)),
}
