"""How a stream of Auvo is declared: its address, its tables, and for each column the names it has in the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Literal

from connections.connectors.auvo.values import find, items, read
from connections.sdk.declare import Column, ColumnType, Key, Table

Record = Mapping[str, Any]  # as Auvo answered
ITEM = "item"  # names the entry itself, in lists of plain values
LINE = "line"  # names an entry's place in its list


@dataclass(frozen=True)
class Field:
    """One column. names: where its value is, the first that is there counts. form: as values.read takes it."""

    column: Column
    names: tuple[str, ...]
    form: str = ""
    fallback: Any = None  # instead of nothing, for parts of a key

    def of(self, record: Record, zone: tzinfo) -> Any:
        """Return the column's value in a record."""
        for name in self.names:
            value = read(self.column, find(record, name), zone, self.form)
            if value is not None:
                return value
        return self.fallback


@dataclass(frozen=True)
class Child:
    """A table of the entries of a record's list. expand: for entries that lie deeper than one list."""

    table: Table
    fields: tuple[Field, ...]
    lists: tuple[str, ...]
    expand: Callable[[Record], list[Any]] | None = None

    def rows(self, record: Record, parent: Key, zone: tzinfo) -> Iterator[dict[str, Any]]:
        """Yield a record's rows."""
        held = dict(zip(self.table.parent_key, parent, strict=True))
        for number, entry in enumerate(self._entries(record), start=1):
            told = entry if isinstance(entry, Mapping) else {ITEM: entry}
            told = {**told, LINE: number}
            yield {**held, **{each.column.name: each.of(told, zone) for each in self.fields}}

    def _entries(self, record: Record) -> list[Any]:
        if self.expand is not None:
            return self.expand(record)
        return next((found for name in self.lists if (found := items(find(record, name)))), [])


@dataclass(frozen=True)
class Shape:
    """A stream's tables: records, and the lists inside them."""

    table: Table
    fields: tuple[Field, ...]
    children: tuple[Child, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.table, *(child.table for child in self.children))

    def key(self, record: Record, zone: tzinfo) -> Key:
        """Return a record's key."""
        return tuple(each.of(record, zone) for each in self.fields if each.column.name in self.table.key)

    def rows(self, records: Sequence[Record], zone: tzinfo) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of records per table, every child table named."""
        found: dict[str, list[dict[str, Any]]] = {table.name: [] for table in self.tables}
        for record in records:
            row = {each.column.name: each.of(record, zone) for each in self.fields}
            found[self.table.name].append(row)
            parent = tuple(row[name] for name in self.table.key)
            for child in self.children:
                found[child.table.name] += child.rows(record, parent, zone)
        return found


@dataclass(frozen=True)
class Period:
    """How a list is asked for a period.

    start, end: names of the filter's two ends, which belong to the period; one name twice: a single day. days: the
    longest period of one question. form: how they are written.
    """

    start: str
    end: str
    days: int = 31
    form: Literal["moment", "day"] = "moment"


@dataclass(frozen=True)
class Resource:
    """One stream.

    updated: the filter that leaves out what did not change since. period: for lists that must be asked for one; of
    these scheduled names the column that lies in it, where a period shows all that exists in it, and ahead says that
    records lie in the future too. sweeps: what a full list lacks is gone. members: a path below a record, and the
    name under which its list is put into the record.
    """

    key: str
    label: str
    path: str
    shape: Shape
    filters: Mapping[str, Any] = field(default_factory=dict)
    updated: str = ""
    period: Period | None = None
    scheduled: str = ""
    deleted_path: str = ""
    sweeps: bool = True
    members: tuple[str, str] | None = None
    default_enabled: bool = True
    window_days: int | None = None
    window_env: str = ""


def integer(name: str, *names: str, form: str = "", personal: bool = False) -> Field:
    """Declare a whole number."""
    return _field(name, "integer", names, form, personal)


def reference(name: str, *names: str) -> Field:
    """Declare the number of another record; Auvo writes 0 for none."""
    return _field(name, "integer", names, "reference")


def duration(name: str, *names: str) -> Field:
    """Declare a length of time, in seconds."""
    return _field(name, "integer", names, "duration")


def text(name: str, *names: str, form: str = "", personal: bool = False) -> Field:
    """Declare a text."""
    return _field(name, "text", names, form, personal)


def person(name: str, *names: str, form: str = "") -> Field:
    """Declare a text that tells something of a person, or opens something without a password."""
    return _field(name, "text", names, form, True)


def flag(name: str, *names: str) -> Field:
    """Declare a truth value."""
    return _field(name, "boolean", names)


def moment(name: str, *names: str) -> Field:
    """Declare a date with a time, written in the account's zone."""
    return _field(name, "timestamp", names)


def day(name: str, *names: str) -> Field:
    """Declare a date."""
    return _field(name, "date", names)


def tree(name: str, *names: str) -> Field:
    """Declare a value of no fixed form."""
    return _field(name, "json", names)


def number(name: str, *names: str, digits: tuple[int, int] = (14, 2), personal: bool = False) -> Field:
    """Declare an amount. digits: in all, and after the point."""
    column = Column(name, "decimal", precision=digits[0], scale=digits[1], personal=personal)
    return Field(column, names or (_camel(name),))


def shape(
    name: str, key: str | tuple[str, ...], *fields: Field, children: Sequence[Child] = (), indexes: Sequence[str] = ()
) -> Shape:
    """Declare a stream's tables. Children belong to this one's key; indexes: columns that rows are looked up by."""
    keys = (key,) if isinstance(key, str) else key
    columns = tuple(each.column for each in fields)
    return Shape(Table(name, columns, keys, indexes=tuple((each,) for each in indexes)), fields, tuple(children))


def child(
    name: str, parent: str, parent_key: Column, lists: str | tuple[str, ...], key: tuple[str, ...], *fields: Field,
    expand: Callable[[Record], list[Any]] | None = None,
) -> Child:  # fmt: skip
    """Declare the table of a list. key: what tells a record's entries apart; those not among fields are the line."""
    declared = tuple(each.column.name for each in fields)
    own = tuple(Field(Column(part, "integer"), (LINE,)) for part in key if part not in declared)
    filled = tuple(_in_key(each) if each.column.name in key else each for each in (*own, *fields))
    columns = (parent_key, *(each.column for each in filled))
    table = Table(name, columns, (parent_key.name, *key), parent=parent, parent_key=(parent_key.name,))
    return Child(table, filled, (lists,) if isinstance(lists, str) else lists, expand)


def _in_key(each: Field) -> Field:
    if each.names == (LINE,):
        return each
    return Field(each.column, each.names, each.form, fallback=0 if each.column.type == "integer" else "")


def _field(name: str, type: ColumnType, names: tuple[str, ...], form: str = "", personal: bool = False) -> Field:
    return Field(Column(name, type, personal=personal), names or (_camel(name),), form)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
