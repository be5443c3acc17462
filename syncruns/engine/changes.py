"""Keeps which rows a run adds, changes and deletes, with old and new values, in the transaction that does it.

Only the first rows of each table and kind are kept, so that a first load costs no more than an empty run; old values
are read for no other row than these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from os.path import commonprefix
from typing import Any

import orjson
from django.conf import settings
from django.db.models import Count

from connections.sdk.declare import Column, Key, Table
from syncruns.engine.transform import Row
from syncruns.engine.values import spell_decimal
from syncruns.engine.warehouse.target import Read, RowId, Target
from syncruns.models import Change, SyncRun

LONGEST_TEXT = 500
CONTEXT = 40  # letters
NAMES = ("name", "nome", "display_name", "title", "titulo", "descricao", "description", "numero", "number")

Spelled = str | int | bool | None
Kind = Change.Kind


class ChangeRecorder:
    """Records what is written for one stream of one run; a warehouse's `recorder`."""

    def __init__(self, run: SyncRun, stream: str) -> None:
        self._run = run
        self._stream = stream

    @cached_property
    def _kept(self) -> dict[tuple[str, str], int]:
        """How many the run has already, by table and kind."""
        kept = Change.objects.filter(run=self._run, stream=self._stream)
        counts = kept.order_by().values_list("table", "kind").annotate(Count("pk"))
        return {(table, kind): count for table, kind, count in counts}

    def wrote(
        self,
        target: Target,
        new: Sequence[tuple[Row, str]],
        changed: Sequence[tuple[Row, str, RowId]],
        back: set[RowId],
        read: Read,
    ) -> None:
        """Record rows about to be written; back: the ids of those among changed that had been deleted."""
        table = target.table
        if room := self._room(table, Kind.INSERTED):
            fresh = [row for row, _digest in new[:room]]
            fresh += [row for row, _digest, row_id in changed if row_id in back][: room - len(fresh)]
            self._keep(self._change(table, Kind.INSERTED, _spelled_row(table, row)) for row in fresh)
        if room := self._room(table, Kind.UPDATED):
            kept = [(row, row_id) for row, _digest, row_id in changed if row_id not in back][:room]
            before = read(target, [row_id for _row, row_id in kept]) if kept else {}
            self._keep(self._update(table, before[row_id], row) for row, row_id in kept if row_id in before)

    def deleted(self, target: Target, ids: set[RowId], read: Read) -> None:
        """Record rows about to be marked deleted."""
        if room := self._room(target.table, Kind.DELETED):
            before = read(target, list(ids)[:room])
            self._keep(self._deletion(target.table, row) for row in before.values())

    def _room(self, table: Table, kind: str) -> int:
        return max(0, settings.RUN_CHANGES_LIMIT - self._kept.get((table.name, kind), 0))

    def _keep(self, changes: Iterable[Change]) -> None:
        found = list(changes)
        if found:
            place = found[0].table, found[0].kind
            self._kept[place] = self._kept.get(place, 0) + len(found)
            self._save(found)

    def _save(self, found: list[Change]) -> None:
        Change.objects.bulk_create(found)

    def _update(self, table: Table, before: Row, after: Row) -> Change:
        old, new = _spelled_row(table, before), _spelled_row(table, after)
        differ = [[name, *_cut_alike(old[name], new[name])] for name in old if old[name] != new[name]]
        return self._change(table, Kind.UPDATED, new, differ)

    def _deletion(self, table: Table, before: Row) -> Change:
        old = _spelled_row(table, before)
        held = [[name, _cut(value), None] for name, value in old.items() if value is not None and name not in table.key]
        return self._change(table, Kind.DELETED, old, held)

    def _change(
        self, table: Table, kind: str, row: dict[str, Spelled], columns: list[list[Spelled]] | None = None
    ) -> Change:
        called = next((name for name in NAMES if isinstance(row.get(name), str) and name not in table.key), None)
        return Change(
            run=self._run,
            stream=self._stream,
            table=table.name,
            kind=kind,
            key=[_cut(row[name]) for name in table.key],
            name=[called, _cut(row[called])] if called else None,
            columns=columns or [],
        )


class ChangesNoted(ChangeRecorder):
    """Holds what it records until it is taken: a dry run undoes the transaction in which it was recorded."""

    def __init__(self, run: SyncRun, stream: str) -> None:
        super().__init__(run, stream)
        self._noted: list[Change] = []

    def take(self) -> list[Change]:
        """Return what was recorded since the last time."""
        noted, self._noted = self._noted, []
        return noted

    def _save(self, found: list[Change]) -> None:
        self._noted += found


def kept_key(table: Table, key: Key) -> list[Spelled]:
    """Return a typed key as a Change keeps it."""
    return [_cut(_spelled(table.column(name), part)) for name, part in zip(table.key, key, strict=True)]


def _spelled_row(table: Table, row: Row) -> dict[str, Spelled]:
    return {column.name: _spelled(column, value) for column, value in zip(table.columns, row, strict=True)}


def _spelled(column: Column, value: Any) -> Spelled:
    """Return a value as it is kept: alike for what was read from the source and what the database gives back."""
    if value is None:
        return None
    try:
        if column.type == "decimal":
            return spell_decimal(Decimal(str(value)))
        if column.type == "integer":
            return int(value)
        if column.type == "boolean":
            return bool(value)
        if column.type == "json":
            return orjson.dumps(orjson.loads(value), option=orjson.OPT_SORT_KEYS).decode()
    except (ValueError, InvalidOperation):  # the column has been widened since: what is in it is text
        return str(value)
    if isinstance(value, float | Decimal):  # the column is going to be one of text
        return spell_decimal(Decimal(str(value)))
    return _spelled_time(column, value) if isinstance(value, date) else str(value)


def _spelled_time(column: Column, value: date) -> str:
    """Return a date or moment; a date is midnight UTC in a column of moments."""
    if not isinstance(value, datetime):
        return value.isoformat() if column.type == "date" else f"{value.isoformat()}T00:00:00+00:00"
    if column.type == "date":
        return value.astimezone(UTC).date().isoformat()
    return value.astimezone(UTC).isoformat()


def _cut_alike(old: Spelled, new: Spelled) -> list[Spelled]:
    """Return both, of long texts from shortly before where they differ."""
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > LONGEST_TEXT:
        start = len(commonprefix([old, new])) - CONTEXT
        if start > 0:
            old, new = "…" + old[start:], "…" + new[start:]
    return [_cut(old), _cut(new)]


def _cut(value: Spelled) -> Spelled:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[: LONGEST_TEXT - 1] + "…"
    return value
