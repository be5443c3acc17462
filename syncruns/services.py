"""What people ask of runs: sync now, cancel, retry, delete a connection with or without its data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User as Account
from django.db import IntegrityError, transaction
from django.utils import timezone

from connections import audit, switches
from connections.models import Connection, StreamSetting
from connections.sdk.errors import SyncError
from connections.services import SelectedStream, User, streams_of
from syncruns.dispatch import ring
from syncruns.engine import journal
from syncruns.engine.steps import is_step
from syncruns.models import Backfill, StreamRun, SyncRun
from syncruns.pausing import shorten
from syncruns.webhooks import events as webhooks

BY_A_PERSON = 10  # priority over scheduled runs


def request_sync(
    connection: Connection,
    *,
    trigger: str = SyncRun.Trigger.MANUAL,
    user: User = None,
    actor: str = "",
    streams: Sequence[str] | None = None,
    window_minutes: int | None = None,
    since: datetime | None = None,
    dry: bool = False,
    call_worker: bool = True,
) -> tuple[SyncRun, bool]:
    """Queue a run, or return the active one with False: two clicks are one run.

    streams: only these, even if switched off; since (aware) and window_minutes read once from there, without moving
    the checkpoint, except that a stream never read begins at since and goes on from there. Raises SyncError:
    not_found for an unknown stream, config_invalid for settings that cannot run, kind_off for a kind switched off.
    dry: the run only tells what it would change.
    """
    switches.check(connection.kind)
    selected = streams_of(connection)
    for stream in streams or ():
        if stream not in {one.stream.key for one in selected}:
            raise SyncError("not_found", stream=stream)
    options: dict[str, Any] = {}
    if streams:
        options["streams"] = list(streams)
    if window_minutes is not None:
        options["window_minutes"] = window_minutes
    if since is not None:
        options["since"] = since.isoformat()
    with transaction.atomic():
        run, created = _queue(
            connection, trigger=SyncRun.Trigger.DRY_RUN if dry else trigger, user=user, actor=actor, options=options,
            action="run.tried" if dry else "run.requested", call_worker=call_worker,
        )  # fmt: skip
        if created and since is not None and not dry:
            wanted = [one for one in selected if (one.stream.key in streams if streams else one.enabled)]
            _begin_at(connection, since, wanted)
    return run, created


def _begin_at(connection: Connection, since: datetime, selected: Sequence[SelectedStream]) -> None:
    """Let the first reads of streams that were never read begin at since, however many runs they take."""
    read = set(connection.checkpoints.filter(state__isnull=False).values_list("stream", flat=True))
    for one in selected:
        if one.stream.can_begin_at and one.stream.key not in read:
            StreamSetting.objects.update_or_create(
                connection=connection,
                stream=one.stream.key,
                defaults={"first_since": since},
                create_defaults={"first_since": since, "enabled": one.enabled},
            )


def request_reset(
    connection: Connection, stream: str, *, rows: int, user: User = None, actor: str = "", call_worker: bool = True
) -> tuple[SyncRun, bool]:
    """Queue a run that reads everything of a stream and deletes what it does not meet; see request_sync.

    rows: how many stored rows the person was told of. Raises SyncError as request_sync does.
    """
    switches.check(connection.kind)
    if stream not in {one.stream.key for one in streams_of(connection) if not is_step(one)}:
        raise SyncError("not_found", stream=stream)
    return _queue(
        connection, trigger=SyncRun.Trigger.MANUAL if user is not None else SyncRun.Trigger.CLI, user=user, actor=actor,
        options={"streams": [stream], "reset": uuid4().hex}, action="stream.reset", call_worker=call_worker,
        told={"stream": stream, "rows": rows},
    )  # fmt: skip


def cancel_run(run: SyncRun, *, user: User = None, actor: str = "") -> bool:
    """Cancel a queued run at once, a running one at its next page; False when it had ended, or was cancelled before."""
    is_over = run.cancel_queued()
    done = is_over or run.request_cancel()
    if is_over:
        webhooks.note_run(run)
        transaction.on_commit(lambda: journal.not_started(run))
    if done and (backfill := Backfill.of(run)) is not None:
        backfill.stop()  # else its next window would follow at once
    if done:
        audit.record("run.cancelled", user=user, actor=actor, target=run.connection, run=str(run.pk))
    return done


def retry_run(
    run: SyncRun, *, user: User = None, actor: str = "", only_unfinished: bool = False
) -> tuple[SyncRun, bool]:
    """Queue the run's work again, as request_sync does; only_unfinished leaves out the streams that succeeded.

    Raises SyncError kind_off.
    """
    switches.check(run.connection.kind)
    options = dict(run.options)
    if run.resets and not run.has_moved:
        options["reset"] = uuid4().hex  # what it read, if anything, is in place or to be read again
    if only_unfinished:
        done = (StreamRun.State.SUCCEEDED,)
        unfinished = list(run.streams.exclude(state__in=done).values_list("stream", flat=True))
        if unfinished:
            options["streams"] = unfinished
    return _queue(
        run.connection,
        trigger=SyncRun.Trigger.DRY_RUN if run.is_dry else SyncRun.Trigger.RETRY,
        user=user,
        actor=actor,
        options=options,
        action="run.retried",
    )


def _queue(
    connection: Connection,
    *,
    trigger: str,
    user: User,
    actor: str,
    options: dict[str, Any],
    action: str = "run.requested",
    call_worker: bool = True,
    told: dict[str, Any] | None = None,
) -> tuple[SyncRun, bool]:
    person = user if isinstance(user, Account) else None
    with transaction.atomic():
        # The connection's row is locked first, so that the constraint is the last resort and not the normal path.
        Connection.objects.select_for_update().get(pk=connection.pk)
        # A window of a backfill that no worker has taken is no reason to wait; it comes again.
        connection.runs.filter(trigger=SyncRun.Trigger.BACKFILL, state=SyncRun.State.QUEUED).delete()
        active = active_run(connection)
        if active is not None:
            return active, False
        try:
            with transaction.atomic():
                run = SyncRun.objects.create(
                    connection=connection,
                    trigger=trigger,
                    requested_by=person,
                    options=options,
                    priority=BY_A_PERSON,
                )
        except IntegrityError:
            return SyncRun.objects.get(connection=connection, state__in=SyncRun.ACTIVE), False
        told = options if told is None else told
        audit.record(action, user=user, actor=actor, target=connection, run=str(run.pk), **told)
        if call_worker:
            transaction.on_commit(ring)
    return run, True


def active_run(connection: Connection) -> SyncRun | None:
    """Return the run that is queued or running now, if any."""
    return SyncRun.objects.filter(connection=connection, state__in=SyncRun.ACTIVE).first()


def mark_stopped(connection: Connection, error: SyncError) -> None:
    """Note that only a person can make the connection go on, once per cause."""
    if connection.mark_error(error):
        audit.record("connection.stopped", target=connection, code=error.code)
        transaction.on_commit(lambda: journal.stopped(connection, error))


def block_until(connection: Connection, until: datetime) -> None:
    """Let nothing call the source before until (aware); the tick accounts for the slots until then."""
    Connection.objects.filter(pk=connection.pk).update(blocked_until=until)
    transaction.on_commit(lambda: journal.blocked(connection, until))


def note_synced(connection: Connection, *, trouble: bool) -> None:
    """A run loaded something to its end; without trouble, whatever stood in the connection's way no longer does."""
    Connection.objects.filter(pk=connection.pk).update(last_sync_at=timezone.now())
    if not trouble:
        _lift_block(connection)
        if connection.status == Connection.Status.ERROR and connection.clear_error():
            audit.record("connection.recovered", target=connection)
            transaction.on_commit(lambda: journal.recovered(connection))


def _lift_block(connection: Connection) -> None:
    """Forget until when the source was to be left alone; slots that were given up for it come at their times."""
    connection.refresh_from_db()
    blocked, now = connection.blocked_until, timezone.now()
    if blocked is None:
        return
    Connection.objects.filter(pk=connection.pk).update(blocked_until=None)
    if blocked > now:
        waits = Connection.objects.filter(pk=connection.pk, next_sync_at=blocked)
        if waits.update(next_sync_at=connection.next_slot(now)):
            shorten(connection, "quota", now)
    connection.refresh_from_db()
