"""Empties what an earlier source left, under the claim of the first run of the new one, before that reads anything.

A little at a time; what says that it is to be done goes last, so a run that is killed in between is followed by one
that goes on with it.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from connections import audit
from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.errors import Interruption
from syncruns.chores import DOCUMENTS_BATCH, remove_batch
from syncruns.deletion import BATCH, rows_of
from syncruns.engine.claim import held
from syncruns.engine.context import Leash
from syncruns.engine.log import RunLog
from syncruns.engine.warehouse import warehouse
from syncruns.models import (
    Backfill,
    Change,
    Correction,
    DeleteBrake,
    Document,
    MissedRow,
    QuarantinedRecord,
    Reset,
    SyncRun,
)


def start_over(run: SyncRun, leash: Leash) -> None:
    """Empty what is stored if it is of a source that the settings name no more; what runs did stays told.

    Raises Interruption: what leash raises, worker_lost, source_changed.
    """
    connection = run.connection
    if not connection.starts_over or run.is_dry:
        return
    found = rows_of(connection)
    _empty_rows(run, leash)
    for rows, size in _kept_about(connection):
        while _remove(run, leash, rows, size):
            pass
    log = RunLog(run)
    with held(run):
        connection.checkpoints.update(state=None, declared={}, committed_at=None)
        run.streams.all().delete()  # what it read before it was handed back is gone as well
        begun = Connection.objects.filter(pk=connection.pk, source_number=connection.source_number)
        if not begun.update(starts_over=False, first_loaded_at=None, emptied_at=timezone.now()):
            raise Interruption("source_changed")
        if found:
            told: dict[str, Any] = {"rows": sum(found.values()), "tables": len(found)}
            audit.record("connection.emptied", target=connection, run=str(run.pk), **told)
            log.add("info", "started_over", **told)
    connection.refresh_from_db()
    log.close()


def _empty_rows(run: SyncRun, leash: Leash) -> None:
    connection, destination = run.connection, warehouse()
    schema = connector_class(connection.kind).schema
    with held(run):
        warehouse(beside=connection.pk).drop_beside(schema)
    for name in rows_of(connection):
        gone = BATCH
        while gone == BATCH:
            leash.check()
            with held(run):
                gone = destination.drop_rows(schema, name, connection.pk, BATCH)


def _kept_about(connection: Connection) -> list[tuple[QuerySet, int]]:
    """Return what is kept beside rows and tells of them, and how much of it goes at a time; 0: as much as usual."""
    of_connection = (Reset, MissedRow, DeleteBrake, QuarantinedRecord, Correction, Backfill)
    return [
        *((model.objects.filter(connection=connection), 0) for model in of_connection),
        (Change.objects.filter(run__connection=connection), 0),
        (Document.objects.filter(connection=connection), DOCUMENTS_BATCH),
    ]


def _remove(run: SyncRun, leash: Leash, rows: QuerySet, size: int) -> bool:
    leash.check()
    with held(run):
        return remove_batch(rows, size)
