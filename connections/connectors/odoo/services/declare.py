"""How a service is declared: its tables, and for each column the Odoo field it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connections.sdk.declare import Column, Table

Domain = list[Any]  # leaves [field, operator, value] and the prefix operators "&", "|", "!"
Record = Mapping[str, Any]  # Odoo field -> value as it came over the wire
Derive = Callable[[Record, Sequence[Record]], dict[str, Any]]

# The field of a column: several where versions differ, of which the first that the server has counts; none where
# `derive` works the value out. A link (many2one) gives its id to an integer column and its label to a text column.
Fields = Mapping[str, tuple[str, ...]]

WRITTEN = "write_date"


@dataclass(frozen=True)
class Lines:
    """The lines of a source's records, always read as complete sets.

    parent: the field of a line that names its record; inverse: the field of the record that lists its lines.
    older: a version, and the domain of the versions before it.
    in_window: a line that changed brings its record along, whose own change date may stand still.
    """

    model: str
    parent: str
    inverse: str
    fields: Fields
    domain: Domain = field(default_factory=list)
    older: tuple[int, Domain] | None = None
    in_window: bool = True
    derive: Derive | None = None
    also_read: tuple[str, ...] = ()

    def domain_on(self, version: int) -> Domain:
        """Return the domain on servers of this major version."""
        return self.older[1] if self.older is not None and version < self.older[0] else self.domain


@dataclass(frozen=True)
class Source:
    """One model that a service can be read from.

    module: the Odoo module that brings the model, and needed: fields of it without which there is nothing to read.
    window_on: the field that must lie in the window. moved_by: links whose own change brings the record along.
    derive: makes columns out of a record and its lines, from fields in also_read besides the mapped ones.
    shared: records without a company belong to every company.
    """

    model: str
    module: str
    fields: Fields
    domain: Domain = field(default_factory=list)
    needed: tuple[str, ...] = ()
    window_on: str = WRITTEN
    moved_by: tuple[str, ...] = ()
    lines: Lines | None = None
    derive: Derive | None = None
    also_read: tuple[str, ...] = ()
    shared: bool = False


@dataclass(frozen=True)
class Service:
    """One stream. sources: where its rows may come from; the first that the server has is read.

    items: the table of the lines. whole_window: the window's answer is complete, so that what is missing in it is
    gone. from_start: the first read brings everything, whatever the window. sets_of: see allocations.py.
    """

    key: str
    label: str
    window_minutes: int
    table: Table
    sources: tuple[Source, ...]
    items: Table | None = None
    window_env: str = ""
    window_env_unit: Literal["minutes", "days"] = "minutes"
    default_enabled: bool = True
    whole_window: str = ""  # the column of the table that the window is on
    from_start: bool = False
    sets_of: str = ""  # the model whose records own the sets of the table


Mapped = Mapping[Column, str | tuple[str, ...]]


def fields(mapped: Mapped) -> Fields:
    """Return the fields by column name."""
    return {column.name: (names,) if isinstance(names, str) else names for column, names in mapped.items()}


def parent_table(name: str, mapped: Mapped, *, set_key: tuple[str, ...] = ()) -> Table:
    return Table(name, tuple(mapped), key=("id",), set_key=set_key)


def line_table(name: str, mapped: Mapped, parent: Table, parent_key: str) -> Table:
    return Table(name, tuple(mapped), key=(parent_key, "id"), parent=parent.name, parent_key=(parent_key,))


def whole(name: str) -> Column:
    return Column(name, "integer")


def text(name: str) -> Column:
    return Column(name)


def person(name: str) -> Column:
    """Declare the name, or what else tells who it is, of somebody who may be a natural person."""
    return Column(name, personal=True)


def money(name: str) -> Column:
    return Column(name, "decimal", 18, 2)


def quantity(name: str) -> Column:
    """Declare a quantity, unit price or percentage."""
    return Column(name, "decimal", 20, 6)


def flag(name: str) -> Column:
    return Column(name, "boolean")


def day(name: str) -> Column:
    return Column(name, "date")


def moment(name: str) -> Column:
    return Column(name, "timestamp")


ID = whole("id")
ODOO_WRITE_DATE = moment("odoo_write_date")
