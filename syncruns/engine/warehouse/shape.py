"""What destination tables look like, what they lack, and the least type that holds two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connections.destination import identifier as identifier
from connections.sdk.declare import Column, Table, widest
from connections.sdk.errors import SyncError


@dataclass(frozen=True)
class Shape:
    """A table as it stands in the database. Own columns are among its columns, also in its key.

    mark: what Tables._hold finds of the table for as long as nobody alters it.
    """

    columns: dict[str, Column]
    key: frozenset[str]
    indexes: frozenset[str] = frozenset()
    mark: frozenset[Any] = frozenset()


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
    indexes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # those that are not there, and their columns

    def __bool__(self) -> bool:
        return self.shape is None or bool(self.added or self.widened or self.indexes)

    @property
    def holds_rows(self) -> bool:
        """Say whether rows of the declaration fit as it is, found through every index or not."""
        return self.shape is not None and not (self.added or self.widened)

    @property
    def finds_rows(self) -> bool:
        """Say whether rows of the declaration can be looked up as it is, by key and by set."""
        wanted = set(map(identifier, (*self.table.key, *self.table.set_columns)))
        changed = [*self.added, *(before for before, _after in self.widened)]
        return self.shape is not None and wanted.isdisjoint(identifier(column.name) for column in changed)

    def evolutions(self) -> list[Evolution]:
        """Return the changes that make up for it."""
        name = self.table.name
        if self.shape is None:
            return [Evolution(name, "created")]
        return [Evolution(name, "column_added", column.name, after=spell(column)) for column in self.added] + [
            Evolution(name, "column_widened", before.name, spell(before), spell(after))
            for before, after in self.widened
        ]


def lack(table: Table, shape: Shape | None, name: str, indexes: Mapping[str, Sequence[str]]) -> Lack:
    """Compare a declaration with the table as it stands; a column that is no longer declared stays.

    name: what errors call the table. indexes: those it needs, by what the database calls them, with their columns.
    Raises SyncError("key_changed") and SyncError("contract_changed").
    """
    if shape is None:
        return Lack(table, None, indexes=indexes)
    if shape.key != {"_connection_id", *map(identifier, table.key)}:
        raise SyncError("key_changed", table=name)
    missing = {index: columns for index, columns in indexes.items() if identifier(index) not in shape.indexes}
    found = Lack(table, shape, indexes=missing)
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


def indexes_of(table: Table) -> dict[str, tuple[str, ...]]:
    """Return the indexes that a table has besides its key, name -> columns.

    One finds the rows of a set, where the key does not already; the others are declared.
    """
    found = {f"{table.name}_{'_'.join(columns)}": columns for columns in table.indexes}
    columns = table.set_columns
    if columns and set(table.key[: len(columns)]) != set(columns):
        found[f"{table.name}_{'parent' if table.parent else 'set'}"] = ("_connection_id", *columns)
    return found


def names(columns: Sequence[str]) -> str:
    """Return a list of quoted column names."""
    return ", ".join(map(quote, columns))
