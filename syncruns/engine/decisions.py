"""What people decided, kept when the source sends the same again.

Of rejected records: what was written instead holds for a column for as long as the source sends the value that was
wrong; a discarded record is left out for as long as it comes unchanged. Anything else is news, and waits for review
like any other reject. Of rows that can be loaded: a Correction holds for as long as the source sends the value it
stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from connections.sdk.declare import MASK, Page, Stream
from syncruns.engine.context import Log
from syncruns.engine.corrections import Corrected, Corrections, Overtaken, kept_value, typed_value
from syncruns.engine.reader import TypedPage
from syncruns.engine.transform import Reject, Typed, key_of, spelled_key, to_rows, typed_keys
from syncruns.engine.values import Refused, read_kept
from syncruns.models import Correction, QuarantinedRecord

Ending = Mapping[str, Any]  # of a correction, as endings_of makes it
Decided = Mapping[tuple[str, str], QuarantinedRecord]  # by table and key

BATCH = 500  # keys of one query


def typed_pages(
    pages: Sequence[Page], stream: Stream, connection_id: int, corrections: Corrections | None = None
) -> list[Typed]:
    """Type pages, in order, under the decisions and corrections that hold; one that is overtaken holds no longer.

    A TypedPage is taken as it was typed.
    """
    corrections = corrections_of(connection_id, stream) if corrections is None else corrections
    typed = []
    for page in pages:
        each = page.typed if isinstance(page, TypedPage) else to_rows(page, stream)
        if each.rejects and (decided := _decided(connection_id, each.rejects)):
            each = _settled(page, each, stream, decided)
        apply_corrections(each, stream, corrections)
        corrections.forget(each.overtaken)
        typed.append(each)
    return typed


def apply_corrections(typed: Typed, stream: Stream, corrections: Corrections) -> None:
    """Put the values that people set into a page's rows, and note what is overtaken."""
    for table in stream.tables:
        rows = typed.rows.get(table.name)
        if rows and corrections.concern(table.name):
            by_key = dict(zip(map(key_of(table), rows), rows, strict=True))
            typed.overtaken += corrections.apply(table.name, by_key)
            typed.rows[table.name] = list(by_key.values())


def corrections_of(connection_id: int, stream: Stream) -> Corrections:
    """Return the corrections in force for a stream. One whose column or type is declared no more is left alone."""
    standing = Correction.objects.filter(connection_id=connection_id, stream=stream.key, state=Correction.State.ACTIVE)
    return Corrections(filter(None, (_in_force(one, stream) for one in standing)))


def note_overtaken(overtaken: Sequence[Overtaken], stream: Stream, now: datetime, log: Log) -> None:
    """Write what became of corrections, inside the transaction that loads what the source sends now."""
    end_overtaken(endings_of(overtaken, stream), stream.key, now, log)


def endings_of(overtaken: Sequence[Overtaken], stream: Stream) -> list[Ending]:
    """Return what is to become of corrections, as JSON: a reset loads later what it reads now."""
    return [
        {
            "pk": one.pk,
            "holds": one.holds,
            "is_agreed": each.is_agreed,
            "now": kept_value(each.now),
            "told": {
                "table": one.table,
                "key": MASK if stream.table(one.table).has_personal_key else spelled_key(one.key),
                "column": one.column.name,
            },
        }
        for each in overtaken
        for one in [each.correction]
    ]


def end_overtaken(endings: Sequence[Ending], stream: str, now: datetime, log: Log) -> None:
    """Write what becomes of corrections, inside the transaction in which the rows come into their place."""
    for each in endings:
        standing = Correction.objects.filter(pk=each["pk"], state=Correction.State.ACTIVE)
        if each["holds"]:
            standing.update(source=each["now"])
            continue
        if each["is_agreed"]:
            standing.update(state=Correction.State.ENDED, changed_to=each["now"], ended_at=now)
            event = "correction_agreed"
        else:
            standing.update(state=Correction.State.SUPERSEDED, changed_to=each["now"], superseded_at=now)
            event = "correction_superseded"
        log.add("warning", event, stream, **each["told"])


def _in_force(correction: Correction, stream: Stream) -> Corrected | None:
    table = next((table for table in stream.tables if table.name == correction.table), None)
    names = [column.name for column in table.columns] if table is not None else []
    if table is None or correction.column not in names:
        return None
    column = table.column(correction.column)
    keys = typed_keys(table, [tuple(correction.key)]) if len(correction.key) == len(table.key) else []
    try:
        source, value = typed_value(column, correction.source), typed_value(column, correction.value)
    except Refused:
        return None
    if not keys or not column.is_correctable:
        return None
    return Corrected(
        correction.pk, table.name, keys[0], column, names.index(column.name), source, value,
        holds=column.correctable == "always",
    )  # fmt: skip


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
