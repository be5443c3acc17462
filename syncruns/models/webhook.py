"""Addresses of other programs that want to be told, and what was told to them."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from connections.secrets import SecretsField
from syncruns.models.outgoing import Outgoing

PREFIX = "whsec_"
OVERLAP = timedelta(days=1)  # after a rotation the former secret signs too


class Webhook(models.Model):
    """One address. Its secret signs each message; it is encrypted at rest, because signing needs it."""

    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(_("address"), max_length=500)
    secrets = SecretsField()  # current, and previous until rotated_at + OVERLAP
    rotated_at = models.DateTimeField(default=timezone.now, editable=False)
    is_on = models.BooleanField(default=True)
    on_run_end = models.BooleanField(default=True)
    on_health_change = models.BooleanField(default=True)
    allow_private = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name

    def new_secret(self, now: datetime) -> str:
        """Give this row a fresh secret and return it; the former one goes on signing for a day. Does not save."""
        secret = PREFIX + secrets.token_urlsafe(32)
        known = self.secrets.reveal()
        former = {"previous": known["current"]} if known else {}
        self.secrets, self.rotated_at = {"current": secret, **former}, now
        return secret

    def drop_waiting(self) -> int:
        """Leave out what waits to be sent, because the webhook was switched off; return how many messages."""
        return self.deliveries.filter(state=Outgoing.State.WAITING).update(state=Outgoing.State.DROPPED)

    def signing_secrets(self, now: datetime) -> list[str]:
        """Return the secrets to sign with. Raises SyncError("secrets_unreadable")."""
        known = self.secrets.reveal()
        names = ["current", "previous"] if now < self.rotated_at + OVERLAP else ["current"]
        return [known[name] for name in names if name in known]


class WebhookDelivery(Outgoing):
    """One message to one address: sent once, or again and again until it is taken or given up."""

    class Event(models.TextChoices):
        RUN_ENDED = "run.ended", _("Run ended")
        HEALTH_CHANGED = "health.changed", _("Health changed")
        TEST = "test", _("Test message")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20, choices=Event.choices)
    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="+")
    body = models.TextField()  # byte for byte what is signed and sent
    status = models.PositiveSmallIntegerField(null=True)  # of the last answer

    class Meta(Outgoing.Meta):
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["waiting", "sending"]), name="webhooks_waiting"),
            models.Index(fields=["webhook", "-created_at"], name="webhooks_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} -> {self.webhook_id}"


class ToldHealth(models.Model):
    """The health that was last told of a connection, so that a change of it is seen."""

    connection = models.OneToOneField(Connection, primary_key=True, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.connection_id} {self.state}"
