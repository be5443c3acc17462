"""A connection's streams as its page shows them: state, freshness, stored rows, window, checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from connections.connectors import connector_class
from connections.destination import table_name
from connections.explanation import day_words
from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.declare import Step
from connections.sdk.errors import SyncError
from connections.services import SelectedStream, streams_of
from syncruns import timewords
from syncruns.engine.warehouse import warehouse
from syncruns.listing import Row
from syncruns.models import Checkpoint, StreamRun, SyncRun

FIRST_RUN_SECONDS = 10


@dataclass(frozen=True)
class StoredRows:
    """Rows in the destination tables: all of them, and by stream."""

    total: int
    tables: int
    by_stream: dict[str, int]


@dataclass(frozen=True)
class StreamShown:
    """One line of the streams table."""

    key: str
    label: str
    tables: tuple[tuple[str, str], ...]  # name in the database, address of its rows
    enabled: bool
    run: StreamRun | None
    read_at: datetime | None
    as_of: datetime | None
    rows: int
    window: str
    window_minutes: int | None
    every_minutes: int | None
    rhythm: tuple[str, ...]  # how often it is read, where that is not simply at each sync
    checkpoint: str
    can_begin_at: bool
    first_since: str  # the day, while its first read from there is still to be made or ended
    needs: tuple[str, ...] = ()  # of a step: the labels of what it works on


@dataclass(frozen=True)
class StreamsShown:
    """error: why the settings declare no streams."""

    streams: tuple[StreamShown, ...] = ()
    steps: tuple[StreamShown, ...] = ()
    error: SyncError | None = None

    @property
    def beginning(self) -> list[StreamShown]:
        """Those that can be read since a moment."""
        return [stream for stream in self.streams if stream.can_begin_at]


def stored_rows(connection: Connection, last_run: SyncRun | None) -> StoredRows | None:
    """Count the live rows of a connection; None when its settings do not say which tables it has.

    Kept until another run ends, because counting a large table takes long; while the first one runs, for moments.
    """
    key = f"stored-rows:{connection.pk}:{last_run.pk if last_run else ''}:{connection.updated_at.timestamp()}"
    return cache.get_or_set(key, lambda: _count(connection), timeout=3600 if last_run else FIRST_RUN_SECONDS)


def _count(connection: Connection) -> StoredRows | None:
    try:
        connector, selected = connector_class(connection.kind), streams_of(connection)
    except SyncError:
        return None
    counts = {
        (one.stream.key, table.name): warehouse().count(connector.schema, table, connection.pk)
        for one in selected
        for table in one.stream.tables
    }
    by_stream = {one.stream.key: counts[one.stream.key, one.stream.tables[0].name] for one in selected}
    return StoredRows(sum(counts.values()), len(counts), by_stream)


def streams_shown(connection: Connection, row: Row, now: datetime) -> StreamsShown:
    """Return the streams with what their newest runs and checkpoints say."""
    try:
        connector, selected = connector_class(connection.kind), streams_of(connection)
    except SyncError as error:
        return StreamsShown(error=error)
    newest = (
        StreamRun.objects.filter(StreamRun.READS, run__connection=connection)
        .values("stream")
        .annotate(newest=Max("pk"))
    )
    runs = {run.stream: run for run in StreamRun.objects.filter(pk__in=[group["newest"] for group in newest])}
    checkpoints = {point.stream: point for point in Checkpoint.objects.filter(connection=connection)}
    stored = stored_rows(connection, row.last_run)
    shown = [
        _shown(
            connector, one, runs.get(one.stream.key), checkpoints.get(one.stream.key), stored, now, connection.config
        )
        for one in selected
    ]
    labels = {one.key: one.label for one in shown}
    streams, steps = [], []
    for one, line in zip(selected, shown, strict=True):
        if isinstance(one.stream, Step):
            steps.append(replace(line, needs=tuple(labels[key] for key in one.stream.needs)))
        else:
            streams.append(line)
    return StreamsShown(tuple(streams), tuple(steps))


def _shown(
    connector: type[Connector],
    selected: SelectedStream,
    run: StreamRun | None,
    checkpoint: Checkpoint | None,
    stored: StoredRows | None,
    now: datetime,
    config: Mapping[str, Any],
) -> StreamShown:
    stream = selected.stream
    as_of = _as_of(connector, selected, checkpoint)
    read_at = checkpoint.committed_at if checkpoint else None
    return StreamShown(
        key=stream.key,
        label=_(stream.label),
        tables=tuple(
            (table_name(connector.schema, table.name), reverse("data_table", args=[connector.schema, table.name]))
            for table in stream.tables
        ),
        enabled=selected.enabled,
        run=run,
        read_at=read_at,
        as_of=as_of or read_at,
        rows=stored.by_stream.get(stream.key, 0) if stored else 0,
        window=_window(selected),
        window_minutes=selected.window_minutes,
        every_minutes=selected.every_minutes,
        rhythm=tuple(_rhythm(connector, selected, config)),
        checkpoint=_checkpoint_words(selected, as_of, read_at, now),
        can_begin_at=stream.can_begin_at,
        first_since=day_words(timezone.localtime(selected.first_since)) if selected.first_since else "",
    )


def _as_of(connector: type[Connector], selected: SelectedStream, checkpoint: Checkpoint | None) -> datetime | None:
    if checkpoint is None or checkpoint.state is None:
        return None
    return connector.as_of(selected.stream, checkpoint.state)


def _window(selected: SelectedStream) -> str:
    if selected.window_minutes:
        return _("The last %(span)s") % {"span": timewords.duration(timedelta(minutes=selected.window_minutes))}
    if selected.stream.changed_since:
        return _("Changed since the last read")
    return _("Read in full")


def _rhythm(connector: type[Connector], selected: SelectedStream, config: Mapping[str, Any]) -> Iterator[str]:
    if selected.every_minutes:
        yield _("at most every %(span)s") % {"span": timewords.duration(timedelta(minutes=selected.every_minutes))}
    told = connector.rhythm(selected.stream, config)
    if told is not None:
        text, params = told
        yield _(text) % params


def _checkpoint_words(selected: SelectedStream, as_of: datetime | None, read_at: datetime | None, now: datetime) -> str:
    if as_of is not None:
        return _("changes up to %(time)s") % {"time": timewords.clock(as_of, now)}
    if read_at is None:
        return _("never read")
    if selected.stream.changed_since:
        return _("goes on from where it stopped")
    return _("read again in full each time")


@dataclass(frozen=True)
class Moved:
    """A stream's checkpoint around a run, in words."""

    label: str
    before: str
    after: str


def checkpoints_of(connection: Connection, runs: Sequence[StreamRun]) -> list[Moved]:
    """Return the checkpoints of a run's streams, those that the connector can put into words."""
    try:
        connector = connector_class(connection.kind)
        streams = {one.stream.key: one.stream for one in streams_of(connection)}
    except SyncError:
        return []
    now = timezone.now()

    def words(run: StreamRun, state: dict[str, Any] | None) -> str:
        at = connector.as_of(streams[run.stream], state) if state else None
        return _("up to %(time)s") % {"time": timewords.clock(at, now)} if at else "—"

    moved = [
        Moved(
            _(run.label), words(run, run.checkpoint_before), words(run, run.checkpoint_after or run.checkpoint_before)
        )
        for run in runs
        if run.stream in streams
    ]
    return [one for one in moved if (one.before, one.after) != ("—", "—")]
