"""What is to be told to somebody outside: how it waits, is sent, and is tried again. E-mail and webhooks have this."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Outgoing(models.Model):
    """One thing to tell. A worker claims it by its lease, so that no two send it."""

    class State(models.TextChoices):  # in words: syncruns/outcomes.py
        WAITING = "waiting"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"  # given up
        DROPPED = "dropped"  # nobody wants to know any more

    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)  # why the last try failed
    error_params = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True
        ordering = ("-created_at", "-id")
