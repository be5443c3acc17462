"""Turns the records of a page into typed rows; what cannot be typed is rejected with its reasons. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import orjson

from connections.sdk.declare import Columns, Key, Page, Record, Stream, Table
from connections.sdk.text import storable
from syncruns.engine.columns import ColumnReader, column_reader
from syncruns.engine.corrections import Overtaken
from syncruns.engine.values import INDEX_BYTES, KEY_BYTES, Reader, Refused, read_kept, reader, spell_decimal

Row = tuple[Any, ...]  # values in the order of Table.columns, as values.reader returns them
Reasons = dict[str, dict[str, Any]]  # column name -> {"code": one of values.REASONS, "params": {}}

LONGEST_TEXT = 10_000  # of a value kept with a rejected record
LONGEST_KEY = 200
LONGEST_NUMBER = 100  # digits that a number is spelled out with


@dataclass(frozen=True)
class Reject:
    """A record that was not typed.

    key: as key_text spells it, or "#" and a hash of the record when the key itself cannot be read.
    record: declared columns only, as JSON values; a json column's as JSON text. record_of makes it a record again.
    inexact: columns whose kept value is only a picture of what the source sent (longer than LONGEST_TEXT, or no
    JSON). position: where it stood among its table's records on the page.
    """

    table: str
    key: str
    record: dict[str, Any]
    reasons: Reasons
    inexact: tuple[str, ...] = ()
    position: int = -1


@dataclass
class Typed:
    """A page's rows per table. Always: read = all rows + deduplicated + rejects + discarded.

    deletes: the page's deleted keys per table, typed. sets: table -> sets of which this page holds all rows; for a
    child table they are parents. incomplete: table -> those of them with a rejected record; their rows are only
    added and changed, none is removed. rejected: table -> keys of rejected records, where they could be read;
    nameless: table -> how many could not. discarded: rejects that a person decided to leave out, and held: ids of the
    quarantined records whose decision was followed, as syncruns/engine/decisions.py finds; to_rows itself knows of
    none, and of discarded records rejected, nameless and incomplete tell as of any other reject. overtaken: people's
    corrections that do not stand for what the source sends now, of which to_rows knows none either.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    deletes: dict[str, list[Key]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    discarded: list[Reject] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    sets: dict[str, list[Key]] = field(default_factory=dict)
    incomplete: dict[str, set[Key]] = field(default_factory=dict)
    rejected: dict[str, set[Key]] = field(default_factory=dict)
    nameless: dict[str, int] = field(default_factory=dict)
    overtaken: list[Overtaken] = field(default_factory=list)
    read: int = 0
    deduplicated: int = 0


def to_rows(page: Page, stream: Stream) -> Typed:
    """Type every record of the page, one row per key (the last wins).

    Child sets are replaced only when the page names the child table, be it without records; a page must hold
    all children of the parents it holds. A rejected parent takes its children with it, and its old ones stay.
    KeyError when the page names a table that the stream has not, ValueError for sets of a table without set_key.
    """
    typed = Typed()
    readings: dict[str, _Reading] = {}
    for name in page.rows:
        stream.table(name)
    for table in stream.tables:
        if table.name in page.rows:
            parent = readings.get(table.parent) if table.parent else None
            reading = readings[table.name] = _Reading(table, parent)
            reading.read(page.rows[table.name])
            reading.report(typed)
    for name, keys in page.deletes.items():
        typed.deletes[name] = typed_keys(stream.table(name), keys)
    for name, sets in page.sets.items():
        table = stream.table(name)
        if not table.set_key:
            raise ValueError(f"table {name} declares no set_key")
        typed.sets[name] = typed_keys(table, sets, table.set_key)
        typed.incomplete[name] = readings[name].incomplete(typed.sets[name]) if name in readings else set()
    return typed


@lru_cache(maxsize=1024)
def key_of(table: Table) -> Callable[[Row], Key]:
    """Return the function that takes the key out of a row of the table."""
    return _picker(table, table.key)


@lru_cache(maxsize=1024)
def parent_key_of(table: Table) -> Callable[[Row], Key]:
    """Return the function that takes the parent's key out of a row of a child table."""
    return _picker(table, table.parent_key)


def key_text(table: Table, row: Row) -> str:
    """Return the row's key as spelled_key spells it."""
    return spelled_key(key_of(table)(row))


def typed_key(table: Table, names: Iterable[str], kept: Mapping[str, Any]) -> Key | None:
    """Return the values of the columns called names of a kept record, typed; None when they cannot be read."""
    readers = dict(_readers(table))
    record = record_of(table, kept)
    try:
        key = tuple([None if (value := record.get(name)) is None else readers[name](value) for name in names])
    except Refused:
        return None
    return None if None in key else key


def spelled_key(key: Key) -> str:
    """Return a typed key as it is shown, and as Reject.key has it: 12, or ["A","7"] when it has several parts."""
    parts = [_spelled_part(part) for part in key]
    text = parts[0] if len(parts) == 1 else orjson.dumps(parts).decode()
    return text if len(text) <= LONGEST_KEY else "#" + _digest(text.encode())


def record_of(table: Table, kept: Mapping[str, Any]) -> Record:
    """Return the record that was kept as Reject.record, to be typed again; columns no longer declared are left out."""
    declared = {column.name: column for column in table.columns}
    return {name: read_kept(declared[name], value) for name, value in kept.items() if name in declared}


class _Reading:
    """The records of one table of a page, as they are being read."""

    def __init__(self, table: Table, parent: _Reading | None) -> None:
        self.table = table
        self.parent = parent
        self.rows: dict[Key, Row] = {}
        self.rejects: list[Reject] = []
        self.rejected: set[Key] = set()  # keys of rejected records, where they could be read
        self.nameless = 0  # rejected records whose key could not be read
        self.rejected_sets: set[Key] = set()  # sets (of a child table: parents) that a rejected record belongs to
        self.unknown_set = False  # a record was rejected and nobody can say to which set it belongs
        self.count = 0
        self._readers = _readers(table)
        self._column_readers = _column_readers(table)
        self._key = key_of(table)
        self._key_places = _places(table, table.key)
        self._set_of = _picker(table, table.set_columns) if table.set_columns else None

    def read(self, records: Sequence[Record]) -> None:
        """Type records, or reject them: column by column, and one by one when any of them is refused."""
        try:
            columns = [read(_values(records, name)) for name, read in self._column_readers]
        except Refused:
            for record in records:
                self._read_one(record)
            return
        rows = list(zip(*columns, strict=True))
        parts = [columns[place] for place in self._key_places]
        found = dict(zip(zip(*parts, strict=True), rows, strict=True))
        is_plain = len(found) == len(rows) and not any(None in part for part in parts)
        if is_plain and not (self.parent and self.parent.rejected):
            self.rows, self.count = found, len(rows)
            return
        for record, row in zip(records, rows, strict=True):
            self._place(record, row)

    def _read_one(self, record: Record) -> None:
        get = record.get
        try:
            row = tuple([None if (value := get(name)) is None else read(value) for name, read in self._readers])
        except Refused:
            row, reasons = self._explained(record)
            self.count += 1
            self._reject(record, row, reasons)
        else:
            self._place(record, row)

    def _place(self, record: Record, row: Row) -> None:
        """Keep a typed row instead of what came before with its key, or reject it for its key."""
        self.count += 1
        key = self._key(row)
        if None in key:
            missing = [name for name, part in zip(self.table.key, key, strict=True) if part is None]
            self._reject(record, row, {name: _reason("key_missing") for name in missing})
        elif self.parent and self._set_of and self._set_of(row) in self.parent.rejected:
            self._reject(record, row, {self.table.parent_key[0]: _reason("parent_rejected")})
        else:
            if key in self.rejected:
                self._replace_rejects(key, row)
            self.rows.pop(key, None)  # so that the last record with a key also has the last place
            self.rows[key] = row

    def _replace_rejects(self, key: Key, row: Row) -> None:
        """Forget rejected records with the key: this one is newer."""
        text = key_text(self.table, row)
        self.rejects = [reject for reject in self.rejects if reject.key != text]
        self.rejected.discard(key)

    def report(self, typed: Typed) -> None:
        """Add what was read to the page's result."""
        name = self.table.name
        typed.rows[name] = list(self.rows.values())
        typed.rejects += self.rejects
        typed.read += self.count
        typed.deduplicated += self.count - len(self.rows) - len(self.rejects)
        if self.rejects:
            typed.rejected[name], typed.nameless[name] = self.rejected, self.nameless
        if self.parent:
            typed.sets[name] = [key for key in self.parent.rows if key not in self.parent.rejected]
            typed.incomplete[name] = self.incomplete(typed.sets[name])

    def incomplete(self, sets: Iterable[Key]) -> set[Key]:
        """Return those of sets of which a record may have been rejected."""
        return set(sets) if self.unknown_set else self.rejected_sets.intersection(sets)

    def _explained(self, record: Record) -> tuple[Row, Reasons]:
        """Read value by value; return what could be read and why the rest could not."""
        row: list[Any] = []
        reasons: Reasons = {}
        for name, read in self._readers:
            value = record.get(name)
            try:
                row.append(None if value is None else read(value))
            except Refused as refused:
                row.append(None)
                reasons[name] = _reason(refused.code, **refused.params)
            else:
                if value is None and name in self.table.key:
                    reasons[name] = _reason("key_missing")
        return tuple(row), reasons

    def _reject(self, record: Record, row: Row, reasons: Reasons) -> None:
        safe, inexact = _kept(self.table, record, row)
        key = self._key(row)
        if None in key:
            text = "#" + _digest(orjson.dumps(safe, option=orjson.OPT_SORT_KEYS))
            self.nameless += 1
            # It may be any row, in whatever set that one was until now; a child's set is part of its key.
            self.unknown_set = self.unknown_set or bool(self.table.set_key)
        else:
            text = key_text(self.table, row)
            self.rejected.add(key)
        if self._set_of:
            belongs_to = self._set_of(row)
            self.rejected_sets.add(belongs_to)
            self.unknown_set = self.unknown_set or None in belongs_to
        self.rejects.append(Reject(self.table.name, text, safe, reasons, inexact, position=self.count - 1))


def _values(records: Sequence[Record], name: str) -> Sequence[Any]:
    return records.column(name) if isinstance(records, Columns) else [record.get(name) for record in records]


@lru_cache(maxsize=1024)
def _readers(table: Table) -> tuple[tuple[str, Reader], ...]:
    longest = _longest(table)
    return tuple((column.name, reader(column, longest=longest.get(column.name))) for column in table.columns)


@lru_cache(maxsize=1024)
def _column_readers(table: Table) -> tuple[tuple[str, ColumnReader], ...]:
    longest = _longest(table)
    return tuple((column.name, column_reader(column, longest=longest.get(column.name))) for column in table.columns)


def _longest(table: Table) -> dict[str, int]:
    """Return how many bytes texts of indexed columns may have, so that every index holds every row."""
    found: dict[str, int] = {}
    for columns in (table.key, table.set_columns, *table.indexes):
        for name in columns:
            found[name] = min(found.get(name, KEY_BYTES), INDEX_BYTES // len(columns))
    return found


def _places(table: Table, names: tuple[str, ...]) -> list[int]:
    order = [column.name for column in table.columns]
    return [order.index(name) for name in names]


def _picker(table: Table, names: tuple[str, ...]) -> Callable[[Row], Key]:
    positions = _places(table, names)
    if len(positions) == 1:
        position = positions[0]
        return lambda row: (row[position],)
    return itemgetter(*positions)


def typed_keys(table: Table, keys: Iterable[Key], names: Sequence[str] = ()) -> list[Key]:
    """Type keys, or values of the columns called names, as rows are typed.

    One that cannot be read is left out: no row can have it.
    """
    readers = dict(_readers(table))
    read = [readers[name] for name in names or table.key]
    typed: dict[Key, None] = {}
    for key in keys:
        if None in key:
            continue
        try:
            typed[tuple([read_part(part) for read_part, part in zip(read, key, strict=True)])] = None
        except Refused:
            continue
    return list(typed)


def _reason(code: str, **params: Any) -> dict[str, Any]:
    return {"code": code, "params": params}


def _spelled_part(part: Any) -> str:
    if isinstance(part, Decimal):
        return spell_decimal(part)
    if isinstance(part, date | datetime):
        return part.isoformat()
    return str(part)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _kept(table: Table, record: Record, row: Row) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the record's declared values as they are kept, and the names of those that are not exact."""
    kept: dict[str, Any] = {}
    inexact = []
    for column, typed in zip(table.columns, row, strict=True):
        if column.name not in record:
            continue
        is_json = column.type == "json" and typed is not None
        value, exact = (typed, True) if is_json else _json_safe(record[column.name])
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            value, exact = value[:LONGEST_TEXT], False
        if not exact:
            inexact.append(column.name)
        kept[column.name] = value
    return kept, tuple(inexact)


def _json_safe(value: Any) -> tuple[Any, bool]:
    """Return value as JSON that any database takes, and whether it reads as the same value."""
    if value is None or isinstance(value, bool):
        return value, True
    if isinstance(value, int) and -(2**53) <= value <= 2**53:
        return int(value), True
    if isinstance(value, float) and math.isfinite(value):
        return float(value), True
    text, exact = _spelled(value)
    safe = storable(text)
    return safe, exact and safe == text


def _spelled(value: Any) -> tuple[str, bool]:
    try:
        if isinstance(value, str):
            return str(value), True
        if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < LONGEST_NUMBER:
            return f"{value:f}", True
        if isinstance(value, dict | list):
            return json.dumps(value, default=str, ensure_ascii=False), False
        is_moment = isinstance(value, datetime) and value.tzinfo is not None
        return str(value), is_moment or type(value) in (int, date)
    except (TypeError, ValueError, RecursionError):  # thousands of digits; names that are no text; endless nesting
        return f"<{type(value).__name__}>", False
