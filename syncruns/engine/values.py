"""Reads one value as its column's type: exactly, or not at all."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import Enum
from itertools import chain, repeat
from typing import Any
from uuid import UUID

import orjson

from connections.sdk.declare import Column

Reader = Callable[[Any], Any]

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
KEY_BYTES = 500  # of a text in a key or another index ...
INDEX_BYTES = 2500  # ... which holds so many together: PostgreSQL indexes no row over 2,704
JSON_DEPTH = 100
JSON_EXPONENT = 10_000  # PostgreSQL keeps 131,072 digits before the point of a JSON number, 16,383 behind it

LARGEST_EXACT = 2**53  # a whole number that any reader of JSON keeps
NOT_JSON = object()

JSON_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_LINE_BREAK = orjson.Fragment("\n")  # of which compact JSON has none of its own

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


def reader(column: Column, *, longest: int | None = None) -> Reader:
    """Return the function that reads the column's values; None never reaches it.

    What it returns: text -> str; integer -> int; decimal -> Decimal with exactly the column's scale;
    boolean -> bool; date -> date; timestamp -> aware datetime in UTC; json -> str, canonical JSON text.
    longest: of an indexed column, how many bytes a text may have. The function raises Refused.
    """
    if column.type == "decimal":
        return _decimal_reader(column)
    read: Reader = {
        "text": _text,
        "integer": integer,
        "boolean": _boolean,
        "date": _date,
        "timestamp": _timestamp,
        "json": canonical_json if longest is None else _comparable_json,
    }[column.type]
    return read if longest is None or column.type not in ("text", "json") else _bounded(read, longest)


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


def _comparable_json(value: Any) -> str:
    """Return canonical_json with numbers as they compare, for PostgreSQL finds 1.50 under 1.5."""
    return canonical_json(json.loads(canonical_json(value), parse_float=_plainest, parse_int=_plainest))


def _plainest(text: str) -> Decimal:
    return Decimal(spell_decimal(Decimal(text) or Decimal()))


def canonical_jsons(values: Sequence[Any]) -> list[str] | None:
    """Return canonical_json of each value, or None where orjson alone might write one otherwise."""
    try:
        texts = list(map(bytes.decode, dumped(values, _number_in_json, JSON_OPTIONS)))
    except TypeError:  # a value that it does not know, as it knows none of over 64 bits
        return None
    # It writes null for a number that is none; an escaped NUL is to be refused, and so is what is too deep.
    together = "\n".join(texts)
    if "null" in together or "\\u0000" in together or any(map(_may_be_deep, texts)):
        return None
    return texts


def _may_be_deep(text: str) -> bool:
    return len(text) > 2 * JSON_DEPTH and text.count("[") + text.count("{") > JSON_DEPTH


def dumped(values: Iterable[Any], default: Callable[[Any], Any], options: int = 0) -> list[bytes]:
    """Return each value as JSON text: one call costs orjson more than most values do."""
    together = list(chain.from_iterable(zip(values, repeat(_LINE_BREAK))))
    return orjson.dumps(together, default, options)[1:-3].split(b",\n,") if together else []


def _text(value: Any) -> str:
    """Keep text exactly; numbers and truth values become their JSON spelling."""
    text = value if type(value) is str else _spelled(value)
    check_text(text)
    return text


def check_text(text: str) -> None:
    """Raise Refused for a character that no database keeps."""
    if "\0" in text:
        raise Refused("has_nul")
    if not text.isascii():
        _check_unicode(text)


def _bounded(read: Callable[[Any], str], longest: int) -> Reader:
    def read_bounded(value: Any) -> str:
        text = read(value)
        if len(text.encode()) > longest:
            raise Refused("too_long", longest=longest)
        return text

    return read_bounded


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        raise Refused("not_unicode") from None


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)  # an enumeration's own would be its name
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


def integer(value: Any) -> int:
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


def exact_context(column: Column) -> tuple[Decimal, Context]:
    """Return what a decimal column's numbers are quantized with, and under which an inexact one raises."""
    assert column.precision is not None and column.scale is not None  # noqa: S101 - Column checks it
    return Decimal((0, (1,), -column.scale)), Context(prec=column.precision, traps=[Inexact, InvalidOperation])


def _decimal_reader(column: Column) -> Reader:
    """Read Decimal, int or text with a point; a float is refused because it is not what the source wrote."""
    step, exact = exact_context(column)
    zero = 0 * step

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
            raise Refused("too_many_decimals", scale=column.scale) from None
        except InvalidOperation:
            raise Refused("out_of_range", precision=column.precision, scale=column.scale) from None

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
    if isinstance(value, Enum):
        return _exact_json(value.value, depth)
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
    if isinstance(value, UUID):
        return str(value)
    raise Refused("not_json", type=type(value).__name__)


def _json_number(value: Decimal) -> orjson.Fragment:
    if not value.is_finite():
        raise Refused("not_json", type="Decimal")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and (exponent < -JSON_EXPONENT or value.adjusted() > JSON_EXPONENT):
        raise Refused("out_of_range")
    return orjson.Fragment(str(value))


def _number_in_json(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return _json_number(value)
    raise TypeError(type(value).__name__)


def _json_name(name: Any) -> str:
    if not isinstance(name, str):
        raise Refused("not_json", type=type(name).__name__)
    return _text(name)
