"""What people set instead of the source's values: made, taken back, and decided on when the source changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from connections import audit
from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.declare import MASK, Column, Key, Page, Stream, Table, Within
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.engine.corrections import kept_value, typed_value
from syncruns.engine.review import load_reviewed
from syncruns.engine.transform import Reasons, spelled_key, typed_keys
from syncruns.engine.values import Refused, canonical_json, read_kept
from syncruns.engine.warehouse import rows_in_batches, warehouse
from syncruns.models import Correction, SyncRun
from syncruns.review.fields import shown_table

State = Correction.State
STANDING = (State.ACTIVE, State.SUPERSEDED)


class Moved(Exception):
    """The row, or the correction, is not any more what the person saw."""


class Unfit(Exception):
    """Values that their columns cannot hold. reasons: column -> why."""

    def __init__(self, reasons: Reasons) -> None:
        self.reasons = reasons
        super().__init__()


@dataclass(frozen=True)
class Place:
    """A declared table of a connection, in which rows can be looked up."""

    connection: Connection
    stream: Stream
    table: Table

    @property
    def schema(self) -> str:
        return connector_class(self.connection.kind).schema

    @property
    def shown(self) -> str:
        return shown_table(self.connection.kind, self.table.name)

    def row(self, key: Key) -> dict[str, Any] | None:
        """Return the live row with a typed key, column -> typed value; None when there is none."""
        scope = [Within(name, values=(part,)) for name, part in zip(self.table.key, key, strict=True)]
        found = rows_in_batches(
            warehouse(), self.schema, self.table, connection_id=self.connection.pk, scope=scope
        )  # fmt: skip
        return next((row for batch in found for row in batch), None)

    def standing(self, key: Key) -> dict[str, Correction]:
        """Return the corrections of a row that have not ended, by column."""
        of_row = Correction.objects.filter(
            connection=self.connection, table=self.table.name, record_key=spelled_key(key), state__in=STANDING
        )
        return {one.column: one for one in of_row}

    def key_of(self, parts: Sequence[Any]) -> Key | None:
        """Return a key typed; None for what cannot be one."""
        keys = typed_keys(self.table, [tuple(parts)]) if len(parts) == len(self.table.key) else []
        return keys[0] if keys else None

    def read_key(self, text: str) -> Key | None:
        """Return the key that a person wrote, as it is shown: 12, or ["A","7"]; None for what cannot be one."""
        if len(self.table.key) == 1:
            return self.key_of([text.strip()])
        try:
            parts = orjson.loads(text)
        except ValueError:
            return None
        return self.key_of(parts) if isinstance(parts, list) else None


def places_of(connection: Connection) -> list[Place]:
    """Return the tables of a connection of which somebody may correct a column, in the order of their streams."""
    try:
        streams = [selected.stream for selected in streams_of(connection)]
    except SyncError:
        return []
    return [
        Place(connection, stream, table)
        for stream in streams
        for table in stream.tables
        if any(column.is_correctable for column in table.columns)
    ]


def place_of(connection: Connection, stream: str, table: str) -> Place | None:
    """Return a table by the names of its declaration; None when it is not declared (any more)."""
    try:
        found = next((one.stream for one in streams_of(connection) if one.stream.key == stream), None)
        return Place(connection, found, found.table(table)) if found is not None else None
    except (SyncError, KeyError):
        return None


def seen_as(row: Mapping[str, Any]) -> str:
    """Return a text that says whether a row is still what a person saw."""
    return sha256(canonical_json({name: kept_value(value) for name, value in row.items()}).encode()).hexdigest()


def correct(
    place: Place, key: Key, given: Mapping[str, Any], *, seen: str, note: str = "", user: User | None = None
) -> SyncRun:
    """Set values of a row's correctable columns, in force from now on; return the run that wrote them.

    given: column -> what a person wrote. A value that the source sends itself takes an earlier correction back.
    Raises Unfit; Moved when the row is not what `seen` says; Busy; SyncError and database errors.
    """
    values = _typed(place.table, given)
    made = {"note": note, "made_by": _name(user), "made_at": timezone.now()}

    def settle(run: SyncRun) -> Sequence[Page]:
        row = place.row(key)
        if row is None or seen_as(row) != seen:
            raise Moved
        standing = place.standing(key)
        changes = []
        for name, value in values.items():
            column, before = place.table.column(name), standing.get(name)
            changes.append([name, _told(column, row[name]), _told(column, value)])
            _set(place, key, name, (_source_of(column, row[name], before), value), before, made)
        _audit("correction.made", place, key, list(values), user, changes=changes)
        return [_page(place, key, row)]

    return load_reviewed(place.connection, place.stream, user=user, settle=settle, event="records_corrected")


def take_back(correction: Correction, *, user: User | None = None) -> SyncRun | None:
    """End a correction: the row has the source's value again at once. None when there is no row to write any more.

    Raises Moved when it has ended before; Busy; SyncError and database errors.
    """
    return _decide(correction, user, _ended(_name(user)), "correction.ended")


def keep(correction: Correction, *, user: User | None = None) -> SyncRun | None:
    """Let a correction that the source has overtaken hold against the source's new value as well."""
    return _decide(
        correction, user,
        {"state": State.ACTIVE, "source": correction.changed_to, "changed_to": None, "superseded_at": None,
         "made_by": _name(user), "made_at": timezone.now()},
        "correction.kept",
    )  # fmt: skip


def standing_corrections() -> QuerySet[Correction]:
    """Return what has not ended, of connections that are there."""
    return Correction.objects.filter(state__in=STANDING, connection__deletion="")


def _decide(correction: Correction, user: User | None, changes: dict[str, Any], action: str) -> SyncRun | None:
    place = place_of(correction.connection, correction.stream, correction.table)
    key = place.key_of(correction.key) if place is not None else None
    row = place.row(key) if place is not None and key is not None else None
    if place is None or key is None or row is None:
        _move(correction, changes)
        audit.record(action, user=user, target=correction.connection, **_facts(correction))
        return None

    def settle(run: SyncRun) -> Sequence[Page]:
        row = place.row(key)
        page = [_page(place, key, row)] if row is not None else []  # of the row as the source has it, before the change
        _move(correction, changes)
        _audit(action, place, key, [correction.column], user)
        return page

    return load_reviewed(place.connection, place.stream, user=user, settle=settle, event="records_corrected")


def _ended(who: str) -> dict[str, Any]:
    return {"state": State.ENDED, "ended_by": who, "ended_at": timezone.now()}


def _move(correction: Correction, changes: Mapping[str, Any]) -> None:
    moved = Correction.objects.filter(
        pk=correction.pk, state=correction.state, made_at=correction.made_at, superseded_at=correction.superseded_at
    )
    if not moved.update(**changes):
        raise Moved


def _typed(table: Table, given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    reasons: Reasons = {}
    for name, text in given.items():
        try:
            values[name] = typed_value(table.column(name), text)
        except Refused as refused:
            reasons[name] = {"code": refused.code, "params": refused.params}
    if reasons:
        raise Unfit(reasons)
    return values


def _source_of(column: Column, stored: Any, standing: Correction | None) -> Any:
    """Return what the source sends for a column, typed: a correction in force knows it, else it is what is stored."""
    if standing is not None and standing.state == State.ACTIVE:
        return typed_value(column, standing.source)
    return canonical(column, stored)


def canonical(column: Column, value: Any) -> Any:
    """Return a read row's value as transform types it: JSON is its text."""
    return canonical_json(value) if column.type == "json" and value is not None else value


def _set(
    place: Place, key: Key, name: str, values: tuple[Any, Any], standing: Correction | None, made: Mapping[str, Any]
) -> None:
    """Let a column have the second of values, the first of which is the source's."""
    source, value = values
    if value == source:
        if standing is not None:
            _move(standing, _ended(made["made_by"]))
        return
    facts: dict[str, Any] = {
        "source": kept_value(source), "value": kept_value(value), "changed_to": None, "state": State.ACTIVE,
        "superseded_at": None, **made,
    }  # fmt: skip
    if standing is not None:
        _move(standing, facts)
        return
    Correction.objects.create(
        connection=place.connection, stream=place.stream.key, table=place.table.name, column=name,
        key=[kept_value(part) for part in key], record_key=spelled_key(key), **facts,
    )  # fmt: skip


def _page(place: Place, key: Key, row: Mapping[str, Any]) -> Page:
    """Return a row as the source sends it: loaded, it gets the corrections that are in force then."""
    record = dict(row)
    for name, one in place.standing(key).items():
        if one.state == State.ACTIVE:
            record[name] = read_kept(place.table.column(name), one.source)
    return Page({place.table.name: [record]})


def _audit(
    action: str, place: Place, key: Key, fields: Sequence[str], user: User | None, changes: Sequence[Any] = ()
) -> None:
    shown = MASK if place.table.has_personal_key else spelled_key(key)
    told: dict[str, Any] = {"changes": list(changes)} if changes else {}
    audit.record(
        action, user=user, target=place.connection, table=place.shown, key=shown, fields=list(fields), **told
    )  # fmt: skip


def _facts(correction: Correction) -> dict[str, Any]:
    table = shown_table(correction.connection.kind, correction.table)
    return {"table": table, "key": MASK, "fields": [correction.column]}


def _told(column: Column, value: Any) -> Any:
    return MASK if column.personal else kept_value(canonical(column, value))


def _name(user: User | None) -> str:
    return user.get_username() if user is not None else audit.SYSTEM
