"""Keeps records that could not be loaded, and closes them when their key is loaded after all or gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import F
from django.utils import timezone

from connections.destination import table_name
from connections.sdk.declare import MASK, Key, Stream, Table
from syncruns.engine.log import RunLog
from syncruns.engine.transform import Reject, Typed, key_of, spelled_key
from syncruns.models import QuarantinedRecord, SyncRun

OPEN = QuarantinedRecord.State.OPEN
KEYS_AT_ONCE = 500


def keep_rejects(run: SyncRun, stream: Stream, schema: str, rejects: Sequence[Reject], log: RunLog) -> None:
    """Store rejects, one row a key; seen again, a record shows its newest contents and reasons."""
    if not rejects:
        return
    now = timezone.now()
    newest = {(reject.table, reject.key): reject for reject in rejects}
    QuarantinedRecord.objects.bulk_create(
        [
            QuarantinedRecord(
                connection_id=run.connection_id,
                stream=stream.key,
                table=reject.table,
                record_key=reject.key,
                record=reject.record,
                inexact=list(reject.inexact),
                reasons=reject.reasons,
                reason=next(iter(reject.reasons.values()))["code"],
                state=OPEN,
                run=run,
                first_seen_at=now,
                last_seen_at=now,
            )  # fmt: skip
            for reject in newest.values()
        ],
        update_conflicts=True,
        unique_fields=["connection", "table", "record_key"],
        # Whatever was decided before was decided about other contents.
        update_fields=[
            "record", "inexact", "reasons", "reason", "state", "corrections", "decided_by", "note", "closed_at", "run",
            "last_seen_at", "settles_as", "settles_with",
        ],
        batch_size=200,
    )  # fmt: skip
    first = rejects[0]
    column, reason = next(iter(first.reasons.items()))
    key = MASK if stream.table(first.table).has_personal_key else first.key
    log.add(
        "warning", "records_quarantined", stream.key, count=len(rejects), table=table_name(schema, first.table),
        key=key, column=column, reason=reason["code"],
    )  # fmt: skip


def waiting_of(run: SyncRun, stream: str) -> bool:
    """Say whether records that the run read of the stream wait for a person."""
    return QuarantinedRecord.objects.filter(run=run, stream=stream, state=OPEN).exists()


def has_open(run: SyncRun) -> bool:
    """Say whether any record of the run's connection is open."""
    return QuarantinedRecord.objects.filter(connection_id=run.connection_id, state=OPEN).exists()


def close_settled(run: SyncRun, stream: Stream, typed: Typed, *, any_open: bool = True) -> None:
    """Close the open records whose key was loaded after all (fixed), or is gone at the source (discarded).

    any_open: False when the connection is known to have none.
    """
    if not any_open:
        return
    for name, rows in typed.rows.items():
        table = stream.table(name)
        if rows:
            _close(run, table, map(key_of(table), rows), QuarantinedRecord.State.FIXED)
    for name, keys in typed.deletes.items():
        # Loading one later would bring a dead row back.
        _close(run, stream.table(name), keys, QuarantinedRecord.State.DISCARDED)


def settle_later(run: SyncRun, stream: Stream, typed: Typed, order: str) -> None:
    """Note which open records a reset settles once what it read is in place."""
    fixed, discarded = QuarantinedRecord.State.FIXED, QuarantinedRecord.State.DISCARDED
    for name, rows in typed.rows.items():
        table = stream.table(name)
        _change(run, table, map(key_of(table), rows), settles_as=fixed, settles_with=order)
    for name, keys in typed.deletes.items():
        _change(run, stream.table(name), keys, settles_as=discarded, settles_with=order)


def settle(connection_id: int, order: str, tables: Sequence[Table]) -> None:
    """Close the open records of tables that a reset settles, in the transaction that puts its rows in place."""
    settled = QuarantinedRecord.objects.filter(
        connection_id=connection_id, table__in=[table.name for table in tables], state=OPEN, settles_with=order
    )
    settled.update(state=F("settles_as"), closed_at=timezone.now())


def _close(run: SyncRun, table: Table, keys: Iterable[Key], state: str) -> None:
    _change(run, table, keys, state=state, closed_at=timezone.now())


def _change(run: SyncRun, table: Table, keys: Iterable[Key], **changes: Any) -> None:
    waiting = QuarantinedRecord.objects.filter(connection_id=run.connection_id, table=table.name, state=OPEN)
    if not waiting.exists():
        return
    spelled = list(map(spelled_key, keys))
    for start in range(0, len(spelled), KEYS_AT_ONCE):
        waiting.filter(record_key__in=spelled[start : start + KEYS_AT_ONCE]).update(**changes)
