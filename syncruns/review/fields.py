"""A quarantined record as people see and correct it: its declared columns, what was sent, what was wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from connections.connectors import connector_class
from connections.destination import table_name
from connections.models import Connection
from connections.sdk.declare import MASK, Column, Table
from connections.sdk.errors import SyncError
from syncruns.engine.transform import Reasons
from syncruns.models import QuarantinedRecord
from syncruns.reasons import why

PREFIX = "field:"  # of a form field's name, so that no column can be taken for something else
LONG = 80  # characters: a longer text is edited in several lines
COMMA_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+")


@dataclass(frozen=True)
class Field:
    """One column. source: as it was sent; text: what the form shows; wrong: why it could not be loaded."""

    name: str
    kind: str
    in_key: bool
    source: str
    text: str
    wrong: str = ""
    hint: str = ""
    corrected: str | None = None
    is_masked: bool = False
    document: str = ""  # the sha256 of the one it names
    is_refused: bool = False  # what the person wrote was refused too

    @property
    def input_name(self) -> str:
        return PREFIX + self.name

    @property
    def is_long(self) -> bool:
        return self.kind == "json" or len(self.text) > LONG or "\n" in self.text


class Tables:
    """The declared tables of connections, looked up once each; no query."""

    def __init__(self) -> None:
        self._known: dict[int, dict[tuple[str, str], Table]] = {}

    def of(self, record: QuarantinedRecord) -> Table | None:
        """Return the record's table; None when the settings do not declare it (any more)."""
        if record.connection_id not in self._known:
            self._known[record.connection_id] = _declared(record.connection)
        return self._known[record.connection_id].get((record.stream, record.table))

    def key_shown(self, record: QuarantinedRecord, *, can_see: bool) -> str:
        """Return the record's key; "" when it could not be read, a mask for who may not see what is in it."""
        if record.record_key.startswith("#"):
            return ""
        table = self.of(record)
        is_open = table is not None and not table.has_personal_key
        return record.record_key if can_see or is_open else MASK


def shown_table(kind: str, name: str) -> str:
    """Return the name of a table in the database; as it is when the kind is no longer known."""
    try:
        return table_name(connector_class(kind).schema, name)
    except SyncError:
        return name


def _declared(connection: Connection) -> dict[tuple[str, str], Table]:
    try:
        streams = connector_class(connection.kind).parts(connection.config)
    except SyncError:
        return {}
    return {(stream.key, table.name): table for stream in streams for table in stream.tables}


def fields_of(
    record: QuarantinedRecord,
    table: Table | None,
    *,
    can_see: bool,
    typed: Mapping[str, str] | None = None,
    refused: Reasons | None = None,
) -> list[Field]:
    """Return the record's fields, those that are wrong first.

    typed: form texts to show instead, with refused saying why they cannot be loaded either.
    """
    columns: Sequence[Column] = table.columns if table else [Column(name) for name in record.record]
    key = table.key if table else ()
    fields = [
        _field(record, column, column.name in key, typed or {}, refused)
        if can_see or (table and not column.personal)
        else _masked(record, column, column.name in key)
        for column in columns
    ]
    return sorted(fields, key=lambda field: not field.wrong)


def _field(
    record: QuarantinedRecord,
    column: Column,
    in_key: bool,
    typed: Mapping[str, str],
    refused: Reasons | None,
) -> Field:
    name = column.name
    source = spelled(record.record.get(name))
    reasons = record.reasons if refused is None else refused
    wrong = why(reasons[name]) if name in reasons else ""
    if not wrong and name in record.inexact:
        wrong = why({"code": "not_kept"})
    return Field(
        name=name,
        kind=column.type,
        in_key=in_key,
        source=source,
        text=typed.get(PREFIX + name, source),
        wrong=wrong,
        hint=hint_of(column),
        corrected=spelled(record.corrections[name]) if name in record.corrections else None,
        document=source if column.document else "",
        is_refused=refused is not None and name in refused,
    )


def _masked(record: QuarantinedRecord, column: Column, in_key: bool) -> Field:
    name = column.name
    wrong = why(record.reasons[name]) if name in record.reasons else ""
    corrected = MASK if name in record.corrections else None
    return Field(name, column.type, in_key, MASK, MASK, wrong, corrected=corrected, is_masked=True)


def corrections_in(record: QuarantinedRecord, table: Table, data: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of a sent form that differ from what the source sent, with their values.

    An empty field is no value. A number that its column refused for how it was sent counts as written by the person.
    """
    corrections: dict[str, Any] = {}
    for column in table.columns:
        text = data.get(PREFIX + column.name)
        if text is None:
            continue
        kept = record.record.get(column.name)
        text = _lines(text)
        is_number_refused = isinstance(kept, int | float) and column.name in record.reasons
        if text != _lines(spelled(kept)) or is_number_refused:
            corrections[column.name] = written(column, text)
    return corrections


def written(column: Column, text: str) -> str | None:
    """Return what a person wrote for a column as a source would send it; None for an empty field."""
    text = _lines(text)
    if column.type != "text":
        text = text.strip()
    if not text:
        return None
    if column.type == "decimal" and COMMA_NUMBER.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text


def spelled(value: Any) -> str:
    """Return a kept value as a person reads and writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def hint_of(column: Column) -> str:
    """Return how a value of the column is written; "" where it goes without saying."""
    match column.type:
        case "integer":
            return _("A whole number.")
        case "decimal":
            return _("A number with up to %(scale)s decimals.") % {"scale": column.scale}
        case "date":
            return _("A date, such as 2026-12-31 or 31/12/2026.")
        case "timestamp":
            return _("A date with time, such as 2026-12-31 14:05:00-03:00; without a zone it counts as UTC.")
        case "json":
            return _("JSON.")
    return ""
