"""Which quarantined records belong together: an order that could not be loaded, and its lines."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from connections.sdk.declare import Key, Stream
from syncruns.engine.transform import spelled_key, typed_key
from syncruns.models import QuarantinedRecord

Parents = dict[tuple[str, UUID | None, Key], int]  # table, run and key -> id of the record
OPEN = QuarantinedRecord.State.OPEN


class Kinship:
    """The open children of parents among records of one stream, as the run that read the parent read them too."""

    def __init__(self, records: Iterable[QuarantinedRecord], stream: Stream) -> None:
        self._stream = stream
        self.parent_of: dict[int, int] = {}  # ids
        self.children: list[QuarantinedRecord] = []
        parents: Parents = {}
        for record in records:
            key = typed_key(stream.table(record.table), stream.table(record.table).key, record.record)
            if key is not None and self._child_tables(record.table):
                parents[record.table, record.run_id, key] = record.pk
        if parents:
            self._find(parents)

    def _child_tables(self, parent: str) -> list[str]:
        return [table.name for table in self._stream.tables if table.parent == parent]

    def _find(self, parents: Parents) -> None:
        connection_id = QuarantinedRecord.objects.values_list("connection", flat=True).get(
            pk=next(iter(parents.values()))
        )
        tables = {child for name, _run, _key in parents for child in self._child_tables(name)}
        runs = {run for _name, run, _key in parents if run is not None}
        for child in QuarantinedRecord.objects.filter(
            connection=connection_id, table__in=tables, run__in=runs, state=OPEN
        ):
            table = self._stream.table(child.table)
            key = typed_key(table, table.parent_key, child.record)
            parent = parents.get((table.parent or "", child.run_id, key)) if key is not None else None
            if parent is not None:
                self.parent_of[child.pk] = parent
                self.children.append(child)


def orphans(records: Iterable[QuarantinedRecord], stream: Stream) -> set[int]:
    """Return the ids of children whose parent waits for review itself, and is not among records."""
    records = list(records)
    present = {(record.table, record.record_key) for record in records}
    wanted: dict[tuple[str, str], set[int]] = {}
    for record in records:
        table = stream.table(record.table)
        key = typed_key(table, table.parent_key, record.record) if table.parent else None
        if key is not None and (table.parent, spelled_key(key)) not in present:
            wanted.setdefault((table.parent or "", spelled_key(key)), set()).add(record.pk)
    if not wanted:
        return set()
    waiting = QuarantinedRecord.objects.filter(
        connection=records[0].connection_id,
        table__in={table for table, _key in wanted},
        record_key__in=[key for _table, key in wanted],
        state=OPEN,
    ).values_list("table", "record_key")
    return {pk for parent in waiting for pk in wanted.get((parent[0], parent[1]), set())}
