"""Makes tables hold what a stream declares, and tells what changed in the run's log and on the connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction

from connections import audit
from connections.destination import table_name
from connections.models import Connection
from connections.sdk.declare import Stream, Table
from connections.sdk.errors import Interruption
from syncruns.engine.log import RunLog
from syncruns.engine.warehouse import Evolution, Warehouse
from syncruns.engine.warehouse.shape import spell
from syncruns.models import Checkpoint, SyncRun

Declared = Mapping[str, Mapping[str, str]]  # table -> column -> type, in words


def prepared(destination: Warehouse, connection: Connection, schema: str, stream: Stream) -> list[Evolution]:
    """Prepare the stream's tables and keep on the connection what became of them. Raises what Tables.prepare raises."""
    return destination.prepare(schema, stream.tables, lambda changes: _keep(connection, schema, changes))


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
        declared = {table.name: spelled(table) for table in self._stream.tables}
        gone = list(undeclared(checkpoint.declared, declared))

        def note() -> bool:
            if not checkpoint.own(self._run):
                return False
            checkpoint.declared = declared
            checkpoint.save(update_fields=["declared"])
            _keep(self._run.connection, self._schema, gone)
            return True

        def keep(changes: list[Evolution]) -> None:
            _keep(self._run.connection, self._schema, changes)
            note()  # tables that took long to be altered stay so, whoever runs by then

        self._log_all(destination.prepare(self._schema, self._stream.tables, keep))
        if declared != checkpoint.declared:
            with transaction.atomic():
                if not note():
                    raise Interruption("worker_lost")
        self._log_all(gone)

    def _log_all(self, changes: Sequence[Evolution]) -> None:
        for change in changes:
            self._log.add("info", f"schema.{change.action}", self._stream.key, **_params(self._schema, change))


def undeclared(before: Declared, after: Declared) -> Iterator[Evolution]:
    """Yield what was declared and is no more: whole tables, and columns of those that still are."""
    for table, columns in before.items():
        if table not in after:
            yield Evolution(table, "undeclared")
            continue
        for column, type_name in columns.items():
            if column not in after[table]:
                yield Evolution(table, "column_undeclared", column, before=type_name)


def _keep(connection: Connection, schema: str, changes: Sequence[Evolution]) -> None:
    for change in changes:
        if change.action != "created":  # a first load says nothing new of the connection
            audit.record(f"schema.{change.action}", target=connection, **_params(schema, change))


def _params(schema: str, change: Evolution) -> dict[str, Any]:
    return {"table": table_name(schema, change.table), **change.params()}


def spelled(table: Table) -> dict[str, str]:
    """Return the types of a table's columns, in words of the declaration."""
    return {column.name: spell(column) for column in table.columns}
