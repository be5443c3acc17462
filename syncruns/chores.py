"""Chores of the system itself: what is to be told is sent, and what is too old to be kept removed, a little at a time.

The tick rings when one is due; a worker takes it by the lease of its SystemJob row, so several workers never do the
same one at once, and goes on until nothing is left or its time is up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django_q.models import OrmQ, Task

from connections.connectors import connector_class
from connections.models import AuditEvent
from connections.sdk.errors import SyncError
from syncruns.ageing import remove_aged
from syncruns.alerts.delivery import send_due
from syncruns.engine.warehouse import warehouse
from syncruns.engine.whereabouts import whereabouts
from syncruns.models import (
    Change,
    Delivery,
    Document,
    QuarantinedRecord,
    Reset,
    SyncLog,
    SyncRun,
    SystemJob,
    WebhookDelivery,
)
from syncruns.stopping import is_stopping
from syncruns.webhooks.events import SEND, WATCH, note_health_changes
from syncruns.webhooks.sending import send_due as send_webhooks

logger = logging.getLogger("sync.chores")

BATCH = 500  # rows of one transaction: on SQLite others wait for it to write
DOCUMENTS_BATCH = 25  # each may have megabytes
RUNS_BATCH = 50  # a run takes its streams with it
PAUSE_SECONDS = 0.05
SLICE_SECONDS = 45  # of a worker's time; what is left goes on at the next bell
LEASE_SECONDS = 60
ALWAYS_KEPT = 14  # runs per connection: the strip of its last runs
RESET_DAYS = 2  # what an interrupted reset read waits for somebody to go on with it
TRACES_DAYS = 30  # failed tasks, forgotten bells, attempts to sign in
SIGN_IN_TRACES = (AccessAttempt, AccessLog, AccessFailureLog)


@dataclass(frozen=True)
class Chore:
    """A step does one batch in one short transaction, or sends one message, and says whether there may be more."""

    every: timedelta
    step: Callable[[datetime], bool]


def are_due(now: datetime) -> bool:
    """Say whether a chore waits for a worker."""
    rows = SystemJob.objects.filter(name__in=CHORES).values_list("next_at", "lease_until")
    resting = sum(bool((next_at and next_at > now) or (lease and lease > now)) for next_at, lease in rows)
    return resting < len(CHORES)


def do_due(chores: Mapping[str, Chore] | None = None) -> int:
    """Do every chore that is due and that nobody else does; returns how many came to their end."""
    until = time.monotonic() + SLICE_SECONDS
    return sum(_do(name, chore, until) for name, chore in (chores or CHORES).items() if time.monotonic() < until)


def _do(name: str, chore: Chore, until: float) -> bool:
    token = SystemJob.take(name, LEASE_SECONDS, only_due=True)
    if token is None:
        return False
    try:
        while chore.step(timezone.now()):
            if is_stopping() or time.monotonic() > until:
                SystemJob.settle(name, token, timezone.now())  # due at once: another worker goes on
                return False
            if not SystemJob.beat(name, token, LEASE_SECONDS):
                return False
            time.sleep(PAUSE_SECONDS)
    except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from being done
        logger.error(_("chore %s failed, it is tried again in %s: %s"), name, chore.every, whereabouts(error))
        SystemJob.settle(name, token, timezone.now() + chore.every)
        return False
    SystemJob.beat(name, token, LEASE_SECONDS)
    SystemJob.settle(name, token, timezone.now() + chore.every)
    return True


def remove_batch(rows: QuerySet[Any], size: int = 0) -> bool:
    """Delete up to size (else BATCH) of the rows in one short transaction; say whether there may be more."""
    size = size or BATCH
    keys = list(rows.values_list("pk", flat=True)[:size])
    if keys:
        rows.model._base_manager.filter(pk__in=keys).delete()
    return len(keys) == size


def old_runs(limit: datetime) -> QuerySet[SyncRun]:
    """Return ended runs older than limit, without the last of each connection and its last success."""
    of_connection = SyncRun.objects.filter(SyncRun.READS, connection=OuterRef("connection")).order_by("-queued_at")
    succeeded = of_connection.filter(state=SyncRun.State.SUCCEEDED)
    return SyncRun.objects.annotate(
        kept_since=Subquery(of_connection.values("queued_at")[ALWAYS_KEPT - 1 : ALWAYS_KEPT]),
        last_success=Subquery(succeeded.values("pk")[:1]),
    ).filter(
        Q(last_success__isnull=True) | ~Q(pk=F("last_success")),
        finished_at__lt=limit,
        queued_at__lt=F("kept_since"),
    )


def _remove_runs(now: datetime) -> bool:
    if not settings.KEEP_RUNS_DAYS:
        return False
    keys = list(old_runs(now - timedelta(days=settings.KEEP_RUNS_DAYS)).values_list("pk", flat=True)[:RUNS_BATCH])
    if not keys:
        return False
    if not any(remove_batch(model.objects.filter(run__in=keys)) for model in (SyncLog, Change)):
        SyncRun.objects.filter(pk__in=keys).delete()
    return True


def _remove_oldest(model: type[SyncLog | Change], limit: datetime) -> bool:
    """Delete one batch of rows that are numbered as they come: the oldest are the first, so none is searched for."""
    oldest = model._base_manager.order_by("pk").values_list("pk", "at")[:BATCH]
    keys = [key for key, at in oldest if at < limit]
    model._base_manager.filter(pk__in=keys).delete()
    return len(keys) == BATCH


def _remove_logs(now: datetime) -> bool:
    days = settings.KEEP_LOGS_DAYS
    return bool(days) and _remove_oldest(SyncLog, now - timedelta(days=days))


def _remove_changes(now: datetime) -> bool:
    days = settings.KEEP_CHANGES_DAYS
    return bool(days) and _remove_oldest(Change, now - timedelta(days=days))


def _remove_quarantine(now: datetime) -> bool:
    if not settings.KEEP_QUARANTINE_DAYS:
        return False
    limit = now - timedelta(days=settings.KEEP_QUARANTINE_DAYS)
    closed = QuarantinedRecord.objects.exclude(state=QuarantinedRecord.State.OPEN)
    # What a person decided holds for as long as the source goes on sending the record.
    closed = closed.filter(last_seen_at__lt=limit)
    return remove_batch(closed.alias(ended=Coalesce("closed_at", "last_seen_at")).filter(ended__lt=limit))


def _remove_audit(now: datetime) -> bool:
    if not settings.KEEP_AUDIT_DAYS:
        return False
    return remove_batch(AuditEvent.objects.filter(at__lt=now - timedelta(days=settings.KEEP_AUDIT_DAYS)))


def _remove_documents(now: datetime) -> bool:
    if not settings.KEEP_DOCUMENTS_DAYS:
        return False
    limit = now - timedelta(days=settings.KEEP_DOCUMENTS_DAYS)
    return remove_batch(Document.objects.filter(kept_at__lt=limit), DOCUMENTS_BATCH)


def _remove_tasks(now: datetime) -> bool:
    limit = now - timedelta(days=TRACES_DAYS)
    return any(
        [remove_batch(Task.objects.filter(stopped__lt=limit)), remove_batch(OrmQ.objects.filter(lock__lt=limit))]
    )


def _remove_sessions(now: datetime) -> bool:
    return remove_batch(Session.objects.filter(expire_date__lt=now))


def _remove_sign_ins(now: datetime) -> bool:
    limit = now - timedelta(days=TRACES_DAYS)
    return any([remove_batch(model.objects.filter(attempt_time__lt=limit)) for model in SIGN_IN_TRACES])


def _remove_deliveries(now: datetime) -> bool:
    """Remove what was told long ago; a problem that goes on stays, or it would be told again."""
    old = Delivery.objects.filter(created_at__lt=now - timedelta(days=TRACES_DAYS))
    to_programs = WebhookDelivery.objects.filter(created_at__lt=now - timedelta(days=TRACES_DAYS))
    return any([remove_batch(old.exclude(kind=Delivery.Kind.PROBLEM, ended_at=None)), remove_batch(to_programs)])


def _remove_resets(now: datetime) -> bool:
    """Drop what resets read that nobody goes on with: a run that takes one up later starts over."""
    active = SyncRun.objects.filter(state__in=SyncRun.ACTIVE).values("connection")
    left = Reset.objects.exclude(connection__in=active).filter(began_at__lt=now - timedelta(days=RESET_DAYS))
    for one in left.select_related("connection")[:1]:
        with suppress(SyncError):  # a kind this version no longer has
            warehouse(beside=one.connection_id).drop_beside(connector_class(one.connection.kind).schema)
        Reset.objects.filter(connection=one.connection_id).delete()
        return True
    return False


DAILY = timedelta(days=1)
CHORES: dict[str, Chore] = {
    "send_mail": Chore(timedelta(minutes=1), send_due),
    WATCH: Chore(timedelta(minutes=1), note_health_changes),
    SEND: Chore(timedelta(minutes=1), send_webhooks),
    "remove_logs": Chore(DAILY, _remove_logs),
    "remove_changes": Chore(DAILY, _remove_changes),
    "remove_runs": Chore(DAILY, _remove_runs),
    "remove_quarantine": Chore(DAILY, _remove_quarantine),
    "remove_documents": Chore(DAILY, _remove_documents),
    "remove_audit": Chore(DAILY, _remove_audit),
    "remove_rows": Chore(DAILY, remove_aged),
    "remove_tasks": Chore(DAILY, _remove_tasks),
    "remove_sessions": Chore(DAILY, _remove_sessions),
    "remove_sign_ins": Chore(DAILY, _remove_sign_ins),
    "remove_deliveries": Chore(DAILY, _remove_deliveries),
    "remove_resets": Chore(DAILY, _remove_resets),
}
