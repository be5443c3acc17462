"""Pausing a connection until a moment, and letting it go on sooner."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connections.models import Connection
from connections.schedule import slots_between
from connections.sdk.errors import SyncError
from connections.services import User, set_paused_until
from syncruns.models import SyncRun

LONGEST = timedelta(days=366)


@transaction.atomic
def pause(connection: Connection, until: datetime | None, *, user: User = None, actor: str = "") -> Connection:
    """Let no scheduled run start before until (aware), or lift the pause with None; the ledger follows."""
    before = connection.paused_until
    connection = set_paused_until(connection, until, user=user, actor=actor)
    now = timezone.now()
    if before is not None and before > now and (until is None or until < before):
        shorten(connection, "paused", max(until or now, now))
    return connection


def shorten(connection: Connection, reason: str, ends: datetime) -> None:
    """Count again the slots that a pause or a quota took: they were noted for all of it when the first came due."""
    noted = SyncRun.objects.filter(connection=connection, state=SyncRun.State.SKIPPED, skip_reason=reason)
    last = noted.filter(slot__lte=ends).order_by("-slot").first()
    if last is None or last.slot is None:
        return
    try:
        count = 1 + slots_between(connection.schedule, last.slot, ends, seed=connection.slot_seed)
    except SyncError:
        return
    if count < last.skipped_slots:
        SyncRun.objects.filter(pk=last.pk).update(skipped_slots=count)
