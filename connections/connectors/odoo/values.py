"""What Odoo sends, brought into the form of a column. `false` stands for "nothing" in every type but boolean."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from connections.sdk.declare import Column

Reader = Callable[[Any], Any]

# Odoo's types as an extra column may hold them; binary has no place in a table.
COLUMN_TYPES = {
    "boolean": "boolean",
    "char": "text",
    "date": "date",
    "datetime": "timestamp",
    "float": "decimal",
    "html": "text",
    "integer": "integer",
    "json": "json",
    "many2many": "json",
    "many2one": "integer",
    "many2one_reference": "integer",
    "monetary": "decimal",
    "one2many": "json",
    "properties": "json",
    "reference": "text",
    "selection": "text",
    "text": "text",
}
_EXACT = Context(prec=100)


def reader(column: Column, odoo_type: str) -> Reader:
    """Return what makes a value of this Odoo type one of the column; what does not fit is left for the engine to judge.

    A link gives its id to an integer column and its label to any other; lists of links give their ids in order.
    """
    match odoo_type:
        case "boolean":
            return lambda value: value
        case "many2one":
            place = 0 if column.type == "integer" else 1
            return lambda value: value[place] if isinstance(value, list) and len(value) == 2 else _or_none(value)
        case "one2many" | "many2many":
            return _ids if column.type == "json" else lambda value: json.dumps(_ids(value))
        case "json" | "properties":
            return _or_none if column.type == "json" else lambda value: json.dumps(value, default=str)
    if column.type == "decimal":
        return decimal_reader(column)
    if column.type == "date" and odoo_type == "datetime":
        return lambda value: value[:10] if isinstance(value, str) else None
    if column.type == "timestamp" and odoo_type == "date":
        return lambda value: f"{value} 00:00:00" if isinstance(value, str) else None
    return _or_none


def decimal_reader(column: Column) -> Reader:
    """Return what takes the binary noise off a number: it is rounded to the column's decimals."""
    step = Decimal((0, (1,), -(column.scale or 0)))

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | Decimal) and Decimal(value).is_finite():
            return Decimal(value).quantize(step, rounding=ROUND_HALF_UP, context=_EXACT)
        return value

    return read


def _or_none(value: Any) -> Any:
    return None if value is False else value


def _ids(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) and all(isinstance(each, int) for each in value) else value
