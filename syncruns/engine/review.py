"""Loads what people reviewed: one short transaction, which is a run of its own and never overlaps another."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.declare import Page, Step, Stream
from syncruns.engine.changes import ChangeRecorder
from syncruns.engine.evolution import prepared
from syncruns.engine.load import StreamLoad
from syncruns.engine.log import RunLog
from syncruns.engine.warehouse import warehouse
from syncruns.models import Checkpoint, StreamRun, SyncRun


class Busy(Exception):
    """A run of the connection is queued or running, so nobody else may write."""


def load_reviewed(
    connection: Connection,
    stream: Stream,
    *,
    user: User | None,
    settle: Callable[[SyncRun], Sequence[Page]],
    event: str = "records_reviewed",
) -> SyncRun:
    """Load the pages that settle(run) gives as a sync would, in its transaction; return the run, which has ended.

    settle may count on what it reads: nobody else writes meanwhile. The checkpoint stays where it is, but is taken: a
    worker that was thought lost can write no more. event: what the run's log says, with a count. Raises Busy;
    SyncError when the tables cannot be prepared; what settle raises and database errors pass, and undo everything.
    """
    schema = connector_class(connection.kind).schema
    destination = warehouse()
    prepared(destination, connection, schema, stream)
    with transaction.atomic():
        run, row = _begin(connection, stream, user)
        checkpoint = Checkpoint.taken(run, stream.key)
        destination.recorder = ChangeRecorder(run, stream.key)
        log = RunLog(run)
        pages = settle(run)
        load = StreamLoad(
            run, row, stream, schema, checkpoint, destination, log, moves_checkpoint=False, brakes=False
        )  # fmt: skip
        load.load(pages)
        StreamRun.objects.filter(pk=row.pk).update(state=StreamRun.State.SUCCEEDED, finished_at=timezone.now())
        loaded = sum(len(rows) for page in pages for rows in page.rows.values())
        log.add("done", event, stream.key, count=loaded)
        log.flush()
        run.finish(SyncRun.State.SUCCEEDED)
    return run


def _begin(connection: Connection, stream: Stream, user: User | None) -> tuple[SyncRun, StreamRun]:
    """Create the run, already claimed: until the transaction ends, nobody else can make one active."""
    Connection.objects.select_for_update().get(pk=connection.pk)
    now = timezone.now()
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                connection=connection,
                trigger=SyncRun.Trigger.REVIEW,
                requested_by=user,
                options={"streams": [stream.key]},
                state=SyncRun.State.RUNNING,
                queued_at=now,
                started_at=now,
                token=uuid.uuid4(),
                fence=1,
                lease_until=now + timedelta(seconds=settings.LEASE_SECONDS),
            )
    except IntegrityError:
        raise Busy from None
    row = StreamRun.objects.create(
        run=run,
        stream=stream.key,
        label=stream.label,
        state=StreamRun.State.RUNNING,
        attempt=1,
        started_at=now,
        kind=StreamRun.Kind.STEP if isinstance(stream, Step) else StreamRun.Kind.STREAM,
    )
    return run, row
