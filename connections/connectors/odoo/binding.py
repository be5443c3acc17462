"""A source's columns as one server fills them: which fields to ask for, and how each value is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.connectors.odoo.services.declare import Derive, Fields, Record
from connections.connectors.odoo.values import Reader, decimal_reader, reader
from connections.sdk.declare import Column, Table

Told = Mapping[str, Mapping[str, Any]]  # what fields_get says: field -> type, relation, store
Extras = Sequence[tuple[Column, str]]


@dataclass(frozen=True)
class Binding:
    """fields: to ask for. missing: fields of columns that this server has not; those columns stay empty."""

    fields: tuple[str, ...]
    missing: tuple[str, ...]
    _readers: tuple[tuple[str, str, Reader], ...]
    _derive: Derive | None
    _derived: Mapping[str, Reader]

    def row(self, record: Record, lines: Sequence[Record] = ()) -> dict[str, Any]:
        """Return a record as a row of its table."""
        row = {column: read(record.get(field, False)) for column, field, read in self._readers}
        if self._derive is not None:
            for column, value in self._derive(record, lines).items():
                read = self._derived.get(column)
                row[column] = read(value) if read else value
        return row


def wanted(mapped: Fields, extras: Extras, *others: Iterable[str]) -> list[str]:
    """Return every field that fields_get is to be asked about."""
    named = {name for names in mapped.values() for name in names}
    return sorted(named.union((field for _column, field in extras), *others))


def bind(
    table: Table, mapped: Fields, extras: Extras, told: Told, *, derive: Derive | None, also_read: Sequence[str]
) -> Binding:
    """Match a table's columns with what the server has."""
    readers, missing = [], []
    asked = {name for name in also_read if name in told}
    sources = {**mapped, **{column.name: (field,) for column, field in extras}}
    for column in table.columns:
        names = sources.get(column.name, ())
        found = next((name for name in names if name in told), None)
        if found is not None:
            readers.append((column.name, found, reader(column, str(told[found].get("type")))))
            asked.add(found)
        elif names:
            missing.append(names[0])
    decimals = {column.name: decimal_reader(column) for column in table.columns if column.type == "decimal"}
    return Binding(tuple(sorted(asked)), tuple(dict.fromkeys(missing)), tuple(readers), derive, decimals)
