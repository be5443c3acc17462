"""Keeps records that could not be loaded, and closes them when their key is loaded after all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils import timezone

from connections.sdk.declare import Key, Stream, Table
from syncruns.engine.log import RunLog
from syncruns.engine.transform import Reject, Row, key_text, spelled
from syncruns.models import QuarantinedRecord, SyncRun

OPEN = QuarantinedRecord.State.OPEN


def keep_rejects(run: SyncRun, stream: Stream, rejects: Sequence[Reject], log: RunLog) -> None:
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
            "last_seen_at",
        ],
        batch_size=200,
    )  # fmt: skip
    first = rejects[0]
    column, reason = next(iter(first.reasons.items()))
    log.add(
        "warning", "records_quarantined", stream.key, count=len(rejects), table=first.table, key=first.key,
        column=column, reason=reason["code"],
    )  # fmt: skip


def waiting_of(run: SyncRun, stream: str) -> bool:
    """Say whether records that the run read of the stream wait for a person."""
    return QuarantinedRecord.objects.filter(run=run, stream=stream, state=OPEN).exists()


def close_loaded(run: SyncRun, table: Table, rows: Sequence[Row]) -> None:
    """Mark fixed the open records whose key was loaded now."""
    if rows:
        _close(run, table, lambda: {key_text(table, row) for row in rows}, QuarantinedRecord.State.FIXED)


def close_deleted(run: SyncRun, table: Table, keys: Sequence[Key]) -> None:
    """Mark discarded the open records that are gone at the source: loading one would bring a dead row back."""
    if keys:
        _close(run, table, lambda: {spelled(key) for key in keys}, QuarantinedRecord.State.DISCARDED)


def _close(run: SyncRun, table: Table, keys: Callable[[], set[str]], state: str) -> None:
    waiting = QuarantinedRecord.objects.filter(connection_id=run.connection_id, table=table.name, state=OPEN)
    if not waiting.exists():
        return
    closed = keys()
    ids = [record.pk for record in waiting.only("pk", "record_key") if record.record_key in closed]
    waiting.filter(pk__in=ids).update(state=state, closed_at=timezone.now())
