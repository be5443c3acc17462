"""Streams that the last run found not to be offered by the source: each waits for a person to decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import prefetch_related_objects

from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.models import StreamRun, SyncRun

ENDS = (SyncRun.State.PARTIAL, SyncRun.State.FAILED)
TROUBLED = (StreamRun.State.UNAVAILABLE, StreamRun.State.FAILED, StreamRun.State.PARTIAL)


@dataclass(frozen=True)
class Decisions:
    """pending: streams that are not offered and still switched on. alone: nothing else kept the run from succeeding."""

    pending: tuple[StreamRun, ...] = ()
    alone: bool = False

    def __bool__(self) -> bool:
        return bool(self.pending)


NONE = Decisions()


def decisions_of(last_runs: Sequence[tuple[Connection, SyncRun]]) -> dict[int, Decisions]:
    """Return by connection's id what its last run leaves to decide, in two queries; those with nothing are absent."""
    concerned = [(connection, run) for connection, run in last_runs if run.state in ENDS]
    troubled: dict[object, list[StreamRun]] = defaultdict(list)
    for stream in StreamRun.objects.filter(run__in=[run for _connection, run in concerned], state__in=TROUBLED):
        troubled[stream.run_id].append(stream)
    found = {}
    concerned = [one for one in concerned if any(_is_unavailable(stream) for stream in troubled[one[1].pk])]
    prefetch_related_objects([connection for connection, _run in concerned], "stream_settings")
    for connection, run in concerned:
        enabled = enabled_streams(connection)
        missing = [stream for stream in troubled[run.pk] if _is_unavailable(stream)]
        pending = tuple(stream for stream in missing if stream.stream in enabled)
        found[connection.pk] = Decisions(pending, alone=len(missing) == len(troubled[run.pk]))
    return found


def enabled_streams(connection: Connection) -> set[str]:
    """Return the keys of the streams that are switched on; none when the settings cannot say."""
    try:
        return {selected.stream.key for selected in streams_of(connection) if selected.enabled}
    except SyncError:
        return set()


def _is_unavailable(stream: StreamRun) -> bool:
    return stream.state == StreamRun.State.UNAVAILABLE
