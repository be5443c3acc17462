"""What people decide about records that could not be loaded: load them after all, leave them out, decide again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connections import audit
from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.declare import Page, Stream, Table
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.engine.evolution import prepared
from syncruns.engine.review import Busy, load_reviewed
from syncruns.engine.transform import Reasons, record_of, to_rows
from syncruns.engine.warehouse import warehouse
from syncruns.models import QuarantinedRecord, SyncRun
from syncruns.review.fields import shown_table
from syncruns.review.kinship import Kinship, orphans

BATCH = 500  # records of one run: on SQLite others wait for it to write
State = QuarantinedRecord.State
Corrections = Mapping[int, Mapping[str, Any]]  # id of a record -> column -> value instead of the source's


@dataclass
class Outcome:
    """What came of a retry. refused: record id -> why it still cannot be loaded; runs: what loaded the others."""

    loaded: int = 0
    refused: dict[int, Reasons] = field(default_factory=dict)
    busy: set[Connection] = field(default_factory=set)
    decided: int = 0  # by somebody else, meanwhile
    unreadable: set[Connection] = field(default_factory=set)  # their settings do not say what the tables are
    runs: list[SyncRun] = field(default_factory=list)


def retry(
    records: Iterable[QuarantinedRecord], *, user: User | None = None, corrections: Corrections | None = None
) -> Outcome:
    """Type and load open records again, with the values that corrections give, and their children with a parent.

    What cannot be loaded stays open, under the reasons that count now. Records of connections that sync at the moment
    are left alone.
    """
    outcome = Outcome()
    streams: dict[int, dict[str, Stream] | None] = {}
    groups: dict[tuple[int, str], list[QuarantinedRecord]] = {}
    for record in records:
        if record.connection_id not in streams:
            streams[record.connection_id] = _streams(record.connection)
        groups.setdefault((record.connection_id, record.stream), []).append(record)
    for (connection_id, key), group in groups.items():
        stream = (streams[connection_id] or {}).get(key)
        known = [record for record in group if stream is not None and _is_declared(record, stream)]
        if len(known) < len(group):
            outcome.unreadable.add(group[0].connection)
        if stream is None:
            continue
        for start in range(0, len(known), BATCH):
            _Batch(stream, known[start : start + BATCH], corrections or {}, user, outcome).retry()
    return outcome


@transaction.atomic
def discard(records: Iterable[QuarantinedRecord], note: str, *, user: User | None = None) -> int:
    """Leave open records out, and the children of those that are parents; return how many in all."""
    by_connection: dict[Connection, list[QuarantinedRecord]] = {}
    for record in records:
        by_connection.setdefault(record.connection, []).append(record)
    total = 0
    for connection, group in by_connection.items():
        ids = {record.pk for record in group}
        for key, stream in (_streams(connection) or {}).items():
            known = [record for record in group if record.stream == key and _is_declared(record, stream)]
            ids |= {child.pk for child in Kinship(known, stream).children}
        count = _close(ids, State.DISCARDED, user, note=note)
        if count:
            audit.record("records.discarded", user=user, target=connection, count=count, note=note)
        total += count
    return total


@transaction.atomic
def reopen(record: QuarantinedRecord, *, user: User | None = None) -> bool:
    """Take back what a person decided; False when nobody had. A row that was loaded stays."""
    taken_back = (
        QuarantinedRecord.objects.filter(pk=record.pk)
        .exclude(state=State.OPEN)
        .exclude(decided_by="")
        .update(state=State.OPEN, corrections={}, decided_by="", note="", closed_at=None)
    )
    if taken_back:
        table = shown_table(record.connection.kind, record.table)
        audit.record("records.reopened", user=user, target=record.connection, table=table)
    return bool(taken_back)


def kin_of(record: QuarantinedRecord) -> int:
    """Count the open children that are loaded or discarded with a record."""
    stream = (_streams(record.connection) or {}).get(record.stream)
    return len(Kinship([record], stream).children) if stream is not None and _is_declared(record, stream) else 0


def _streams(connection: Connection) -> dict[str, Stream] | None:
    try:
        return {selected.stream.key: selected.stream for selected in streams_of(connection)}
    except SyncError:
        return None


def _is_declared(record: QuarantinedRecord, stream: Stream) -> bool:
    return any(table.name == record.table for table in stream.tables)


def _close(ids: Iterable[int], state: str, user: User | None, **fields: Any) -> int:
    """Close those of the records that are still open; return how many were."""
    waiting = QuarantinedRecord.objects.filter(pk__in=list(ids), state=State.OPEN)
    who = user.get_username() if user is not None else audit.SYSTEM
    return waiting.update(state=state, decided_by=who, closed_at=timezone.now(), **fields)


class _Decided(Exception):
    """Somebody else has decided about one of the records meanwhile."""


class _Batch:
    """Records of one stream that are tried again together."""

    def __init__(
        self,
        stream: Stream,
        asked: Sequence[QuarantinedRecord],
        corrections: Corrections,
        user: User | None,
        outcome: Outcome,
    ) -> None:
        self._stream = stream
        self._connection = asked[0].connection
        self._corrections = corrections
        self._user = user
        self._outcome = outcome
        self._asked = {record.pk for record in asked}
        kinship = Kinship(asked, stream)
        self._parent_of = kinship.parent_of
        self._records = {record.pk: record for record in (*asked, *kinship.children)}

    def retry(self) -> None:
        everyone = dict(self._records)
        self._set_apart({pk: self._for_parent(pk) for pk in orphans(everyone.values(), self._stream)})
        self._set_apart(self._inexact())
        page, ids = self._page(self._records)
        rejects = to_rows(page, self._stream).rejects
        self._set_apart({ids[reject.table, reject.position]: reject.reasons for reject in rejects})
        self._set_apart(self._replacing())
        if self._records:
            self._load(missing=everyone.keys() - self._records.keys())

    def _load(self, missing: set[int]) -> None:
        """Load what is left of the batch."""
        good = set(self._records)
        # Children that are missing are not gone: what their parents have already stays, so those are loaded apart.
        parents = {self._parent_of[pk] for pk in missing & self._parent_of.keys()} & good
        apart = {pk for pk in good if self._parent_of.get(pk) in parents}
        parts = [part for part in (parents, apart, good - parents - apart) if part]
        pages = [self._page(part)[0] for part in parts]
        try:
            run = load_reviewed(
                self._connection, self._stream, user=self._user, settle=lambda run: self._settle(run, good, pages)
            )
        except Busy:
            self._outcome.busy.add(self._connection)
        except _Decided:
            self._outcome.decided += len(good)
        else:
            self._outcome.loaded += len(good)
            self._outcome.runs.append(run)

    def _page(self, ids: Iterable[int]) -> tuple[Page, dict[tuple[str, int], int]]:
        """Return records as a page of the source, and the id of each by table and position."""
        rows: dict[str, list[Mapping[str, Any]]] = {}
        places: dict[tuple[str, int], int] = {}
        for pk in ids:
            record = self._records[pk]
            of_table = rows.setdefault(record.table, [])
            places[record.table, len(of_table)] = pk
            given = {**record.record, **self._corrections.get(pk, {})}
            of_table.append(record_of(self._stream.table(record.table), given))
        return Page(rows=rows), places

    def _for_parent(self, pk: int) -> Reasons:
        column = self._stream.table(self._records[pk].table).parent_key[0]
        return {column: {"code": "parent_rejected", "params": {}}}

    def _inexact(self) -> dict[int, Reasons]:
        """Return the records of which a value was not kept whole, and nobody has given another."""
        found: dict[int, Reasons] = {}
        for pk, record in self._records.items():
            missing = set(record.inexact) - set(self._corrections.get(pk, {}))
            if missing:
                found[pk] = {name: record.reasons.get(name, {"code": "not_kept", "params": {}}) for name in missing}
        return found

    def _replacing(self) -> dict[int, Reasons]:
        """Return the records that would replace another row, because a person gave them its key."""
        found: dict[int, Reasons] = {}
        for pk, record in self._records.items():
            table = self._stream.table(record.table)
            given = [name for name in table.key if name in self._corrections.get(pk, {})]
            if given and self._is_stored(pk, table):
                found[pk] = {given[0]: {"code": "key_taken", "params": {}}}
        return found

    def _is_stored(self, pk: int, table: Table) -> bool:
        destination, schema = warehouse(), connector_class(self._connection.kind).schema
        prepared(destination, self._connection, schema, self._stream)
        row = to_rows(self._page([pk])[0], self._stream).rows[table.name]
        return bool(destination.stored(schema, table, row, connection_id=self._connection.pk))

    def _set_apart(self, refused: Mapping[int, Reasons]) -> None:
        """Leave records out of the batch; what they are still refused for is kept."""
        for pk, reasons in refused.items():
            record = self._records.pop(pk)
            if pk in self._asked:
                self._outcome.refused[pk] = reasons
            if not self._corrections.get(pk) and reasons != record.reasons:
                reason = next(iter(reasons.values()))["code"]
                QuarantinedRecord.objects.filter(pk=pk, state=State.OPEN).update(reasons=reasons, reason=reason)

    def _settle(self, run: SyncRun, good: set[int], pages: Sequence[Page]) -> Sequence[Page]:
        """Close what is being loaded, with what a person corrected, and note who did it. Raises _Decided."""
        plain = {pk for pk in good if not self._corrections.get(pk)}
        closed = _close(plain, State.FIXED, self._user)
        for pk in good - plain:
            closed += _close({pk}, State.FIXED, self._user, corrections=dict(self._corrections[pk]))
        if closed != len(good):
            raise _Decided
        fields = sorted({name for pk in good for name in self._corrections.get(pk, {})})
        audit.record(
            "records.loaded", user=self._user, target=self._connection, count=len(good), stream=self._stream.key,
            fields=fields, run=str(run.pk),
        )  # fmt: skip
        return pages
