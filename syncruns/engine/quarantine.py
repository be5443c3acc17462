"""Keeps records that could not be loaded, and closes them when their key is loaded after all."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from connections.destination import table_name
from connections.sdk.declare import MASK, Stream, Table
from syncruns.engine.log import RunLog
from syncruns.engine.transform import Reject, Row, key_text
from syncruns.models import QuarantinedRecord, SyncRun

OPEN = QuarantinedRecord.State.OPEN


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
                reasons=reject.reasons,
                state=OPEN,
                run=run,
                first_seen_at=now,
                last_seen_at=now,
            )  # fmt: skip
            for reject in newest.values()
        ],
        update_conflicts=True,
        unique_fields=["connection", "table", "record_key"],
        update_fields=["record", "reasons", "state", "run", "last_seen_at"],
        batch_size=200,
    )
    first = rejects[0]
    column, reason = next(iter(first.reasons.items()))
    key = MASK if stream.table(first.table).has_personal_key else first.key
    log.add(
        "warning", "records_quarantined", stream.key, count=len(rejects), table=table_name(schema, first.table),
        key=key, column=column, reason=reason["code"],
    )  # fmt: skip


def close_loaded(run: SyncRun, table: Table, rows: Sequence[Row]) -> None:
    """Mark fixed the open records whose key was loaded now."""
    waiting = QuarantinedRecord.objects.filter(connection_id=run.connection_id, table=table.name, state=OPEN)
    if not rows or not waiting.exists():
        return
    loaded = {key_text(table, row) for row in rows}
    fixed = [record.pk for record in waiting.only("pk", "record_key") if record.record_key in loaded]
    waiting.filter(pk__in=fixed).update(state=QuarantinedRecord.State.FIXED, closed_at=timezone.now())
