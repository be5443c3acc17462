"""What a reset of a stream would do, in numbers, before a person orders it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.services import SelectedStream, streams_of
from syncruns.engine.steps import is_step
from syncruns.models import StreamRun
from syncruns.stored import Stored

JUDGED_BY = 50  # newest reads of the stream
LEAST_READ = 20  # records: fewer tell nothing of the speed


@dataclass(frozen=True)
class ResetPreview:
    """stored: live rows of each table. time: how long the read should take; None when nothing tells."""

    stream: SelectedStream
    stored: Stored
    time: timedelta | None

    @property
    def rows(self) -> int:
        return self.stored.rows

    @property
    def is_instant(self) -> bool:
        return self.time is not None and self.time < timedelta(seconds=1)

    @property
    def tables(self) -> list[tuple[str, str]]:
        """Each table with its rows in words."""
        return [(name, self.stored.told(rows)) for name, rows in self.stored.by_table.items()]


def reset_preview(connection: Connection, stream: str) -> ResetPreview:
    """Return what a reset of the stream would meet. Raises SyncError: not_found, config_invalid."""
    chosen = next((one for one in streams_of(connection) if one.stream.key == stream and not is_step(one)), None)
    if chosen is None:
        raise SyncError("not_found", stream=stream)
    stored = Stored.live(connection, chosen.stream.tables)
    return ResetPreview(chosen, stored, _time(connection, stream, stored.rows))


def _time(connection: Connection, stream: str, rows: int) -> timedelta | None:
    """Judge by the speed of the largest of the last reads."""
    of_stream = StreamRun.objects.filter(StreamRun.READS, run__connection=connection, stream=stream)
    newest = of_stream.filter(state=StreamRun.State.SUCCEEDED, read__gte=LEAST_READ).order_by("-pk")[:JUDGED_BY]
    largest = max(newest, key=lambda run: run.read, default=None)
    if largest is None or largest.duration is None:
        return None
    return largest.duration * (max(rows, largest.read) / largest.read)
