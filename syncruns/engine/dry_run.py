"""What a sync would change: reads and compares like a real one, and writes nothing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from connections.models import Connection
from connections.sdk.declare import Stream
from connections.sdk.errors import UNAVAILABLE, Interruption, SyncError
from connections.services import SelectedStream, open_connector
from syncruns.engine.asked import read_options
from syncruns.engine.context import Leash, Log
from syncruns.engine.decisions import corrections_of, typed_pages
from syncruns.engine.load import load_page
from syncruns.engine.reader import read_ahead
from syncruns.engine.steps import is_step, pages_of
from syncruns.engine.sweep import Comparison, Sweeps
from syncruns.engine.sync import plan
from syncruns.engine.transform import Typed
from syncruns.engine.warehouse import Warehouse, warehouse
from syncruns.engine.warehouse.target import Recorder
from syncruns.models import Checkpoint, MissedRow, StreamRun

Noting = Callable[[StreamRun], Recorder | None]  # who is told of each row that a stream would write


class _Free:
    """Neither lease nor log: a dry run is nobody's but its caller's, and can be broken off at will."""

    def check(self) -> None:
        return None

    look = check

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def expect(self, seconds: float) -> None:
        return None

    def add(self, level: str, event: str, stream: str = "", /, **params: Any) -> None:
        return None


def dry_run(
    connection: Connection,
    *,
    streams: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[list[StreamRun]], None] = lambda rows: None,
    leash: Leash | None = None,
    log: Log | None = None,
    noting: Noting = lambda row: None,
) -> list[StreamRun]:
    """Read the connection's streams (or these) once and return what would change; nothing is written.

    The answer is StreamRun rows that are not saved; a record met on two pages counts on both. Deletions that a sweep
    would hold for a person are not counted; the stream then carries the error delete_brake. options:
    window_minutes, since, as a run has them. A stream that fails carries its error, the next goes on. A step is done
    only when it is named, on the rows that are stored now. Raises SyncError for settings that cannot run.
    """
    rows: list[StreamRun] = []
    free = _Free()
    for choice, _due in plan(connection, streams, all_due=True, with_steps=False):
        kind = StreamRun.Kind.STEP if is_step(choice) else StreamRun.Kind.STREAM
        stream = choice.stream
        row = StreamRun(stream=stream.key, kind=kind, label=stream.label, attempt=1, started_at=timezone.now())
        rows.append(row)
        try:
            _read(
                connection, choice, options or {}, row, lambda: progress(rows), leash or free, log or free, noting(row)
            )
        except Interruption:
            raise
        except SyncError as error:
            row.state = StreamRun.State.UNAVAILABLE if error.code == UNAVAILABLE else StreamRun.State.FAILED
            row.error_code, row.error_params = error.code, error.params
        else:
            if row.error_code:
                row.state = StreamRun.State.PARTIAL
            elif row.state == StreamRun.State.RUNNING:
                row.state = StreamRun.State.SUCCEEDED
        row.finished_at = timezone.now()
        progress(rows)
    return rows


def _read(
    connection: Connection,
    choice: SelectedStream,
    options: Mapping[str, Any],
    row: StreamRun,
    progress: Callable[[], None],
    leash: Leash,
    log: Log,
    recorder: Recorder | None,
) -> None:
    row.state = StreamRun.State.RUNNING
    stream = choice.stream
    stored = _stored_for(connection)
    checkpoint = Checkpoint.objects.filter(connection=stored, stream=stream.key).first()
    state = checkpoint.state if checkpoint is not None else None
    connector = open_connector(connection)
    read = partial(
        pages_of, connection, connector, stream, state,
        leash=leash, log=log, options=read_options(choice, options, state), stored=stored,
    )  # fmt: skip
    corrections = corrections_of(stored, stream)
    destination = warehouse()
    destination.is_dry, destination.recorder = True, recorder
    sweeps = Sweeps(stream, connector.schema, warehouse(), stored, log)
    try:
        with read_ahead(read, stream, leash.look) as groups:
            for group in groups:
                leash.check()
                for page in group:
                    row.expected = page.expected if page.expected is not None else row.expected
                    (typed,) = typed_pages([page], stream, stored, corrections)
                    sweeps.note([(page, typed)])
                    _compare(stored, stream, connector.schema, typed, row, destination)
                    if page.sweep is not None and page.sweep.complete:
                        found = sweeps.complete(page.sweep)
                        _settle(stored, stream, connector.schema, found, row, destination)
                progress()
    except SyncError:
        sweeps.close()
        raise
    sweeps.close()


def _stored_for(connection: Connection) -> int:
    """Return whose rows a sync would meet: the connection's own, or nobody's if it would first start over."""
    return 0 if connection.starts_over else connection.pk


def _compare(stored: int, stream: Stream, schema: str, typed: Typed, row: StreamRun, destination: Warehouse) -> None:
    with transaction.atomic():
        destination.prepare(schema, stream.tables)  # a table or key that a first run would make is undone again
        counts = load_page(
            typed, stream, schema, destination, connection_id=stored, run_id=str(uuid.uuid4())
        )  # fmt: skip
        transaction.set_rollback(True)
    if typed.rejects:
        row.state = StreamRun.State.PARTIAL
    for name, value in counts.items():
        setattr(row, name, getattr(row, name) + value)


def _settle(
    stored: int,
    stream: Stream,
    schema: str,
    found: Comparison | None,
    row: StreamRun,
    destination: Warehouse,
) -> None:
    """Count what a complete sweep would mark deleted, or carry the error that would keep it from doing so."""
    if found is None:
        return
    states = [MissedRow.State.APPROVED, *MissedRow.UNDECIDED]
    again = found.again()
    if total := found.stops(again):
        row.error_code = "delete_brake"
        row.error_params = {"missing": again, "total": total, "table": found.table.name}
        states = states[:1]
    last = 0
    while rows := found.known(states, last):
        last = rows[-1].place
        with transaction.atomic():
            destination.prepare(schema, stream.tables)
            row.deleted += destination.delete_missed(
                schema, found.table, [one.row for one in rows], stream.tables,
                connection_id=stored, run_id=str(uuid.uuid4()), now=timezone.now(),
            )  # fmt: skip
            transaction.set_rollback(True)
