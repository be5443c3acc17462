"""What is told: noted in the transaction of the event itself, and sent later by a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from connections.models import Connection
from syncruns.health import RUNNING
from syncruns.listing import load_rows
from syncruns.models import SyncRun, SystemJob, ToldHealth, Webhook, WebhookDelivery
from syncruns.outage import is_away

logger = logging.getLogger("sync.webhooks")

Event = WebhookDelivery.Event
SEND, WATCH = "send_webhooks", "watch_health"  # chores


def note_run(run: SyncRun) -> None:
    """Note the end of a run for every webhook that wants it."""
    try:
        with transaction.atomic():
            wanted = list(Webhook.objects.filter(is_on=True))
            if not wanted:
                return
            from syncruns.api.facts import log_facts, streams_of_runs  # the API's schemas take long to make

            told = [webhook for webhook in wanted if webhook.on_run_end]
            if told:
                with translation.override(settings.LANGUAGE_CODE):
                    facts = log_facts(run, streams_of_runs([run]).get(run.pk, ()))
                note(told, Event.RUN_ENDED, run.connection, {"run": facts})
            hurry(SEND, WATCH)
    except Exception as error:  # noqa: BLE001 - a run must end even if nobody can be told about it
        if is_away(error):
            raise  # nothing of this transaction is written: the run's end is tried again, with all that follows
        logger.exception("the end of run %s could not be noted for the webhooks", run)


def note_health_changes(now: datetime) -> bool:
    """Compare each connection's health with what was told last, and note what changed; a chore's step.

    Running is no health of its own: what comes after it counts.
    """
    webhooks = list(Webhook.objects.filter(is_on=True, on_health_change=True))
    if not webhooks:
        ToldHealth.objects.all().delete()  # who is added later is told of changes from then on
        return False
    told = {one.connection_id: one for one in ToldHealth.objects.all()}
    with translation.override(settings.LANGUAGE_CODE):
        rows = [row for row in load_rows(Connection.objects.filter(deletion=""), now) if row.health.state != RUNNING]
    new = [row for row in rows if row.connection.pk not in told]
    states = [ToldHealth(connection=row.connection, state=row.health.state, since=now) for row in new]
    ToldHealth.objects.bulk_create(states, ignore_conflicts=True)
    for row in rows:
        before = told.get(row.connection.pk)
        if before is None or before.state == row.health.state:
            continue
        health = {
            "before": before.state,
            "after": row.health.state,
            "sentence": row.health.sentence,
            "before_since": before.since,
        }
        with transaction.atomic():
            mine = ToldHealth.objects.filter(pk=before.pk, state=before.state)
            if mine.update(state=row.health.state, since=now):
                note(webhooks, Event.HEALTH_CHANGED, row.connection, {"health": health})
                hurry(SEND)
    return False


def note(webhooks: Iterable[Webhook], event: str, connection: Connection | None, facts: Mapping[str, Any]) -> None:
    """Add a delivery of the event to each webhook."""
    now = timezone.now()
    about = {"connection": {"slug": connection.slug, "name": connection.name}} if connection else {}
    deliveries = []
    for webhook in webhooks:
        key = uuid4()
        body = {"id": key, "event": str(event), "created_at": now, **about, **facts}
        text = orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z).decode()
        deliveries.append(
            WebhookDelivery(
                id=key, webhook=webhook, event=event, connection=connection, body=text, created_at=now, due_at=now
            )
        )
    WebhookDelivery.objects.bulk_create(deliveries)


def hurry(*chores: str) -> None:
    """Let the next tick do the chores, not the next minute."""
    SystemJob.objects.filter(name__in=chores).update(next_at=timezone.now())
