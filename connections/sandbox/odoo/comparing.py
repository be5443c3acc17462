"""How a field is compared with a value from the wire, where versions 17 and 19 differ most.

A stored moment has microseconds, the wire has none. 17 compares exactly; 19 widens a whole second to all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from connections.sandbox.odoo.failures import OdooError, value_error
from connections.sandbox.odoo.fields import Field

Compare = Callable[[Any], bool]
SECOND = timedelta(seconds=1)
ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
LIKES = ("like", "not like", "ilike", "not ilike", "=like", "=ilike")


def comparison(version: int, field: Field, operator: str, value: Any) -> Compare:
    """Return what compares a stored value, None when empty, with this one."""
    operator = {"<>": "!=", "==": "="}.get(operator, operator)
    if operator == "=?":
        return (lambda _stored: True) if not value else comparison(version, field, "=", value)
    if operator in LIKES:
        return _like(operator, str(value))
    if operator in ("in", "not in"):
        return _among(version, field, operator == "in", value)
    if value is False or value is None:
        return _empty(field, operator)
    if field.type == "boolean":
        return (
            (lambda stored: bool(stored) == bool(value)) if operator == "=" else (lambda stored: bool(stored) != value)
        )
    if field.type == "datetime":
        return _moment(version, operator, str(value))
    if field.type == "date":
        return _ordered(operator, _day(str(value)))
    return _ordered(operator, value)


def _ordered(operator: str, wanted: Any) -> Compare:
    if operator == "=":
        return lambda stored: stored is not None and stored == wanted
    if operator == "!=":
        return lambda stored: stored is None or stored != wanted  # as Odoo: empty differs from everything
    order = ORDERED[operator]
    return lambda stored: stored is not None and order(stored, wanted)


def _empty(field: Field, operator: str) -> Compare:
    if operator not in ("=", "!="):
        return lambda _stored: False
    wanted = operator == "="
    if field.type in ("integer", "float", "monetary") and field.name != "id":
        return lambda stored: (not stored) is wanted
    if field.type == "boolean":
        return lambda stored: (not stored) is wanted
    return lambda stored: (stored is None) is wanted


def _among(version: int, field: Field, positive: bool, value: Any) -> Compare:
    items = value if isinstance(value, (list, tuple)) else [value]
    if field.type in ("date", "datetime"):
        tests = [comparison(version, field, "=", item) for item in items]
        return lambda stored: any(test(stored) for test in tests) is positive
    wanted = {item for item in items if item is not False and item is not None}
    empty_too = len(wanted) < len(items)
    if field.type == "boolean":
        truths = {bool(item) for item in items}
        return lambda stored: (bool(stored) in truths) is positive
    if positive:
        return lambda stored: stored in wanted or (empty_too and stored is None)
    return lambda stored: stored not in wanted and not (empty_too and stored is None)


def _like(operator: str, value: str) -> Compare:
    negative = operator.startswith("not ")
    kind = operator.removeprefix("not ")
    pattern = "".join(".*" if each == "%" else "." if each == "_" else re.escape(each) for each in value)
    flags = re.DOTALL | (re.IGNORECASE if "ilike" in kind else 0)
    matches = re.compile(pattern, flags).fullmatch if kind.startswith("=") else re.compile(pattern, flags).search
    return lambda stored: bool(stored is not None and matches(str(stored))) is not negative


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise value_error(f"time data {value!r} does not match format '%Y-%m-%d'") from None


def _moment(version: int, operator: str, value: str) -> Compare:
    wanted = _read_moment(version, operator, value)
    if version == 17 or wanted.microsecond:
        return _ordered(operator, wanted)
    if operator == "=":
        return lambda stored: stored is not None and wanted <= stored < wanted + SECOND
    if operator == "!=":
        return lambda stored: stored is None or not wanted <= stored < wanted + SECOND
    if operator in (">", "<="):
        return _ordered({">": ">=", "<=": "<"}[operator], wanted + SECOND)
    return _ordered(operator, wanted)


def _read_moment(version: int, operator: str, value: str) -> datetime:
    """Return the moment a domain's text names; a date alone is its midnight, or its last second for > and <=."""
    if len(value) == 10:
        edge = time(23, 59, 59) if operator in (">", "<=") else time()
        try:
            return datetime.combine(date.fromisoformat(value), edge)
        except ValueError:
            raise _bad_moment(version, value) from None
    if version == 19 and ZONE.search(value):
        raise value_error(f"expecting only datetimes with no timezone: {value!r}")
    try:
        return datetime.fromisoformat(ZONE.sub("", value).strip())  # 17 reads on, whatever the zone
    except ValueError:
        raise _bad_moment(version, value) from None


def _bad_moment(version: int, value: str) -> OdooError:
    if version == 19:
        return value_error(f"Invalid term {value.split()[0]!r} in expression date: {value!r}")
    return OdooError(
        "psycopg2.errors.DatetimeFieldOverflow",
        f'date/time field value out of range: "{value}"\n'
        f'LINE 1: ...ctive" = true) AND ("res_partner"."write_date" >= \'{value[:9]}...\n'
        f'{" " * 61}^\nHINT:  Perhaps you need a different "datestyle" setting.\n',
    )
