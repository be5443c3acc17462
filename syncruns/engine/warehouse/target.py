"""A declared table bound to the one that stands: its name, encoders, and the hash that tells rows apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Protocol

import orjson

from connections.sdk.declare import Column, Key, Table
from syncruns.engine.transform import Row, key_of
from syncruns.engine.values import spell_decimal
from syncruns.engine.warehouse.shape import Shape, identifier

HASH_VERSION = "1"

StoredKey = list[Any]  # a key as the database spells it in JSON (Warehouse.key_text)
RowId = Any  # where the database keeps a row, good until the row is written
Encoder = Callable[[Any], Any]


@dataclass(frozen=True)
class Stamp:
    """Which run writes, for which connection, and when (aware)."""

    connection_id: int
    run_id: str
    now: datetime


@dataclass(frozen=True)
class Found:
    """What is known of a row that exists already."""

    id: RowId
    hash: str
    deleted: bool


@dataclass
class Target:
    """A declared table bound to the one that stands: quoted name, an encoder per declared column, a row's hash."""

    schema: str
    table: Table
    shape: Shape
    name: str
    encoders: list[Encoder]
    digest: Callable[[Row], str]
    key: Callable[[Row], Key] = field(init=False)

    def __post_init__(self) -> None:
        self.key = key_of(self.table)

    def actual(self, name: str) -> Column:
        """Return a column, declared or own, as it stands in the database."""
        return self.shape.columns[identifier(name)]

    def encoder(self, name: str) -> Encoder:
        """Return the encoder of a declared column."""
        return self.encoders[[column.name for column in self.table.columns].index(name)]


# Reads what rows hold: row id -> the values of the declared columns, as the database gives them.
Read = Callable[[Target, Sequence[RowId]], dict[RowId, Row]]


class Recorder(Protocol):
    """Is told what is about to be written, within the transaction and before the write."""

    def wrote(
        self,
        target: Target,
        new: Sequence[tuple[Row, str]],
        changed: Sequence[tuple[Row, str, RowId]],
        back: set[RowId],
        read: Read,
    ) -> None: ...

    def deleted(self, target: Target, ids: set[RowId], read: Read) -> None: ...


def row_digest(table: Table) -> Callable[[Row], str]:
    """Return the function that hashes a row: version, then blake2b over its named values that are not null.

    Numbers are hashed by value (1.50 as 1.5), so a wider scale, a new nullable column or another order of columns
    changes nothing.
    """
    names = [column.name for column in table.columns]

    def digest(row: Row) -> str:
        values = {name: value for name, value in zip(names, row, strict=True) if value is not None}
        data = orjson.dumps(values, default=_plain_number, option=orjson.OPT_SORT_KEYS)
        return HASH_VERSION + blake2b(data, digest_size=8).hexdigest()

    return digest


def _plain_number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(spell_decimal(value))
    raise TypeError(type(value).__name__)
