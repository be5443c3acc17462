"""Reads a column's values all at once: what values.reader makes of each, with less work for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, DecimalException
from functools import partial
from itertools import repeat
from types import NoneType
from typing import Any

from connections.sdk.declare import Column
from syncruns.engine.values import Refused, canonical_jsons, check_text, exact_context, integer, reader

_NUMBERS = re.compile(r"(?:[+-]?[0-9]++(?:\.[0-9]++)?\n)*+")

ColumnReader = Callable[[Sequence[Any]], Sequence[Any]]
# Reads values of certain types, none of them None; returns None when they are to be read one by one. May raise Refused.
Many = Callable[[Sequence[Any]], Sequence[Any] | None]


def column_reader(column: Column, *, longest: int | None = None) -> ColumnReader:
    """Return the function that reads many values of the column, None among them, as reader's does each of them.

    It raises Refused when any of them is refused.
    """
    read = reader(column, longest=longest)
    own, many = _many(column, longest)

    def read_all(values: Sequence[Any]) -> Sequence[Any]:
        types = set(map(type, values))
        if NoneType not in types:
            return read_present(values, types)
        present = [value for value in values if value is not None]
        found = iter(read_present(present, types - {NoneType}))
        return [None if value is None else next(found) for value in values]

    def read_present(values: Sequence[Any], types: set[type]) -> Sequence[Any]:
        found = many(values) if types and types <= own else None
        if found is not None:
            return found
        if types == {str}:  # the same text is read once
            known = {text: read(text) for text in set(values)}
            return list(map(known.__getitem__, values))
        return list(map(read, values))

    return read_all


def _many(column: Column, longest: int | None) -> tuple[set[type], Many]:
    """Return what reads values of the column all at once, if they are of these types."""
    match column.type:
        case "text":
            return {str}, _texts if longest is None else partial(_bounded_texts, longest)
        case "integer":
            return {int}, _integers
        case "decimal":
            return {Decimal, int, str}, _decimals(column)
        case "timestamp":
            return {datetime}, _moments
        case "json" if longest is None:
            return {str, int, bool, Decimal, dict, list}, canonical_jsons
        case "boolean":
            return {bool}, _as_they_are
        case "date":
            return {date}, _as_they_are
        case _:
            return set(), _as_they_are


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values


def _texts(values: Sequence[str]) -> Sequence[str]:
    check_text("".join(values))  # what is refused is a character
    return values


def _bounded_texts(longest: int, values: Sequence[str]) -> Sequence[str] | None:
    most_bytes = 4 * max(map(len, values))
    return _texts(values) if most_bytes <= longest else None


def _integers(values: Sequence[int]) -> Sequence[int]:
    integer(min(values))
    integer(max(values))
    return values


def _moments(values: Sequence[datetime]) -> Sequence[datetime] | None:
    return values if all(value.tzinfo is UTC for value in values) else None


def _decimals(column: Column) -> Many:
    step, exact = exact_context(column)
    zero = 0 * step

    def read(values: Sequence[Decimal | int | str]) -> Sequence[Decimal] | None:
        texts = [value for value in values if type(value) is str]
        if texts and not _NUMBERS.fullmatch("\n".join([*texts, ""])):
            return None
        try:
            exacts = map(Decimal, values)
            numbers = list(map(Decimal.quantize, exacts, repeat(step), repeat(None), repeat(exact)))
        except DecimalException:
            raise Refused("not_a_number") from None
        if not all(map(Decimal.is_finite, numbers)):
            raise Refused("not_a_number")
        return [number or zero for number in numbers]  # of zero, neither sign nor exponent says anything

    return read
