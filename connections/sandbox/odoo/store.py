"""The rows of a sandbox database, and what a write does to them and to others.

Every change happens inside a transaction whose begin is the write_date of all it touches; `moment` holds it. Where it
meets a row that another one has changed since, a server begins it anew: `retried`. What business code calls "now" is
`clock`, without its microseconds, and may be later than `moment`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from connections.sandbox.odoo.failures import OdooError, missing_record, value_error
from connections.sandbox.odoo.fields import X2MANY, Field, Row
from connections.sandbox.odoo.schema import Schema

Settle = Callable[["Store", Row], None]


@dataclass
class Table:
    rows: dict[int, Row] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)  # ascending
    next_id: int = 1


class Store:
    """Tables of one database. settlers: per model, what is worked out again after a row of it has changed."""

    def __init__(self, schema: Schema, moment: datetime) -> None:
        self.schema = schema
        self.version: int = schema.version
        self.clock = self.moment = self.retried = moment
        self.uid = 1
        self.settlers: dict[str, Settle] = {}
        self._unsettled: dict[tuple[str, int], Row] = {}
        self._depth = 0
        self._tables = {name: Table() for name in schema.models}
        self._children: dict[tuple[str, str], dict[int, list[int]]] = {
            (model, link): defaultdict(list) for model, links in schema.indexed.items() for link in links
        }

    # Reading

    def has(self, model: str) -> bool:
        return model in self._tables

    def rows(self, model: str) -> dict[int, Row]:
        """Return a model's rows by id; none for a model that is not installed."""
        table = self._tables.get(model)
        return table.rows if table else {}

    def ids(self, model: str) -> list[int]:
        return self._tables[model].ids

    def children(self, model: str, link: str, parent_id: int) -> list[int]:
        """Return the ids of the rows of model whose many2one `link` is parent_id."""
        return self._children.get((model, link), {}).get(parent_id, [])

    def is_indexed(self, model: str, link: str) -> bool:
        return (model, link) in self._children

    def label(self, model: str, row: Row) -> str:
        named = self.schema.models[model].named
        return named(self, row) if named else str(row.get("name") or "")

    def name_of(self, model: str, number: int | None) -> str | None:
        """Return the label of a row by its id; None when there is none."""
        row = self.rows(model).get(number or 0)
        return self.label(model, row) if row else None

    def getter(self, model: str, field: Field) -> Callable[[Row], Any]:
        """Return what reads this field from a row: None when empty, ids for many2one, lists of ids for x2many."""
        name = field.name
        if field.compute is not None:
            compute = field.compute
            return lambda row: compute(self, row)
        if field.followed:
            return lambda row: self._follow(model, field.related, row)
        if field.type == "one2many":
            return lambda row: self._lines(field, row)
        return lambda row: row[name]

    def value(self, model: str, row: Row, name: str) -> Any:
        return self.getter(model, self.schema.fields[model][name])(row)

    def _lines(self, field: Field, row: Row) -> list[int]:
        found = self.children(field.relation, field.inverse, row["id"])
        if field.keep is None:
            return list(found)
        rows = self.rows(field.relation)
        return [number for number in found if field.keep(rows[number])]

    def _follow(self, model: str, path: str, row: Row) -> Any:
        link, _dot, rest = path.partition(".")
        relation = self.schema.fields[model][link].relation
        target = self.rows(relation).get(row[link])
        return self.value(relation, target, rest) if target else None

    # Changing

    def transaction(self, begun: datetime, visible: datetime, uid: int) -> None:
        """Say that what changes from now on belongs to a transaction begun then, and visible then."""
        self.moment, self.retried, self.uid = begun, visible, uid
        self.clock = visible.replace(microsecond=0)

    def create(self, model: str, values: Row) -> int:
        """Add a row, with the lines its values hold, and return its id."""
        with self._operation():
            return self._create(model, values)

    def _create(self, model: str, values: Row) -> int:
        table = self._tables[model]
        fields = self._known(model, values)
        row: Row = {**self.schema.defaults[model], "id": table.next_id}
        table.next_id += 1
        row |= {"create_date": self.moment, "write_date": self.moment, "create_uid": self.uid, "write_uid": self.uid}
        lines = self._assign(row, fields, values)
        for link, source, name in self.schema.sources[model]:
            target = self.rows(self.schema.fields[model][link].relation).get(row[link])
            if target is not None:
                row[name] = target.get(source)
        table.rows[row["id"]] = row
        table.ids.append(row["id"])
        for link in self.schema.indexed.get(model, ()):
            if row[link]:
                self._children[model, link][row[link]].append(row["id"])
        self._add_lines(row["id"], lines)
        self._settle(model, row)
        return int(row["id"])

    def write(self, model: str, ids: Iterable[int], values: Row) -> None:
        """Change rows; their write_date moves even when no value does."""
        fields = self._known(model, values)
        rows = self.rows(model)
        with self._operation():
            for number in ids:
                if number not in rows:
                    raise missing_record(model, number, self.uid)
                self._change(model, rows[number], fields, values)

    def settle(self, model: str, row: Row, values: Row) -> None:
        """Write values a settler worked out, as Odoo does its stored computed fields: only those that differ."""
        changed = {name: value for name, value in values.items() if name in row and row[name] != value}
        if changed:
            before = self._linked(model, row, changed)
            row.update(changed)
            self._touch(model, row, before, changed)

    def unlink(self, model: str, ids: Iterable[int]) -> None:
        """Delete rows, and what cannot be without them; nothing remembers them."""
        with self._operation():
            for number in list(ids):
                if number in self.rows(model):
                    self._remove(model, number)

    def unsettle(self, model: str, number: int | None) -> None:
        """Have a row's worked out values looked at again before the operation ends."""
        row = self.rows(model).get(number or 0)
        if row is not None:
            self._settle(model, row)

    def skip_ids(self, count: int) -> None:
        """Leave out so many ids of every model, as if other rows had once had them."""
        for table in self._tables.values():
            table.next_id += count

    def _remove(self, model: str, number: int) -> None:
        table = self._tables[model]
        row = table.rows.pop(number)
        del table.ids[bisect_left(table.ids, number)]
        for link in self.schema.indexed.get(model, ()):
            if row[link]:
                self._children[model, link][row[link]].remove(number)
        for child, link, cascade in self.schema.referrers[model]:
            children = self._children[child, link].pop(number, [])
            for each in children:
                self.rows(child)[each][link] = None  # as the database does it: no write_date moves
            if cascade:
                self.unlink(child, children)
        self._settle(model, row)

    def _change(self, model: str, row: Row, fields: dict[str, Field], values: Row) -> None:
        before = self._linked(model, row, values)
        lines = self._assign(row, fields, values)
        self._touch(model, row, before, values)
        self._add_lines(row["id"], lines)

    def _linked(self, model: str, row: Row, values: Row) -> Row:
        """Return the indexed links of a row that values are about to change."""
        return {link: row[link] for link in self.schema.indexed.get(model, ()) if link in values}

    def _touch(self, model: str, row: Row, before: Row, names: Iterable[str]) -> None:
        """Move a changed row's write_date and carry its values to what repeats or depends on them."""
        row["write_date"] = self.moment if self.moment >= row["write_date"] else self.retried
        row["write_uid"] = self.uid
        for link, old in before.items():
            self._relink(model, link, row, old)
        for name in names:
            for child, link, follower in self.schema.followers.get((model, name), ()):
                for number in self.children(child, link, row["id"]):
                    self.settle(child, self.rows(child)[number], {follower: row[name]})
        self._settle(model, row)

    def _relink(self, model: str, link: str, row: Row, old: int | None) -> None:
        if old == row[link]:
            return
        if old:
            self._children[model, link][old].remove(row["id"])
        if row[link]:
            insort(self._children[model, link][row[link]], row["id"])

    def _known(self, model: str, values: Row) -> dict[str, Field]:
        fields = self.schema.fields[model]
        for name in values:
            if name not in fields:
                raise value_error(f"Invalid field '{name}' on model '{model}'")
        return {name: fields[name] for name in values}

    def _assign(self, row: Row, fields: dict[str, Field], values: Row) -> list[tuple[Field, Any]]:
        """Put values into row; return the one2many commands, which need the row's id."""
        lines = []
        for name, each in fields.items():
            if each.type == "one2many":
                lines.append((each, values[name]))
            else:
                row[name] = stored(each, values[name], row.get(name))
        return lines

    def _add_lines(self, parent_id: int, lines: list[tuple[Field, Any]]) -> None:
        for lined, commands in lines:
            for command, number, *values in commands:
                if command == 0:
                    self.create(lined.relation, {**values[0], lined.inverse: parent_id})
                elif command == 1:
                    self.write(lined.relation, [number], values[0])
                elif command == 2:
                    self.unlink(lined.relation, [number])
                else:
                    raise OdooError("builtins.ValueError", f"Unsupported command {command}")

    def _settle(self, model: str, row: Row) -> None:
        if model in self.settlers:
            self._unsettled.setdefault((model, row["id"]), row)

    @contextmanager
    def _operation(self) -> Iterator[None]:
        """Settle what the outermost operation has left unsettled, each row once its lines are."""
        self._depth += 1
        try:
            yield
            while self._depth == 1 and self._unsettled:
                key = next(iter(self._unsettled))
                self.settlers[key[0]](self, self._unsettled.pop(key))
        finally:
            self._depth -= 1


def stored(field: Field, value: Any, old: Any) -> Any:
    """Return a value as the table keeps it: false becomes None, texts of moments become moments."""
    if field.type == "boolean":
        return bool(value)
    if field.type in X2MANY:
        return linked(value, old or ())
    if value is False or value is None:
        return field.default if field.type in ("integer", "float", "monetary") else None
    if field.type == "datetime" and isinstance(value, str):
        return datetime.fromisoformat(value)
    if field.type == "date" and isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value


def linked(value: Any, old: Iterable[int]) -> tuple[int, ...]:
    """Apply many2many commands (4 add, 3 remove, 5 clear, 6 replace) to ids; plain ids replace them."""
    ids = list(old)
    if all(isinstance(item, int) for item in value):
        return tuple(value)
    for command, number, *rest in value:
        if command == 4 and number not in ids:
            ids.append(number)
        elif command == 3:
            ids = [each for each in ids if each != number]
        elif command in (5, 6):
            ids = list(rest[0]) if command == 6 else []
    return tuple(ids)
