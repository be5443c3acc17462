"""Sends what waits, one message a step: a chore of the workers (syncruns/chores.py).

A message is claimed before it is sent. It goes out twice only if its worker vanished between the program's answer and
the note of it; both then carry the same id.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from connections import audit
from connections.sdk import VERSION, failures, urls
from connections.sdk.addresses import AddressBook
from connections.sdk.errors import SyncError
from connections.sdk.transport import Wire
from connections.services import User
from syncruns.models import Webhook, WebhookDelivery
from syncruns.webhooks.events import Event, note

logger = logging.getLogger("sync.webhooks")

State = WebhookDelivery.State
LEASE = timedelta(minutes=2)
LONGEST_SECONDS = 15.0
# Between two tries; after the last, about two days in all, it is given up.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60, 180, 360, 720, 1440))


def signature(secrets: Iterable[str], timestamp: int, body: str) -> str:
    """Return the header of signatures, one for each secret: HMAC-SHA256 over the timestamp, a dot, and the body."""
    signed = f"{timestamp}.{body}".encode()
    return ",".join(f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets)


def send_due(now: datetime) -> bool:
    """Send one message that is due; returns whether there may be more."""
    delivery = _claim(now)
    if delivery is None:
        return False
    problem = _try(delivery)
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.SENDING)
    if problem is None:
        mine.update(
            state=State.SENT, sent_at=timezone.now(), lease_until=None, error_code="", error_params={},
            status=delivery.status,
        )  # fmt: skip
        return True
    told = {"error_code": problem.code, "error_params": problem.params, "status": delivery.status, "lease_until": None}
    if delivery.attempts > len(PAUSES):
        mine.update(state=State.FAILED, **told)
        return True
    due_at = now + PAUSES[delivery.attempts - 1]
    mine.update(state=State.WAITING, due_at=due_at, **told)
    # The others to this address would meet the same: one try at a time.
    WebhookDelivery.objects.filter(webhook=delivery.webhook, state=State.WAITING, due_at__lt=due_at).update(
        due_at=due_at
    )
    return True


def send_test(webhook: Webhook, user: User) -> WebhookDelivery:
    """Send a test message now, once, and note how that went; after a success what waits is tried again at once."""
    note([webhook], Event.TEST, None, {})
    delivery = webhook.deliveries.filter(event=Event.TEST).select_related("webhook").latest("created_at")
    problem = _try(delivery)
    delivery.attempts = 1
    if problem is None:
        delivery.state, delivery.sent_at = State.SENT, timezone.now()
        webhook.deliveries.filter(state=State.WAITING).update(due_at=timezone.now())
    else:
        delivery.state, delivery.error_code, delivery.error_params = State.FAILED, problem.code, problem.params
    delivery.save()
    audit.record("webhook.tested", user=user, target=webhook, answer=delivery.error_code or "ok")
    return delivery


def _claim(now: datetime) -> WebhookDelivery | None:
    """Claim the message that has waited longest, or one whose worker vanished while it sent it."""
    is_due = Q(state=State.WAITING, due_at__lte=now) | Q(state=State.SENDING, lease_until__lt=now)
    due = WebhookDelivery.objects.filter(is_due, webhook__is_on=True).exclude(event=Event.TEST)
    for key in due.order_by("due_at", "created_at").values_list("pk", flat=True)[:5]:
        claimed = WebhookDelivery.objects.filter(is_due, pk=key).update(
            state=State.SENDING, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
        if claimed:
            return WebhookDelivery.objects.select_related("webhook").get(pk=key)
    return None


def _try(delivery: WebhookDelivery) -> SyncError | None:
    """Send a message; returns why it was not taken. Its status is noted on the delivery, not saved."""
    delivery.status = None
    try:
        _post(delivery)
    except SyncError as error:
        logger.warning("webhook %s did not take %s: %s", delivery.webhook, delivery.pk, error.code)
        return error
    except Exception:  # noqa: BLE001 - one message that cannot be sent must not keep the others from going out
        logger.exception("message %s could not be sent", delivery.pk)
        return SyncError("internal")
    return None


def _post(delivery: WebhookDelivery) -> None:
    """Send a message to a checked address. Raises SyncError unless the answer is of the 2xx kind."""
    webhook, now = delivery.webhook, timezone.now()
    timestamp, host = int(now.timestamp()), urls.host(webhook.url)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Sincro/{VERSION}",
        "Sincro-Event": delivery.event,
        "Sincro-Delivery": str(delivery.pk),
        "Sincro-Timestamp": str(timestamp),
        "Sincro-Signature": signature(webhook.signing_secrets(now), timestamp, delivery.body),
    }
    wire = Wire(AddressBook(allow_private=settings.ALLOW_PRIVATE_ADDRESSES or webhook.allow_private))
    wire.deadline = time.monotonic() + LONGEST_SECONDS
    with wire.session() as session:
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        try:
            answer = session.post(
                webhook.url,
                data=delivery.body.encode(),
                headers=headers,
                timeout=LONGEST_SECONDS,
                allow_redirects=False,
                stream=True,  # what the program answers beside its status is not read
            )
        except failures.FAULTS as fault:
            past = time.monotonic() >= wire.deadline
            raise failures.of_fault(fault, host, past_deadline=past).error from None
        delivery.status = answer.status_code
        answer.close()
    if 300 <= answer.status_code < 400:
        raise SyncError("bad_response", host=host, status=answer.status_code, reason="redirect")
    failure = failures.of_status(answer.status_code, answer.headers, b"", host, now)
    if failure is not None:
        raise failure.error
