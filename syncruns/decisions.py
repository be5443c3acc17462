"""Deletions that wait for a person: what would go, what is decided, and its carrying out when no run writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connections import audit
from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.declare import Column, Stream, Table
from connections.sdk.errors import SyncError
from connections.services import User, streams_of
from syncruns.dispatch import ring
from syncruns.engine.changes import ChangeRecorder
from syncruns.engine.evolution import prepared
from syncruns.engine.sweep import BATCH
from syncruns.engine.warehouse import Warehouse, warehouse
from syncruns.engine.warehouse.scratch import stored_key
from syncruns.models import DeleteBrake, MissedRow, SyncRun
from syncruns.services import active_run
from syncruns.stopping import is_stopping

State = MissedRow.State
ACTIONS = {State.APPROVED: "deletions.approved", State.KEPT: "deletions.kept"}
COLUMNS_SHOWN = 4  # beside the key


@dataclass(frozen=True)
class HeldRow:
    """One row that would go, with what the destination holds of it; no values when it is gone meanwhile."""

    pk: int
    values: tuple[Any, ...]
    missed_at: datetime


def held(brake: DeleteBrake) -> QuerySet[MissedRow]:
    """Return the rows that the brake holds, in a steady order."""
    of_table = MissedRow.objects.filter(connection_id=brake.connection_id, table=brake.table, state=State.HELD)
    return of_table.order_by("pk")


def shown_columns(brake: DeleteBrake) -> tuple[Column, ...]:
    """Return the columns by which a person knows a row: the key and a few more; none when it is declared no more."""
    found = _declared(brake.connection, brake.stream, brake.table)
    if found is None:
        return ()
    table = found[1]
    others = [column for column in table.columns if column.name not in table.key and column.type != "json"]
    return (*(table.column(name) for name in table.key), *others[:COLUMNS_SHOWN])


def rows_shown(brake: DeleteBrake, rows: Sequence[MissedRow]) -> list[HeldRow]:
    """Return held rows with their values of shown_columns, in two queries."""
    found = _declared(brake.connection, brake.stream, brake.table)
    values: dict[int, tuple[Any, ...]] = {}
    if found is not None:
        names = [column.name for column in shown_columns(brake)]
        schema = connector_class(brake.connection.kind).schema
        keys = [stored_key(row.key) for row in rows]
        values = warehouse().pick(schema, found[1], keys, names, connection_id=brake.connection_id)
    return [HeldRow(row.pk, values.get(place, ()), row.missed_at) for place, row in enumerate(rows)]


def decide(
    brake: DeleteBrake,
    state: str,
    *,
    chosen: Sequence[int] | None = None,
    as_of: datetime | None = None,
    user: User = None,
    actor: str = "",
) -> int:
    """Approve the deletion of held rows, or keep them (State.APPROVED or KEPT); return how many.

    chosen: only those of these pks. as_of: only those held by then, so that nobody decides on rows he has not seen.
    Kept rows are proposed no more until they are met or change. Approved ones go as soon as no run writes.
    """
    rows = held(brake)
    if chosen is not None:
        rows = rows.filter(pk__in=chosen)
    if as_of is not None:
        rows = rows.filter(held_at__lte=as_of)
    count, decided = rows.count(), 0
    while pks := list(rows.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            if not decided:
                audit.record(
                    ACTIONS[State(state)], user=user, actor=actor, target=brake.connection, table=brake.table,
                    count=count,
                )  # fmt: skip
            decided += MissedRow.objects.filter(pk__in=pks, state=State.HELD).update(state=state)
    DeleteBrake.refresh(brake.connection_id, brake.table)
    if decided and state == State.APPROVED:
        ring()
    return decided


def carry_out() -> int:
    """Mark deleted what was approved, of every connection that no run writes for; return how many rows."""
    approved = MissedRow.objects.filter(state=State.APPROVED)
    if not approved.exists():  # asked before every run
        return 0
    return sum(map(carry_out_of, Connection.objects.filter(pk__in=approved.values("connection"))))


def carry_out_of(connection: Connection) -> int:
    """Mark the connection's approved rows deleted, children with them; return how many. Stops where a run begins."""
    approved = MissedRow.objects.filter(connection=connection, state=State.APPROVED)
    deleted = 0
    for stream, table in list(approved.order_by().values_list("stream", "table").distinct()):
        found = _declared(connection, stream, table)
        if found is None:  # nobody can tell any more what these rows are
            approved.filter(stream=stream, table=table).delete()
            continue
        destination, schema = warehouse(), connector_class(connection.kind).schema
        prepared(destination, connection, schema, found[0])
        rows = approved.filter(stream=stream, table=table)
        while (batch := _carry_out_batch(connection, rows, *found, schema, destination)) is not None:
            deleted += batch
            if is_stopping():
                break
    if deleted:
        Connection.objects.filter(pk=connection.pk).update(updated_at=timezone.now())  # counts of rows are kept by it
    return deleted


@transaction.atomic
def _carry_out_batch(
    connection: Connection,
    approved: QuerySet[MissedRow],
    stream: Stream,
    table: Table,
    schema: str,
    destination: Warehouse,
) -> int | None:
    """Mark one batch; None: nothing is left, or a run is in the way. No run can begin while the row is locked."""
    locked = Connection.objects.select_for_update().filter(pk=connection.pk).first()
    if locked is None or active_run(locked) is not None:
        return None
    rows = list(approved.order_by("pk")[:BATCH])
    if not rows:
        return None
    run = SyncRun.objects.filter(pk=rows[0].run_id).first()
    destination.recorder = ChangeRecorder(run, stream.key) if run is not None else None
    deleted = destination.delete_missed(
        schema, table, [(stored_key(row.key), row.version) for row in rows], stream.tables,
        connection_id=connection.pk, run_id=str(rows[0].run_id), now=timezone.now(),
    )  # fmt: skip
    MissedRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return deleted


def _declared(connection: Connection, stream: str, table: str) -> tuple[Stream, Table] | None:
    """Return the declarations of a stream and its table; None when the settings declare them no more."""
    try:
        found = next((one.stream for one in streams_of(connection) if one.stream.key == stream), None)
    except SyncError:
        return None
    tables = {each.name: each for each in found.tables} if found is not None else {}
    return (found, tables[table]) if found is not None and table in tables else None
