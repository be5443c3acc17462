"""What destination tables look like, what they lack, and the least type that holds two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connections.destination import identifier as identifier
from connections.sdk.declare import Column, Table, widest
from connections.sdk.errors import SyncError


@dataclass(frozen=True)
class Shape:
    """A table as it stands in the database. Own columns are among its columns, also in its key."""

    columns: dict[str, Column]
    key: frozenset[str]
    indexes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Evolution:
    """One change made to a table; before and after are types as spell() writes them."""

    table: str
    action: Literal["created", "undeclared", "column_added", "column_widened", "column_undeclared"]
    column: str = ""
    before: str = ""
    after: str = ""

    def params(self) -> dict[str, Any]:
        """Return the change as parameters of an event, which names the table itself."""
        named = {"column": self.column, "former": self.before, "type": self.after}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class Lack:
    """What a table needs before rows of its declaration fit. widened: (as it is, as it must become)."""

    table: Table
    shape: Shape | None  # None: the table does not exist
    added: list[Column] = field(default_factory=list)
    widened: list[tuple[Column, Column]] = field(default_factory=list)
    index: bool = False  # the one that finds the rows of a set

    def __bool__(self) -> bool:
        return self.shape is None or bool(self.added or self.widened or self.index)

    def evolutions(self) -> list[Evolution]:
        """Return the changes that make up for it."""
        name = self.table.name
        if self.shape is None:
            return [Evolution(name, "created")]
        return [Evolution(name, "column_added", column.name, after=spell(column)) for column in self.added] + [
            Evolution(name, "column_widened", before.name, spell(before), spell(after))
            for before, after in self.widened
        ]


def lack(table: Table, shape: Shape | None, name: str, index: str | None) -> Lack:
    """Compare a declaration with the table as it stands; a column that is no longer declared stays.

    name: what errors call the table. index: what the database calls the index that the table's sets need, if they do.
    Raises SyncError("key_changed") and SyncError("contract_changed").
    """
    if shape is None:
        return Lack(table, None, index=index is not None)
    if shape.key != {"_connection_id", *map(identifier, table.key)}:
        raise SyncError("key_changed", table=name)
    found = Lack(table, shape, index=index is not None and index not in shape.indexes)
    for column in table.columns:
        standing = shape.columns.get(identifier(column.name))
        if standing is None:
            found.added.append(column)
            continue
        wider = widest(standing, column)
        if wider is None:
            raise SyncError(
                "contract_changed",
                reason="type",
                table=name,
                column=column.name,
                before=spell(standing),
                after=spell(column),
            )
        if wider != standing:
            found.widened.append((standing, wider))
    return found


def spell(column: Column) -> str:
    """Return the column's type in words of the declaration: text, decimal(12,2)..."""
    return f"decimal({column.precision},{column.scale})" if column.type == "decimal" else column.type


def quote(name: str) -> str:
    """Return the identifier as it stands in a statement with parameters, where a percent sign is written twice."""
    return '"' + identifier(name).replace('"', '""').replace("%", "%%") + '"'


def set_index(table: Table) -> str | None:
    """Return the name of the index that finds the rows of a set; None: the key does already, or there are no sets."""
    columns = table.set_columns
    if not columns or set(table.key[: len(columns)]) == set(columns):
        return None
    return f"{table.name}_{'parent' if table.parent else 'set'}"


def names(columns: Sequence[str]) -> str:
    """Return a list of quoted column names."""
    return ", ".join(map(quote, columns))
