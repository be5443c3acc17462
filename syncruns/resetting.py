"""What a reset of a stream would do, in numbers, before a person orders it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connections.connectors import connector_class
from connections.destination import table_name
from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.services import SelectedStream, streams_of
from syncruns.engine.steps import is_step
from syncruns.engine.warehouse import warehouse
from syncruns.models import StreamRun

JUDGED_BY = 50  # newest reads of the stream
LEAST_READ = 20  # records: fewer tell nothing of the speed


@dataclass(frozen=True)
class ResetPreview:
    """tables: name and live rows of each. time: how long the read should take; None when nothing tells."""

    stream: SelectedStream
    tables: tuple[tuple[str, int], ...]
    time: timedelta | None

    @property
    def rows(self) -> int:
        return sum(rows for _name, rows in self.tables)


def reset_preview(connection: Connection, stream: str) -> ResetPreview:
    """Return what a reset of the stream would meet. Raises SyncError: not_found, config_invalid."""
    chosen = next((one for one in streams_of(connection) if one.stream.key == stream and not is_step(one)), None)
    if chosen is None:
        raise SyncError("not_found", stream=stream)
    schema = connector_class(connection.kind).schema
    counts = [(table, warehouse().count(schema, table, connection.pk)) for table in chosen.stream.tables]
    tables = tuple((table_name(schema, table.name), rows) for table, rows in counts)
    return ResetPreview(chosen, tables, _time(connection, stream, sum(rows for _table, rows in counts)))


def _time(connection: Connection, stream: str, rows: int) -> timedelta | None:
    """Judge by the speed of the largest of the last reads."""
    of_stream = StreamRun.objects.filter(StreamRun.READS, run__connection=connection, stream=stream)
    newest = of_stream.filter(state=StreamRun.State.SUCCEEDED, read__gte=LEAST_READ).order_by("-pk")[:JUDGED_BY]
    largest = max(newest, key=lambda run: run.read, default=None)
    if largest is None or largest.duration is None:
        return None
    return largest.duration * (max(rows, largest.read) / largest.read)
