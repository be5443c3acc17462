"""When a connection begins to need a person and when it works again: noted for those who want to be told.

Everything here only adds rows, in the transaction of the event itself; a worker sends them later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connections.models import Connection
from syncruns.health import DELETE_BRAKE
from syncruns.models import DeleteBrake, Delivery, NotificationRule, SyncRun
from syncruns.outage import is_away
from syncruns.outcomes import DECISIVE, FAILURES

logger = logging.getLogger("sync.alerts")

GATHER = timedelta(minutes=1)  # what else happens meanwhile goes into the same message
FAILURES_IN_A_ROW = 3  # then a connection that tries again by itself is worth a person's look
LONG_REST = timedelta(hours=6)  # before the next try: then already the first failure is

State = SyncRun.State


def follow(run: SyncRun) -> None:
    """Note what the end of a run means for its connection, whose own row has been written before."""
    _guarded(_follow, run)


def note_stopped(connection: Connection) -> None:
    """Note that the connection does nothing until a person acts."""
    _guarded(_note_stopped, connection, None)


def _guarded(note: Callable[..., None], *about: Any) -> None:
    if not settings.EMAIL_HOST:
        return
    try:
        with transaction.atomic():
            note(*about)
    except Exception as error:  # noqa: BLE001 - a run must end even if nobody can be told about it
        if is_away(error):
            raise  # nothing of this transaction is written: the run's end is tried again, with all that follows
        logger.exception("%s could not be noted for those who want e-mail", about[0])


def _follow(run: SyncRun) -> None:
    if is_trouble(run):
        connection = Connection.objects.get(pk=run.connection_id)  # as the end of the run has left it
        brake = _brake(connection)
        if connection.status == Connection.Status.ERROR:
            _note_stopped(connection, run)
        elif brake is not None:
            _note_asking(connection, run, DELETE_BRAKE, brake.params, brake.pulled_at)
        else:
            _note_failing(connection, run)
    elif run.state in (State.SUCCEEDED, State.PARTIAL) and not run.error_code:
        _note_recovered(run.connection, run)


def is_trouble(run: SyncRun) -> bool:
    """Say whether a run failed, wholly or in part, in a way that could need a person.

    Not one that only waits for its source's quota, nor one that got further and goes on from there.
    """
    if not run.error_code or run.state not in (*FAILURES, State.PARTIAL):
        return False
    if run.error_code in ("rate_limited", "quota_blocked"):
        return False
    return not (run.state == State.TIMED_OUT and run.read)


def _note_stopped(connection: Connection, run: SyncRun | None) -> None:
    since = connection.status_since or timezone.now()
    _note_asking(connection, run, connection.status_code, connection.status_params, since)


def _note_asking(
    connection: Connection, run: SyncRun | None, code: str, params: dict[str, Any], since: datetime
) -> None:
    """Note that something waits for a person: who knows only that it fails, or of another cause, is told again."""
    _end(_open_problems(connection).filter(~Q(failures=0) | ~Q(code=code)), timezone.now(), "replaced")
    _tell(connection, run, code, params, since=since)


def _note_failing(connection: Connection, run: SyncRun) -> None:
    newest = connection.runs.filter(state__in=DECISIVE).order_by("-queued_at")[:FAILURES_IN_A_ROW]
    failed = list(takewhile(is_trouble, newest))
    ended = run.finished_at or timezone.now()
    rests_long = connection.next_sync_at is not None and connection.next_sync_at - ended >= LONG_REST
    if len(failed) == FAILURES_IN_A_ROW or rests_long:
        since = failed[-1].finished_at if failed else ended
        _tell(connection, run, run.error_code, run.error_params, since=since, failures=max(len(failed), 1))


def _note_recovered(connection: Connection, run: SyncRun) -> None:
    solved = _open_problems(connection)
    problems = list(solved)
    if any(problem.code == DELETE_BRAKE for problem in problems) and _brake(connection):
        problems = [problem for problem in problems if problem.code != DELETE_BRAKE]  # a run without a sweep
        solved = solved.exclude(code=DELETE_BRAKE)
    if not problems:
        return
    now = timezone.now()
    _end(solved, now, "recovered")
    Delivery.objects.bulk_create(
        Delivery(
            user_id=problem.user_id,
            connection=connection,
            run=run,
            kind=Delivery.Kind.RECOVERY,
            code=problem.code,
            params=problem.params,
            since=problem.since,
            created_at=now,
            due_at=now + GATHER,
        )
        for problem in problems
        if problem.state in (Delivery.State.SENT, Delivery.State.SENDING)
    )


def _tell(
    connection: Connection,
    run: SyncRun | None,
    code: str,
    params: dict[str, Any],
    *,
    since: datetime | None,
    failures: int = 0,
) -> None:
    """Add a problem for everyone who wants to know and has not been told."""
    _take_back_recoveries(connection, code)
    wanted = NotificationRule.objects.filter(is_on=True, user__is_active=True).exclude(user__email="")
    wanted = wanted.filter(Q(only_chosen=False) | Q(connections=connection))
    told = _open_problems(connection).values("user")
    now = timezone.now()
    Delivery.objects.bulk_create(
        (
            Delivery(
                user_id=user,
                connection=connection,
                run=run,
                kind=Delivery.Kind.PROBLEM,
                code=code,
                params=params,
                since=since,
                failures=failures,
                created_at=now,
                due_at=now + GATHER,
            )
            for user in wanted.exclude(user__in=told).values_list("user", flat=True).distinct()
        ),
        ignore_conflicts=True,  # someone else has just told the same
    )


def _take_back_recoveries(connection: Connection, code: str) -> None:
    """Keep silent about a recovery that did not last; of the same problem those who know it hear no second time."""
    recoveries = Delivery.objects.filter(
        connection=connection, kind=Delivery.Kind.RECOVERY, state=Delivery.State.WAITING
    )
    for recovery in recoveries:
        taken_back = Delivery.objects.filter(pk=recovery.pk, state=Delivery.State.WAITING)
        if taken_back.update(state=Delivery.State.DROPPED, error_code="returned"):
            known = Delivery.objects.filter(user=recovery.user_id, connection=connection, kind=Delivery.Kind.PROBLEM)
            known.filter(code=code, ended_at=recovery.created_at).update(ended_at=None)


def _brake(connection: Connection) -> DeleteBrake | None:
    """Return what keeps deletions back until a person decides."""
    return DeleteBrake.objects.filter(connection=connection).first()


def _open_problems(connection: Connection) -> QuerySet[Delivery]:
    return Delivery.objects.filter(connection=connection, kind=Delivery.Kind.PROBLEM, ended_at=None)


def _end(problems: QuerySet[Delivery], now: datetime, why: str) -> None:
    """End problems; what has not been sent of them is not worth telling any more."""
    problems.filter(state=Delivery.State.WAITING).update(state=Delivery.State.DROPPED, error_code=why)
    problems.update(ended_at=now)
