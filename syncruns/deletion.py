"""Deletes connections: cancels what runs, then a worker removes rows in batches and the connection last."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import transaction

from connections import audit
from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.services import User
from syncruns.chores import DOCUMENTS_BATCH, remove_batch
from syncruns.dispatch import ring
from syncruns.engine.warehouse import warehouse
from syncruns.models import Correction, Document, QuarantinedRecord, StreamRun, SyncLog, SyncRun
from syncruns.services import cancel_run
from syncruns.stored import Stored, tables_of

BATCH = 2000  # rows of one transaction: on SQLite others wait for it


def rows_of(connection: Connection) -> dict[str, int]:
    """Return table name -> rows that the connection holds, those marked deleted too; tables without rows left out."""
    return warehouse().holdings(connector_class(connection.kind).schema, connection.pk)


def delete_connection(connection: Connection, *, keep_data: bool, user: User = None, actor: str = "") -> None:
    """Take the connection out of service now and let a worker remove it; its runs go with it, the audit stays."""
    rows = 0 if keep_data else Stored.of(connection).rows  # while nobody waits for us
    with transaction.atomic():
        _take_out_of_service(connection, rows, keep_data=keep_data, user=user, actor=actor)


def _take_out_of_service(connection: Connection, rows: int, *, keep_data: bool, **by: Any) -> None:
    connection = Connection.objects.select_for_update().get(pk=connection.pk)
    if connection.deletion:
        return
    connection.deletion = Connection.Deletion.KEEP_DATA if keep_data else Connection.Deletion.DROP_DATA
    connection.status = Connection.Status.INACTIVE
    connection.auto_sync = False
    connection.plan()
    connection.save()
    audit.record("connection.deleted", target=connection, rows=rows, **by)
    for run in connection.runs.filter(state__in=SyncRun.ACTIVE):
        cancel_run(run, **by)
    transaction.on_commit(ring)


def finish_deletions() -> int:
    """Remove every connection that waits for it and runs no more; returns how many are gone."""
    gone = 0
    for connection in Connection.objects.exclude(deletion=""):
        if connection.runs.filter(state__in=SyncRun.ACTIVE).exists():
            continue  # its worker sees the cancel at its next page
        _drop_unfinished(connection)
        if connection.deletion == Connection.Deletion.DROP_DATA:
            drop_rows(connection)
            while remove_batch(Document.objects.filter(connection=connection), DOCUMENTS_BATCH):
                pass
        _let_go_of_documents(connection)
        _remove_history(connection)
        connection.delete()
        gone += 1
    return gone


def _let_go_of_documents(connection: Connection) -> None:
    """Leave kept documents to the rows that name them, a few at a time: on SQLite each is written anew."""
    documents = Document.objects.filter(connection=connection)
    while keys := list(documents.values_list("pk", flat=True)[:DOCUMENTS_BATCH]):
        Document.objects.filter(pk__in=keys).update(connection=None)


def _remove_history(connection: Connection) -> None:
    """Remove what may be many rows a little at a time, so that the connection itself goes in a short transaction."""
    for rows in (
        SyncLog.objects.filter(run__connection=connection),
        QuarantinedRecord.objects.filter(connection=connection),
        Correction.objects.filter(connection=connection),
        StreamRun.objects.filter(run__connection=connection),
        connection.runs.all(),
    ):
        while remove_batch(rows):
            pass


def _drop_unfinished(connection: Connection) -> None:
    """Drop what an interrupted reset has read."""
    with suppress(SyncError):  # a kind this version no longer has
        warehouse(beside=connection.pk).drop_beside(connector_class(connection.kind).schema)


def drop_rows(connection: Connection) -> None:
    """Remove every row that the connection loaded, a little at a time."""
    destination = warehouse()
    for schema, name in tables_of(connection, destination):
        while destination.drop_rows(schema, name, connection.pk, BATCH) == BATCH:
            pass
