"""A declared table bound to the one that stands, and what is said of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import orjson

from connections.sdk.declare import Column, Key, Table
from syncruns.engine.transform import Row, key_of
from syncruns.engine.warehouse.digest import Digests
from syncruns.engine.warehouse.shape import Shape, identifier

StoredKey = list[Any]  # a key as the database spells it in JSON (Warehouse.key_text)
RowId = Any  # where the database keeps a row, good until the row is written
Encoder = Callable[[Any], Any]
ColumnEncoder = Callable[[Sequence[Any]], Sequence[Any]]  # encodes values, None among them, which stays


@dataclass(frozen=True)
class Stamp:
    """Which run writes, for which connection, and when (aware)."""

    connection_id: int
    run_id: str
    now: datetime


class Found(NamedTuple):
    """What is known of a row that exists already, as the database says it. position: in what was looked for."""

    position: int
    id: RowId
    hash: str
    deleted: bool | int


@dataclass
class Target:
    """A declared table bound to the one that stands: quoted name, encoders per declared column, hashes of rows."""

    schema: str
    table: Table
    shape: Shape
    name: str
    encoders: list[Encoder]
    column_encoders: list[ColumnEncoder]
    digests: Digests
    key: Callable[[Row], Key] = field(init=False)

    def __post_init__(self) -> None:
        self.key = key_of(self.table)

    def actual(self, name: str) -> Column:
        """Return a column, declared or own, as it stands in the database."""
        return self.shape.columns[identifier(name)]

    def encoder(self, name: str) -> Encoder:
        """Return the encoder of a declared column."""
        return self.encoders[self._place(name)]

    def encoded(self, rows: Sequence[Row]) -> list[Sequence[Any]]:
        """Return the rows' encoded values, column by column: less is done per value than row by row."""
        columns = zip(*rows, strict=True)
        return [encode(values) for encode, values in zip(self.column_encoders, columns, strict=True)]

    def encoded_keys(self, names: Sequence[str], keys: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Return the values of declared columns called names, given by key, encoded column by column."""
        encoders = [self.column_encoders[self._place(name)] for name in names]
        return [encode(values) for encode, values in zip(encoders, zip(*keys, strict=True), strict=True)]

    def _place(self, name: str) -> int:
        return [column.name for column in self.table.columns].index(name)


def unchanged(values: Sequence[Any]) -> Sequence[Any]:
    """Be a ColumnEncoder for values that the database takes as they are."""
    return values


def iso_texts(moments: Sequence[datetime | None]) -> Sequence[str | None]:
    """Return moments as datetime.isoformat spells each."""
    if None in moments:
        return [None if moment is None else moment.isoformat() for moment in moments]
    return orjson.dumps(moments).decode()[2:-2].split('","') if moments else []


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
