"""The hash that tells whether a row changed. Rows keep the version they were written with: a newer one floods none."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from connections.sdk.declare import Table
from syncruns.engine.transform import Row
from syncruns.engine.values import spell_decimal

VERSION = "2"

Digest = Callable[[Row], str]

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


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
        return self._older[version](row) == stored


def _by_value(table: Table) -> Digest:
    names = [column.name for column in table.columns]
    texts = [column.name for column in table.columns if column.type == "text"]
    moments = [column.name for column in table.columns if column.type == "timestamp"]
    is_number = _NUMBER.fullmatch

    def digest(row: Row) -> str:
        values = _named(names, row)
        get = values.get
        for name in texts:
            text = get(name)
            if text is not None and text[-1:].isdigit() and is_number(text):
                values[name] = orjson.Fragment(text)  # bare, as a number would stand there
        for name in moments:
            moment = get(name)
            if moment is not None and not (moment.minute or moment.hour or moment.second or moment.microsecond):
                values[name] = moment.date()
        return VERSION + _hashed(values)

    return digest


def _by_type(table: Table) -> Digest:
    """Version 1 told 7 from "7": a column that became text had all its rows written again."""
    names = [column.name for column in table.columns]
    return lambda row: "1" + _hashed(_named(names, row))


_DIGESTS: dict[str, Callable[[Table], Digest]] = {"1": _by_type, "2": _by_value}


def _named(names: list[str], row: Row) -> dict[str, Any]:
    return {name: value for name, value in zip(names, row, strict=True) if value is not None}


def _hashed(values: dict[str, Any]) -> str:
    data = orjson.dumps(values, default=_plain_number, option=orjson.OPT_SORT_KEYS)
    return blake2b(data, digest_size=8).hexdigest()


def _plain_number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(spell_decimal(value))
    raise TypeError(type(value).__name__)
