"""The tables of a stream, as its columns describe them, and the rows a record has in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.rest.names import LONGEST_COLUMN, LONGEST_TABLE, fitted, snake
from connections.connectors.rest.paths import MISSING, ColumnPath, column_path, find
from connections.connectors.rest.values import read_all
from connections.sdk.declare import Column, Columns, Stream, Table
from connections.sdk.errors import SyncError
from connections.sdk.settings import REQUIRED, Rejected
from connections.sdk.text import gettext_noop as _

POSITION = "position"

Row = Mapping[str, Any]  # one entry of a `columns` or `streams` setting


@dataclass(frozen=True)
class Field:
    """One declared column and where its value is, inside the record or inside one item."""

    column: Column
    path: str


@dataclass(frozen=True)
class Child:
    """The table of a list inside each record; with has_position its items are numbered from 1."""

    table: Table
    list_path: str
    fields: tuple[Field, ...]
    has_position: bool


@dataclass(frozen=True)
class Shape:
    """A stream with where everything is."""

    stream: Stream
    fields: tuple[Field, ...]
    children: tuple[Child, ...]

    @property
    def table(self) -> Table:
        return self.stream.tables[0]

    def key_of(self, record: Any) -> tuple[Any, ...]:
        """Return what the record has at the key's paths; None for what is missing."""
        paths = {field.column.name: field.path for field in self.fields}
        found = (find(record, paths[name]) for name in self.table.key)
        return tuple(None if value is MISSING else value for value in found)

    def knows(self, record: Any) -> bool:
        """Say whether the record has anything at all of what was declared."""
        paths = [field.path for field in self.fields] + [child.list_path for child in self.children]
        return any(find(record, path) is not MISSING for path in paths)

    def rows(self, records: Sequence[Any], zone: ZoneInfo) -> dict[str, Columns]:
        """Return the records' rows by table, children included. Raises SyncError contract_changed for a bad list.

        Records without a key keep their row, so that somebody can see them; their items are left out.
        """
        parents = Columns(_taken(self.fields, records, zone))
        keys = list(zip(*map(parents.column, self.table.key), strict=True))
        rows = {self.table.name: parents}
        for child in self.children:
            inherited, items = [], []
            for record, key in zip(records, keys, strict=True):
                if None in key:
                    continue
                for position, item in enumerate(_items(record, child.list_path), 1):
                    inherited.append((*key, position) if child.has_position else key)
                    items.append(item)
            names = (*child.table.parent_key, POSITION) if child.has_position else child.table.parent_key
            columns = dict(zip(names, zip(*inherited, strict=True), strict=bool(items)))
            rows[child.table.name] = Columns({**columns, **_taken(child.fields, items, zone)})
        return rows


def shape_of(row: Row, prefix: str) -> Shape:
    """Return the shape of one entry of `streams`. Raises Rejected, at the field that is wrong."""
    name = str(row["name"])
    if not row.get("columns"):
        raise Rejected(REQUIRED["columns"], at=("columns",))
    placed = [(number, column, _path(number, column)) for number, column in enumerate(row.get("columns") or ())]
    own = [(number, column, path) for number, column, path in placed if not path.list_path]
    fields = tuple(Field(_column(column), path.path) for _number, column, path in own)
    key = tuple(str(column["name"]) for _number, column, _path in own if column.get("key"))
    if not key:
        raise Rejected(_("Mark at least one column as the key: what tells one record from another."), at=("columns",))
    base = f"{prefix}_{name}" if prefix else name
    table = Table(fitted(base, LONGEST_TABLE), tuple(field.column for field in fields), key)
    lists = dict.fromkeys(path.list_path for _number, _column, path in placed if path.list_path)
    children = tuple(
        _child(name, base, table, list_path, [entry for entry in placed if entry[2].list_path == list_path])
        for list_path in lists
    )
    tables = (table, *(child.table for child in children))
    if len({table.name for table in tables}) < len(tables):
        raise Rejected(_("Two lists of this stream would have the same table."), at=("columns",))
    stream = Stream(name, str(row.get("label") or name), tables, changed_since=bool(row.get("incremental")))
    return Shape(stream, fields, children)


def _child(
    stream: str, base: str, parent: Table, list_path: str, placed: Sequence[tuple[int, Row, ColumnPath]]
) -> Child:
    parent_key = tuple(parent_key_name(stream, name) for name in parent.key)
    own_key = tuple(str(column["name"]) for _number, column, _path in placed if column.get("key"))
    reserved = {*parent_key} if own_key else {*parent_key, POSITION}
    for number, column, _path in placed:
        if column["name"] in reserved:
            raise Rejected(
                _("%(name)s is the name of a column that the table of %(list)s gets anyway."),
                at=("columns", number, "name"),
                name=column["name"],
                list=list_path,
            )
    inherited = tuple(replace(parent.column(old), name=new) for old, new in zip(parent.key, parent_key, strict=True))
    numbered = () if own_key else (Column(POSITION, "integer"),)
    fields = tuple(Field(_column(column), path.path) for _number, column, path in placed)
    table = Table(
        fitted(f"{base}_{snake(list_path.rpartition('.')[2]) or 'items'}", LONGEST_TABLE),
        (*inherited, *numbered, *(field.column for field in fields)),
        (*parent_key, *(own_key or (POSITION,))),
        parent=parent.name,
        parent_key=parent_key,
    )
    return Child(table, list_path, fields, has_position=not own_key)


def parent_key_name(stream: str, key: str) -> str:
    """Return what a child table calls a key column of its parent."""
    return fitted(f"{stream}_{key}", LONGEST_COLUMN)


def records_checked(records: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    """Return records. Raises SyncError contract_changed at the first that is no object."""
    kinds = dict.fromkeys(map(type, records))
    wrong = next((kind for kind in kinds if not issubclass(kind, Mapping)), None)
    if wrong is not None:
        raise SyncError("contract_changed", expected="object", found=wrong.__name__)
    return records


def _taken(fields: Sequence[Field], records: Sequence[Any], zone: ZoneInfo) -> dict[str, Sequence[Any]]:
    """Return each field's values, one for each record or item; None for what is missing."""
    are_plain = set(map(type, records)) == {dict}
    found = ((field.column, _found(records, field.path, are_plain=are_plain)) for field in fields)
    return {column.name: read_all(column.type, values, zone) for column, values in found}


def _found(records: Sequence[Any], path: str, *, are_plain: bool) -> list[Any]:
    if are_plain and path and "." not in path:  # without a search
        try:
            return list(map(itemgetter(path), records))
        except KeyError:
            return [record.get(path) for record in records]
    return [None if (value := find(record, path)) is MISSING else value for record in records]


def _items(record: Any, list_path: str) -> list[Any]:
    """Return the items of a record's list; none where it is missing or null, one where it is a single object."""
    items = find(record, list_path)
    if items is MISSING or items is None:
        return []
    if isinstance(items, Mapping):  # what some converters from XML make of a list of one
        return [items]
    if not isinstance(items, list):
        raise SyncError("contract_changed", path=list_path, expected="list", found=type(items).__name__)
    return items


def _path(number: int, column: Row) -> ColumnPath:
    try:
        return column_path(str(column["path"]))
    except ValueError:
        raise Rejected(
            _("Write a path such as name, customer.name, or items[].sku for what is in a list of items."),
            at=("columns", number, "path"),
        ) from None


def _column(column: Row) -> Column:
    is_decimal = column["type"] == "decimal"
    return Column(
        str(column["name"]),
        column["type"],
        precision=column["precision"] if is_decimal else None,
        scale=column["scale"] if is_decimal else None,
        personal=bool(column.get("personal")),
    )
