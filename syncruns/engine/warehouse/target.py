"""A declared table bound to the one that stands, and what is said of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from connections.sdk.declare import Column, Key, Table
from syncruns.engine.transform import Row, key_of
from syncruns.engine.warehouse.digest import Digests
from syncruns.engine.warehouse.shape import Shape, identifier

StoredKey = list[Any]  # a key as the database spells it in JSON (Warehouse.key_text)
RowId = Any  # where the database keeps a row, good until the row is written
Encoder = Callable[[Any], Any]


@dataclass(frozen=True)
class Stamp:
    """Which run writes, for which connection, and when (aware)."""

    connection_id: int
    run_id: str
    now: datetime


class Found(NamedTuple):
    """What is known of a row that exists already."""

    id: RowId
    hash: str
    deleted: bool


@dataclass
class Target:
    """A declared table bound to the one that stands: quoted name, an encoder per declared column, hashes of rows."""

    schema: str
    table: Table
    shape: Shape
    name: str
    encoders: list[Encoder]
    digests: Digests
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
