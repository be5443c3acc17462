"""The ticker: turns due slots into queued runs and reaps runs whose worker vanished. Nothing else.

One Django-Q2 schedule starts it every minute on the `control` cluster; it then works every few seconds. Tasks are
doorbells: they say "there is work", and every truth about runs stays in our tables.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import Error, transaction
from django.db import connection as database
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django_q.brokers import get_broker
from django_q.models import Schedule
from django_q.tasks import async_task

from connections import audit, switches
from connections.models import Connection
from connections.schedule import Schedule as Slots
from connections.schedule import passed, slots_between
from connections.sdk.errors import SyncError
from syncruns import backfills, chores
from syncruns.alerts import incidents
from syncruns.engine import journal
from syncruns.models import MissedRow, SyncLog, SyncRun
from syncruns.webhooks import events as webhooks

logger = logging.getLogger("sync.dispatch")

BATCH = 500
PATIENCE_SECONDS = 1  # for the rows of one lost run
SCHEDULE_NAME = "sincro dispatch"


def ensure_schedule() -> None:
    """Write the one Schedule row Django-Q2 needs, whatever an earlier version left there."""
    Schedule.objects.update_or_create(
        name=SCHEDULE_NAME,
        defaults={
            "func": "syncruns.tasks.dispatch",
            "args": None,
            "kwargs": None,
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "repeats": -1,
            "cluster": "control",
            "next_run": timezone.now(),
        },
    )
    wake()


def wake() -> None:
    """Have a control cluster that has just started tick: Django-Q2 looks at its schedules every half minute only."""
    async_task("syncruns.tasks.dispatch", q_options={"cluster": "control"})


def next_ring() -> datetime | None:
    """Return when Django-Q2 plans the next ticker; it changes the moment a successor is queued."""
    return Schedule.objects.filter(name=SCHEDULE_NAME).values_list("next_run", flat=True).first()


def ring() -> None:
    """Tell the workers that there is work. Harmless when doubled, late or lost: the claim decides."""
    async_task("syncruns.tasks.work", q_options={"cluster": "sync"})


def tick(now: datetime | None = None) -> None:
    """Reap, make due slots into runs, and ring as many bells as there are workers to hear them."""
    now = now or timezone.now()
    reap(now)
    backfills.make_way(now)
    while queue_due(now) == BATCH:
        pass
    backfills.queue_windows(now)
    waiting = (
        SyncRun.objects.filter(state=SyncRun.State.QUEUED).count()
        + Connection.objects.exclude(deletion="").count()
        + MissedRow.objects.filter(state=MissedRow.State.APPROVED)
        .exclude(connection__runs__state__in=SyncRun.ACTIVE)
        .values("connection")
        .distinct()
        .count()
    )
    if waiting:
        bells = min(waiting, settings.SYNC_WORKERS) - get_broker("sync").queue_size()
        for _bell in range(bells):
            ring()
    if chores.are_due(now) and get_broker("sync").queue_size() <= settings.SYNC_WORKERS:
        async_task("syncruns.tasks.do_chores", q_options={"cluster": "sync"})


def reap(now: datetime) -> int:
    """Mark runs lost whose lease has ended, take their right to write, and queue automatic ones once more."""
    reaped = 0
    forgotten = SyncRun.objects.filter(SyncRun.held_by_nobody(now), state=SyncRun.State.RUNNING)
    for run in forgotten.select_related("connection"):
        try:
            reaped += lose(run, now)
        except Error as error:  # a frozen worker's transaction holds its rows; the others need not wait
            logger.warning(_("run %s of %s cannot be reaped yet: %s"), run, run.connection.slug, type(error).__name__)
    return reaped


@transaction.atomic
def lose(run: SyncRun, now: datetime, *, given_up: bool = False) -> bool:
    """Mark a run lost, and queue it once more if it is automatic; False: someone else has moved it."""
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'")
    if not run.lose(now, given_up=given_up):
        return False
    SyncLog.objects.create(run=run, at=now, level="error", event="failed.worker_lost", params=run.error_params)
    again = run.comes_again
    if again:
        SyncRun.objects.create(
            connection=run.connection,
            trigger=SyncRun.Trigger.RETRY,
            options=run.options,
            slot=run.slot,
            attempt=run.attempt + 1,
            requested_by=run.requested_by,
        )
    backfills.follow(run, SyncError("worker_lost", **run.error_params))
    if run.trigger not in SyncRun.ASIDE:
        incidents.follow(run)
    webhooks.note_run(run)
    transaction.on_commit(lambda: journal.lost(run, again=again))
    return True


def skip_switched_off() -> int:
    """End the queued runs of kinds that were switched off meanwhile, each with the reason.

    Loading what a person corrected calls no source. A window of a backfill comes again when the kind is on.
    """
    off = switches.kinds_off()
    if not off:
        return 0
    waiting = SyncRun.objects.filter(state=SyncRun.State.QUEUED, connection__kind__in=off)
    waiting.filter(trigger=SyncRun.Trigger.BACKFILL).delete()
    return sum(map(_skip, waiting.exclude(trigger=SyncRun.Trigger.REVIEW).select_related("connection")))


@transaction.atomic
def _skip(run: SyncRun) -> bool:
    if not run.skip_queued("kind_off"):
        return False
    webhooks.note_run(run)
    transaction.on_commit(lambda: journal.not_started(run))
    return True


def queue_due(now: datetime, among: QuerySet[Connection] | None = None) -> int:
    """Account for every due slot of up to BATCH connections: a queued run, or a skipped one with its reason.

    among: the connections to look at; all without it.
    """
    with transaction.atomic():
        candidates = Connection.objects.all() if among is None else among
        windows = SyncRun.objects.filter(
            connection=OuterRef("pk"), trigger=SyncRun.Trigger.BACKFILL, state__in=SyncRun.ACTIVE
        )
        due = candidates.filter(
            ~Exists(windows),  # they make way first, and the slot stays due until then
            next_sync_at__lte=now,
            auto_sync=True,
            status=Connection.Status.ACTIVE,
        ).order_by("next_sync_at", "pk")
        if database.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        connections = list(due[:BATCH])
        busy = set(
            SyncRun.objects.filter(connection__in=connections, state__in=SyncRun.ACTIVE).values_list(
                "connection_id", flat=True
            )
        )
        runs = [run for connection in connections for run in _account(connection, now, connection.pk in busy)]
        SyncRun.objects.bulk_create(runs)
    for run in runs:
        if run.state == SyncRun.State.SKIPPED:
            journal.skipped(run)
    return len(connections)


def _account(connection: Connection, now: datetime, busy: bool) -> list[SyncRun]:
    """Move the connection past its due slots and return the rows that account for them."""
    first = connection.next_sync_at or now
    try:
        missed, latest = passed(connection.schedule, first, now, seed=connection.slot_seed)
        upcoming = connection.next_slot(now)
    except SyncError as error:
        if connection.mark_error(error):
            incidents.note_stopped(connection)
            audit.record("connection.stopped", target=connection, code=error.code)
            transaction.on_commit(partial(journal.stopped, connection, error))
        return []
    held, reason = _held(connection, now)
    if held is not None:
        # Everything until the hold ends is one skipped row; the connection is next due when it ends.
        last = held - timedelta(microseconds=1) if reason == "quota" else held  # a slot of that very moment runs
        count = 1 + slots_between(connection.schedule, first, last, seed=connection.slot_seed)
        _advance(connection, held if reason == "quota" else connection.next_slot(held))
        return [_skipped(connection, first, now, reason, count)]
    _advance(connection, upcoming)
    if switches.is_off(connection.kind):
        return [_skipped(connection, first, now, "kind_off", 1 + missed)]
    if busy:
        return [_skipped(connection, first, now, "still_running", 1 + missed)]
    if missed == 0:
        return [SyncRun(connection=connection, trigger=SyncRun.Trigger.SCHEDULE, slot=first, queued_at=now)]
    if connection.catch_up == Connection.CatchUp.NONE:
        return [_skipped(connection, first, now, "no_worker", 1 + missed)]
    return [
        _skipped(connection, first, now, "no_worker", missed),
        # The last of them is the one that runs: no slot was both missed and run.
        SyncRun(connection=connection, trigger=SyncRun.Trigger.CATCH_UP, slot=latest, queued_at=now),
    ]


def note_left(*, connection: Connection, schedule: Slots, first: datetime, now: datetime, **_of: object) -> None:
    """Account for due slots that a new plan leaves behind, before the tick has seen them; receives slots_left."""
    count = 1 + slots_between(schedule, first, now, seed=connection.slot_seed)
    run = _skipped(connection, first, now, "replanned", count)
    run.save()
    transaction.on_commit(partial(journal.skipped, run))


def _held(connection: Connection, now: datetime) -> tuple[datetime | None, str]:
    if connection.paused_until and connection.paused_until > now:
        return connection.paused_until, "paused"
    if connection.blocked_until and connection.blocked_until > now:
        return connection.blocked_until, "quota"
    return None, ""


def _advance(connection: Connection, to: datetime | None) -> None:
    Connection.objects.filter(pk=connection.pk, next_sync_at=connection.next_sync_at).update(next_sync_at=to)


def _skipped(connection: Connection, slot: datetime, now: datetime, reason: str, count: int) -> SyncRun:
    return SyncRun(
        connection=connection,
        trigger=SyncRun.Trigger.SCHEDULE,
        slot=slot,
        state=SyncRun.State.SKIPPED,
        queued_at=now,
        finished_at=now,
        skip_reason=reason,
        skipped_slots=count,
    )
