"""Makes tables hold what a stream declares, and tells what changed in the run's log and on the connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction

from connections import audit
from connections.destination import table_name
from connections.sdk.declare import Stream, Table
from connections.sdk.errors import Interruption
from syncruns.engine.log import RunLog
from syncruns.engine.warehouse import Evolution, Warehouse
from syncruns.engine.warehouse.shape import spell
from syncruns.models import Checkpoint, SyncRun

Declared = Mapping[str, Mapping[str, str]]  # table -> column -> type, in words


class Evolutions:
    """What becomes of the tables of one stream, told as it happens."""

    def __init__(self, run: SyncRun, stream: Stream, schema: str, log: RunLog) -> None:
        self._run = run
        self._stream = stream
        self._schema = schema
        self._log = log

    def prepare(self, destination: Warehouse, checkpoint: Checkpoint) -> None:
        """Prepare the stream's tables; nothing is ever dropped, but what is declared no more is told once.

        Raises what Tables.prepare raises, and Interruption("worker_lost").
        """
        self._log_all(destination.prepare(self._schema, self._stream.tables, self._keep))
        declared = {table.name: _spelled(table) for table in self._stream.tables}
        if declared == checkpoint.declared:
            return
        gone = list(undeclared(checkpoint.declared, declared))
        with transaction.atomic():
            if not checkpoint.own(self._run):
                raise Interruption("worker_lost")
            checkpoint.declared = declared
            checkpoint.save(update_fields=["declared"])
            self._keep(gone)
        self._log_all(gone)

    def _keep(self, changes: Sequence[Evolution]) -> None:
        """Keep on the connection what happened to its tables, in the transaction that does it."""
        for change in changes:
            if change.action != "created":  # a first load says nothing new of the connection
                audit.record(f"schema.{change.action}", target=self._run.connection, **self._params(change))

    def _log_all(self, changes: Sequence[Evolution]) -> None:
        for change in changes:
            self._log.add("info", f"schema.{change.action}", self._stream.key, **self._params(change))

    def _params(self, change: Evolution) -> dict[str, Any]:
        return {"table": table_name(self._schema, change.table), **change.params()}


def undeclared(before: Declared, after: Declared) -> Iterator[Evolution]:
    """Yield what was declared and is no more: whole tables, and columns of those that still are."""
    for table, columns in before.items():
        if table not in after:
            yield Evolution(table, "undeclared")
            continue
        for column, type_name in columns.items():
            if column not in after[table]:
                yield Evolution(table, "column_undeclared", column, before=type_name)


def _spelled(table: Table) -> dict[str, str]:
    return {column.name: spell(column) for column in table.columns}
