"""The destination tables that people look at: those that connections declare, and those that are only left standing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from django.utils.translation import gettext as _

from connections import connectors
from connections.destination import identifier, table_name
from connections.models import Connection
from connections.sdk.declare import Column, Stream, Table
from connections.sdk.errors import SyncError
from syncruns.engine.warehouse import warehouse
from syncruns.engine.warehouse.browse import as_it_stands


@dataclass(frozen=True)
class Declaration:
    """A table as one connection declares it."""

    connection: Connection
    stream: Stream
    table: Table


@dataclass(frozen=True)
class Browsed:
    """A destination table. name: as declared, or as the database has it when no connection declares it any more."""

    schema: str
    name: str
    declarations: tuple[Declaration, ...] = ()

    @property
    def shown(self) -> str:
        """The name as a person types it in SQL."""
        return table_name(self.schema, self.name)

    @property
    def label(self) -> str:
        """What people call it; its own name when nothing says so."""
        if not self.declarations:
            return self.name
        return label_of(self.declarations[0].stream, self.declarations[0].table)

    @property
    def connections(self) -> list[Connection]:
        return [one.connection for one in self.declarations]

    @property
    def declared(self) -> Table | None:
        """The table with the columns of all its declarations; what one of them calls personal is."""
        if not self.declarations:
            return None
        columns: dict[str, Column] = {}
        for one in self.declarations:
            for column in one.table.columns:
                known = columns.setdefault(column.name, column)
                if column.personal and not known.personal:
                    columns[column.name] = replace(known, personal=True)
        return Table(self.name, tuple(columns.values()), self.declarations[0].table.key)

    @cached_property
    def table(self) -> Table | None:
        """The table as it stands in the database; None while there is none."""
        return as_it_stands(warehouse(), self.schema, self.name, self.declared)

    @property
    def undeclared(self) -> set[str]:
        """The names of columns that stand there and are no longer declared."""
        declared = {column.name for column in self.declared.columns} if self.declared else set()
        return {column.name for column in self.table.columns if column.name not in declared} if self.table else set()

    @property
    def children(self) -> list[Browsed]:
        """The tables whose rows belong to rows of this one."""
        return [
            self._relative(table.name)
            for table in (self.declarations[0].stream.tables if self.declarations else ())
            if table.parent == self.name
        ]

    @property
    def parent(self) -> Browsed | None:
        parent = self.declarations[0].table.parent if self.declarations else None
        return self._relative(parent) if parent else None

    @property
    def parent_key(self) -> tuple[str, ...]:
        """The columns that hold the parent's key."""
        return self.declarations[0].table.parent_key if self.declarations else ()

    def _relative(self, name: str) -> Browsed:
        of_streams = [one for one in self.declarations if any(table.name == name for table in one.stream.tables)]
        return Browsed(self.schema, name, tuple(replace(one, table=one.stream.table(name)) for one in of_streams))


def declared_tables(connections: Iterable[Connection] | None = None) -> list[Browsed]:
    """Return what connections declare, all that are there when none are given, by label."""
    found: dict[tuple[str, str], Browsed] = {}
    for schema, one in _declarations(connections):
        place = schema, identifier(one.table.name)
        known = found.get(place, Browsed(schema, one.table.name))
        found[place] = replace(known, declarations=(*known.declarations, one))
    return sorted(found.values(), key=lambda table: (table.label.casefold(), table.schema, table.name))


def left_tables(declared: Iterable[Browsed]) -> list[Browsed]:
    """Return the tables that stand in the database beside those that are declared."""
    known = {(one.schema, identifier(one.name)) for one in declared}
    schemas = dict.fromkeys(connector.schema for connector in connectors.REGISTRY)
    standing = ((schema, name) for schema in schemas for name in warehouse().standing(schema))
    return [Browsed(schema, name) for schema, name in standing if (schema, name) not in known]


def find_table(schema: str, name: str) -> Browsed | None:
    """Return a table that stands in the database or is declared; None when nobody knows it."""
    kinds = [connector.kind for connector in connectors.REGISTRY if connector.schema == schema]
    if not kinds:
        return None
    declared = declared_tables(Connection.objects.filter(deletion="", kind__in=kinds))
    for one in declared:
        if identifier(one.name) == identifier(name):
            return one
    return Browsed(schema, name) if name in warehouse().standing(schema) else None


def _declarations(connections: Iterable[Connection] | None) -> Iterator[tuple[str, Declaration]]:
    every = connections if connections is not None else Connection.objects.filter(deletion="")
    for connection in sorted(every, key=lambda one: (one.name.casefold(), one.pk)):
        try:
            connector = connectors.connector_class(connection.kind)
            streams = connector.parts(connection.config)
        except SyncError:
            continue  # its settings do not say what its tables are; those that stand are found all the same
        for stream in streams:
            for table in stream.tables:
                yield connector.schema, Declaration(connection, stream, table)


def label_of(stream: Stream, table: Table) -> str:
    """Return what people call a table of a stream."""
    label = _(stream.label)
    if table.name == stream.tables[0].name:
        return label
    return _("%(stream)s: %(table)s") % {"stream": label, "table": _without(stream.tables[0].name, table.name)}


def _without(parent: str, name: str) -> str:
    """Return a table's name without its parent's before it: order_lines of orders is "lines"."""
    for beginning in (f"{parent}_", f"{parent.removesuffix('s')}_"):
        if name.startswith(beginning):
            return name.removeprefix(beginning)
    return name
