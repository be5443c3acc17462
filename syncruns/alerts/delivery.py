"""Sends what waits to be told: a chore of the workers (syncruns/chores.py), one message a step.

A message is claimed before it is sent, so that no two workers send it. It goes out twice only if its worker vanished
between the server's yes and the note of it; both then carry the same Message-ID.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from connections import audit
from syncruns.alerts.message import alert, test
from syncruns.alerts.smtp import MailError, post
from syncruns.models import Delivery, NotificationRule

logger = logging.getLogger("sync.alerts")

LEASE = timedelta(minutes=5)
REST = timedelta(minutes=5)  # between two messages to one person; what happens meanwhile is gathered
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60))  # the last again and again
GIVE_UP = timedelta(days=3)

Kind, State = Delivery.Kind, Delivery.State


def send_due(now: datetime) -> bool:
    """Send one message that is due; returns whether there may be more."""
    if not settings.EMAIL_HOST:
        return False
    message = _take_abandoned(now) or _claim(now)
    if message is None:
        return False
    deliveries = list(_of(message).select_related("user", "connection").order_by("connection__name", "pk"))
    wanted = _still_wanted(deliveries)
    if not wanted:
        return True
    try:
        post(alert(wanted[0].user, wanted, message))
    except MailError as error:
        return _note_failure(message, error, now)
    except Exception:  # noqa: BLE001 - one message that cannot be made must not keep the others from going out
        logger.exception("message %s could not be made", message)
        return _note_failure(message, MailError("internal", is_final=True, is_general=False), now)
    _of(message).update(state=State.SENT, sent_at=timezone.now(), lease_until=None, error_code="", error_params={})
    return True


def send_test(user: User, address: str) -> MailError | None:
    """Send a test message now, and note how that went; after a success what was not sent is tried again."""
    message = uuid4()
    delivery = Delivery(user=user, kind=Kind.TEST, message=message, attempts=1)
    problem = None
    try:
        if not settings.EMAIL_HOST:
            raise MailError("not_configured")
        post(test(user, address, message))
    except MailError as error:
        problem = error
        delivery.state, delivery.error_code, delivery.error_params = State.FAILED, error.code, error.params
    else:
        delivery.state, delivery.sent_at = State.SENT, timezone.now()
        missed = Q(state=State.FAILED, kind=Kind.PROBLEM, ended_at=None) | Q(state=State.WAITING) & ~Q(error_code="")
        Delivery.objects.filter(missed).update(state=State.WAITING, due_at=timezone.now())
    delivery.save()
    audit.record("mail.tested", user=user, answer=delivery.error_code or "ok")
    return problem


def _take_abandoned(now: datetime) -> UUID | None:
    """Return a message whose worker vanished while it sent it: nobody knows whether it went out."""
    lost = Delivery.objects.filter(state=State.SENDING, lease_until__lt=now).values_list("message", flat=True).first()
    if lost is None:
        return None
    taken = _of(lost).filter(lease_until__lt=now).update(lease_until=now + LEASE, attempts=F("attempts") + 1)
    return lost if taken else None


def _claim(now: datetime) -> UUID | None:
    """Claim all that waits for the person who has waited longest, due or not yet: it goes into one message."""
    rested = Delivery.objects.filter(state=State.SENT, sent_at__gt=now - REST).exclude(kind=Kind.TEST)
    due = Delivery.objects.filter(state=State.WAITING, due_at__lte=now).exclude(user__in=rested.values("user"))
    user = due.order_by("due_at", "pk").values_list("user", flat=True).first()
    if user is None:
        return None
    message = uuid4()
    claimed = Delivery.objects.filter(user=user, state=State.WAITING).update(
        state=State.SENDING, message=message, lease_until=now + LEASE, attempts=F("attempts") + 1
    )
    return message if claimed else None


def _still_wanted(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Return what is still to be told; the rest is left out, with the reason."""
    if not deliveries:
        return []
    user = deliveries[0].user
    why = ""
    if not NotificationRule.objects.filter(user=user, is_on=True).exists():
        why = "unwanted"
    elif not user.email:
        why = "no_address"
    elif not user.has_perm("connections.view_connection"):  # never for one who is no longer active
        why = "no_access"
    wanted = []
    for one in deliveries:
        reason = why or ("recovered" if one.kind == Kind.PROBLEM and one.ended_at else "")
        if not reason:
            wanted.append(one)
            continue
        left_out = Delivery.objects.filter(pk=one.pk, state=State.SENDING)
        left_out.update(state=State.DROPPED, error_code=reason, lease_until=None)
    return wanted


def _note_failure(message: UUID, error: MailError, now: datetime) -> bool:
    """Plan the next try, or give up; returns whether another message may fare better."""
    logger.warning("message %s was not sent: %s %s", message, error.code, error.params.get("answer", ""))
    told = {"error_code": error.code, "error_params": error.params, "lease_until": None}
    failed = _of(message)
    if error.is_final:
        failed.update(state=State.FAILED, **told)
        return True
    failed.filter(created_at__lt=now - GIVE_UP).update(state=State.FAILED, **told)
    attempts = failed.order_by("attempts").values_list("attempts", flat=True).first() or 1
    due_at = now + PAUSES[min(attempts, len(PAUSES)) - 1]
    failed.update(state=State.WAITING, message=None, due_at=due_at, **told)
    if error.is_general:  # the others would meet the same: one try at a time
        others = Delivery.objects.filter(state=State.WAITING, due_at__lt=due_at)
        others.update(due_at=due_at, error_code=error.code, error_params=error.params)
    return not error.is_general


def _of(message: UUID) -> QuerySet[Delivery]:
    return Delivery.objects.filter(message=message, state=State.SENDING)
