"""What Django-Q2 calls. A task carries no arguments and answers one word: all truth is in our tables."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import Error, connection, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django_q.exceptions import TimeoutException

from connections.models import StreamSetting
from connections.sdk.errors import UNAVAILABLE, Interruption, SyncError
from connections.services import open_connector
from syncruns import backfills, decisions, outage
from syncruns import dispatch as ticker
from syncruns.alerts import incidents
from syncruns.chores import do_due
from syncruns.deletion import finish_deletions
from syncruns.engine import journal
from syncruns.engine.asked import is_one_off
from syncruns.engine.outcome import Outcome
from syncruns.engine.sync import sync
from syncruns.engine.trial_run import try_out
from syncruns.engine.whereabouts import whereabouts
from syncruns.lease import Lease
from syncruns.models import StreamRun, SyncRun, SystemJob
from syncruns.services import block_until, mark_stopped, note_synced
from syncruns.starting_over import start_over
from syncruns.stopping import is_stopping
from syncruns.webhooks import events as webhooks

logger = logging.getLogger("sync.worker")

WORK_SECONDS = 60  # then another bell takes over, so that a worker can be recycled
TICKER_SECONDS = 80  # at most, below the control cluster's timeout; the successor comes after about 60
FINISH_TRIES = 6
LOOK_SECONDS = 0.25


@outage.excused
def dispatch() -> str:
    """Tick every few seconds until the next ticker is queued; one at a time, wherever it runs."""
    token = _take_over()
    if token is None:
        return "busy"
    until, successor = time.monotonic() + TICKER_SECONDS, ticker.next_ring()
    try:
        while time.monotonic() < until and not is_stopping():
            try:
                if not SystemJob.beat(SystemJob.DISPATCH, token, lease_seconds=3 * settings.TICK_SECONDS):
                    break
                ticker.tick()
                if ticker.next_ring() != successor:
                    break
            except Error as error:
                if not outage.note(error):
                    logger.warning(
                        _("a tick failed, the next comes in %s s: %s"), settings.TICK_SECONDS, type(error).__name__
                    )
                connections.close_all()
            _rest(settings.TICK_SECONDS)
    finally:
        SystemJob.release(SystemJob.DISPATCH, token)
    return "done"


def _rest(seconds: float) -> None:
    """Sleep, but not while this host stops: nobody waits for a ticker that sleeps."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not is_stopping():
        time.sleep(min(seconds, LOOK_SECONDS))


def _take_over() -> UUID | None:
    """Take the ticker's lease; on another host, the predecessor lets go at its next tick."""
    for _try in range(2 * settings.TICK_SECONDS):
        token = SystemJob.take(SystemJob.DISPATCH, lease_seconds=3 * settings.TICK_SECONDS)
        if token is not None or is_stopping():
            return token
        time.sleep(1)
    return None


@outage.excused
def work() -> str:
    """Claim the best queued run, execute it, and go on until none is left or a minute has passed."""
    _let_others_write_first()
    until = time.monotonic() + WORK_SECONDS
    finish_deletions()
    while time.monotonic() < until and not is_stopping():
        decisions.carry_out()
        run = claim_next()
        if run is None:
            return "idle"
        execute(run)
    return "done"


@outage.excused
def do_chores() -> str:
    """Do what the system needs from time to time (syncruns/chores.py)."""
    _let_others_write_first()
    return "done" if do_due() else "idle"


def _let_others_write_first() -> None:
    """On SQLite, where one writes at a time, this thread's writes wait while anyone else's do (config/sqlite)."""
    cast(Any, connection).gives_way = True


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def claim_next() -> SyncRun | None:
    """Claim the first queued run that nobody else takes: people's first, then the oldest slot."""
    ticker.skip_switched_off()
    waiting = SyncRun.objects.filter(state=SyncRun.State.QUEUED).order_by("-priority", "queued_at")
    while (run := waiting.select_related("connection").first()) is not None:
        if run.claim(worker_name(), settings.LEASE_SECONDS):
            break
    return run


def execute_run(run_id: UUID | str) -> SyncRun | None:
    """Claim and execute one queued run here and now; None when it is not there to be claimed."""
    _let_others_write_first()
    run = SyncRun.objects.select_related("connection").filter(pk=run_id).first()
    if run is None or not run.claim(worker_name(), settings.LEASE_SECONDS):
        return None
    execute(run)
    return run


def execute(run: SyncRun) -> None:
    """Run a claimed run to an end. The single broad catch: whatever happens is recorded, and only then raised."""
    journal.began(run)
    with Lease(run) as lease:
        try:
            start_over(run, lease)
            outcome = try_out(run, lease) if run.is_dry else sync(run, lambda: open_connector(run.connection), lease)
        except SyncError as error:
            outcome = Outcome.of(error)
        except Error as error:
            connections.close_all()
            outcome = Outcome.of(SyncError("destination_failed", detail=type(error).__name__))
        except TimeoutException:
            # Django-Q2's alarm: the connection may be in the middle of an answer, so it cannot be used again.
            connections.close_all()
            _finish(run, Outcome.of(Interruption("timed_out")))
            raise
        except Exception as error:  # noqa: BLE001 - the last line of defence
            outcome = Outcome.of(SyncError("internal", detail=whereabouts(error)))
    _finish(run, outcome)


def _finish(run: SyncRun, outcome: Outcome) -> None:
    """Write the outcome, and try again while the database is away; past the lease the reaper tells the story."""
    for attempt in range(FINISH_TRIES):
        try:
            _write_outcome(run, outcome)
        except Error:
            connections.close_all()
            time.sleep(min(2**attempt, 10))
        else:
            return
    logger.error(_("run %s of %s: its outcome could not be written; it will be marked lost"), run, run.connection.slug)


@transaction.atomic
def _write_outcome(run: SyncRun, outcome: Outcome) -> None:
    """Write how the run ended and what follows from it: all of it, or nothing."""
    connection = run.connection
    if outcome.state == SyncRun.State.LOST:
        if not ticker.lose(run, timezone.now(), given_up=True):
            transaction.on_commit(lambda: journal.taken_over(run))
        return
    if outcome.state == SyncRun.State.QUEUED:
        if run.hand_back():
            transaction.on_commit(lambda: journal.handed_back(run))
            return
        outcome = Outcome.of(Interruption("cancelled"))  # asked for while it stopped
    if outcome.state == SyncRun.State.TIMED_OUT and run.resets and not run.has_moved:
        outcome = Outcome(outcome.state, SyncError("reset_too_long"))
    if not run.finish(outcome.state, error=outcome.error):
        transaction.on_commit(lambda: journal.taken_over(run))
        return  # taken away meanwhile: whoever took it writes the end
    error = outcome.cause
    transaction.on_commit(lambda: journal.ended(run, error))
    webhooks.note_run(run)
    if error is not None and error.info.needs_person:
        mark_stopped(connection, error)
    if error is not None and error.until is not None:
        block_until(connection, error.until)
    if run.trigger in SyncRun.ASIDE:
        backfills.follow(run, error)
        if error is not None and error.info.needs_person:
            incidents.follow(run)
        return
    if outcome.state in (SyncRun.State.SUCCEEDED, SyncRun.State.PARTIAL):
        note_synced(connection, trouble=error is not None and error.code != UNAVAILABLE)
    if outcome.state == SyncRun.State.TIMED_OUT and run.read and (options := _left_to_do(run)) is not None:
        SyncRun.objects.create(
            connection=connection,
            trigger=SyncRun.Trigger.RETRY,
            options=options,
            slot=run.slot,
            attempt=run.attempt + 1,
        )
        transaction.on_commit(lambda: journal.goes_on(run))
    incidents.follow(run)


def _left_to_do(run: SyncRun) -> dict[str, Any] | None:
    """Return the options of a run that goes on where this one met its deadline; None: it would only start over."""
    if run.resets:
        return run.options if run.has_moved else None
    if not is_one_off(run.options):
        return run.options
    interrupted = run.streams.filter(error_code="timed_out").values_list("stream", flat=True)
    first_reads = StreamSetting.objects.filter(connection=run.connection, first_since__isnull=False)
    if "window_minutes" in run.options or not first_reads.filter(stream__in=interrupted).exists():
        return None
    done = (StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL)
    return {**run.options, "streams": list(run.streams.exclude(state__in=done).values_list("stream", flat=True))}
