"""What people decided about rejected records, kept when the source sends them again.

A correction holds for a column for as long as the source sends the value that was corrected; a discarded record is left
out for as long as it comes unchanged. Anything else is news, and waits for review like any other reject.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from connections.sdk.declare import Page, Stream
from syncruns.engine.transform import Reject, Typed, read_kept, to_rows
from syncruns.models import QuarantinedRecord

Decided = Mapping[tuple[str, str], QuarantinedRecord]  # by table and key

BATCH = 500  # keys of one query


def typed_pages(pages: Sequence[Page], stream: Stream, connection_id: int) -> list[Typed]:
    """Type pages under the decisions that hold."""
    typed = [to_rows(page, stream) for page in pages]
    decided = _decided(connection_id, [reject for each in typed for reject in each.rejects])
    if not decided:
        return typed
    return [_settled(page, each, stream, decided) for page, each in zip(pages, typed, strict=True)]


def note_seen(ids: set[int], now: datetime) -> None:
    """Note that decisions still hold, so that they are not cleared away as old."""
    if ids:
        QuarantinedRecord.objects.filter(pk__in=ids).update(last_seen_at=now)


def _decided(connection_id: int, rejects: Sequence[Reject]) -> Decided:
    found: dict[tuple[str, str], QuarantinedRecord] = {}
    keys = sorted({reject.key for reject in rejects})
    tables = {reject.table for reject in rejects}
    by_person = ~Q(decided_by="") & ~Q(state=QuarantinedRecord.State.OPEN)
    for start in range(0, len(keys), BATCH):
        records = QuarantinedRecord.objects.filter(
            by_person, connection_id=connection_id, table__in=tables, record_key__in=keys[start : start + BATCH]
        )
        found.update({(record.table, record.record_key): record for record in records})
    return found


def _settled(page: Page, typed: Typed, stream: Stream, decided: Decided) -> Typed:
    """Type the page again where a correction holds, and set discarded records apart."""
    corrected: dict[str, dict[int, dict[str, Any]]] = {}
    held: set[int] = set()
    for reject, record in _known(typed.rejects, decided):
        values = _holding(record, reject, stream)
        if values:
            corrected.setdefault(reject.table, {})[reject.position] = values
            held.add(record.pk)
    if corrected:
        typed = to_rows(_patched(page, corrected), stream)
    left_out = [(reject, record) for reject, record in _known(typed.rejects, decided) if _is_discarded(record, reject)]
    held.update(record.pk for _reject, record in left_out)
    typed.held = held
    typed.discarded = [reject for reject, _record in left_out]
    gone = set(map(id, typed.discarded))
    typed.rejects = [reject for reject in typed.rejects if id(reject) not in gone]
    return typed


def _known(rejects: Sequence[Reject], decided: Decided) -> Iterator[tuple[Reject, QuarantinedRecord]]:
    for reject in rejects:
        record = decided.get((reject.table, reject.key))
        if record is not None:
            yield reject, record


def _holding(record: QuarantinedRecord, reject: Reject, stream: Stream) -> dict[str, Any]:
    """Return the corrections whose columns come as they were when a person corrected them."""
    if record.state != QuarantinedRecord.State.FIXED:
        return {}
    columns = {column.name: column for column in stream.table(record.table).columns}
    return {
        name: read_kept(columns[name], value)
        for name, value in record.corrections.items()
        if name in columns and reject.record.get(name) == record.record.get(name)
    }


def _is_discarded(record: QuarantinedRecord, reject: Reject) -> bool:
    is_same = (reject.record, reject.reasons) == (record.record, record.reasons)
    return record.state == QuarantinedRecord.State.DISCARDED and is_same


def _patched(page: Page, corrected: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> Page:
    rows = {
        name: [{**record, **corrected.get(name, {}).get(position, {})} for position, record in enumerate(records)]
        for name, records in page.rows.items()
    }
    return replace(page, rows=rows)
