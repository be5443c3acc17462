"""The hash that tells whether a row changed. Rows keep the version they were written with: a newer one floods none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from connections.sdk.declare import ColumnType, Table
from syncruns.engine.transform import Row
from syncruns.engine.values import dumped, spell_decimal

VERSION = "2"

Digest = Callable[[Sequence[Row]], list[str]]
Spelling = Callable[[Sequence[Any]], Sequence[Any]]

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_NUMBER_LINE = re.compile(rf"\n{_NUMBER.pattern}\n")


class Digests:
    """What hashes a table's rows: version, then blake2b over their named values that are not null.

    Values are hashed by what they say, so that a wider scale, a new nullable column, another order of columns or a
    widened type changes nothing: 1.50 as 1.5, a text of digits as the number, midnight UTC as the date.
    """

    def __init__(self, table: Table, version: str = VERSION) -> None:
        self._table = table
        self._older: dict[str, Digest] = {}
        self.of = _DIGESTS[version](table)

    def is_of(self, stored: str, row: Row) -> bool:
        """Say whether a stored hash of an older version is the row's."""
        version = stored[:1]
        if version == VERSION or version not in _DIGESTS:
            return False
        if version not in self._older:
            self._older[version] = _DIGESTS[version](self._table)
        return self._older[version]([row]) == [stored]


class HashedRows(list[Row]):
    """Rows of a table, never to be changed, with the hashes that Digests.of gives them."""

    hashes: list[str]

    @classmethod
    def of(cls, table: Table, rows: Sequence[Row]) -> HashedRows:
        """Hash the rows."""
        hashed = cls(rows)
        hashed.hashes = _digests(table).of(rows)
        return hashed


@lru_cache(maxsize=1024)
def _digests(table: Table) -> Digests:
    return Digests(table)


def _by_value(table: Table) -> Digest:
    return _digest(table, "2", _SPELLINGS)


def _by_type(table: Table) -> Digest:
    """Version 1 told 7 from "7": a column that became text had all its rows written again."""
    return _digest(table, "1", {})


_DIGESTS: dict[str, Callable[[Table], Digest]] = {"1": _by_type, "2": _by_value}


def _digest(table: Table, version: str, spellings: Mapping[ColumnType, Spelling]) -> Digest:
    """Return the function that hashes rows as JSON objects whose names are sorted."""
    in_order = sorted(enumerate(table.columns), key=lambda placed: placed[1].name)
    names = [column.name for _place, column in in_order]
    columns = [(place, spellings.get(column.type, _as_they_are)) for place, column in in_order]

    def digests(rows: Sequence[Row]) -> list[str]:
        values = list(zip(*rows, strict=True))
        spelled = [spell(values[place]) for place, spell in columns] if rows else []
        lines = dumped([_named(names, row) for row in zip(*spelled, strict=True)], _plain_number)
        return [version + blake2b(line, digest_size=8).hexdigest() for line in lines]

    return digests


def _named(names: Sequence[str], row: Row) -> dict[str, Any]:
    if None in row:
        return {name: value for name, value in zip(names, row, strict=True) if value is not None}
    return dict(zip(names, row, strict=True))


def _plain_number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(spell_decimal(value))
    raise TypeError(type(value).__name__)


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values


def _spelled_texts(values: Sequence[str | None]) -> Sequence[Any]:
    """Return texts, those of digits bare, as a number would stand there."""
    if not _NUMBER_LINE.search("\n".join(["", *filter(None, values), ""])):
        return values
    is_number = _NUMBER.fullmatch
    return [
        orjson.Fragment(text) if text is not None and text[-1:].isdigit() and is_number(text) else text
        for text in values
    ]


def _spelled_decimals(values: Sequence[Decimal | None]) -> Sequence[Any]:
    return [None if value is None else orjson.Fragment(spell_decimal(value)) for value in values]


def _spelled_moments(values: Sequence[datetime | None]) -> Sequence[Any]:
    return [
        moment.date()
        if moment is not None and not (moment.minute or moment.hour or moment.second or moment.microsecond)
        else moment
        for moment in values
    ]


_SPELLINGS: dict[ColumnType, Spelling] = {
    "text": _spelled_texts,
    "decimal": _spelled_decimals,
    "timestamp": _spelled_moments,
}
