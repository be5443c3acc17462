"""Records that could not be loaded, kept for a person to fix, retry or discard."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from connections.models import Connection
from syncruns.models.run import SyncRun


class QuarantinedRecord(models.Model):
    """One record, unique by its key (or by a hash of it when the key itself is bad).

    What a person decided holds while the source goes on sending the record as it is here; see
    syncruns/engine/decisions.py.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("record", "Waiting")
        FIXED = "fixed", pgettext_lazy("record", "Loaded")
        DISCARDED = "discarded", pgettext_lazy("record", "Discarded")

    LONGEST_NOTE = 300

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, verbose_name=_("connection"), related_name="quarantine"
    )
    stream = models.CharField(_("stream"), max_length=60)
    table = models.CharField(_("table"), max_length=100)
    record_key = models.CharField(_("key"), max_length=200)
    record = models.JSONField(default=dict)  # declared columns only, as the source sent them
    inexact = models.JSONField(default=list)  # columns whose value above is only a picture of what was sent
    reasons = models.JSONField(default=dict)  # column -> {"code", "params"}
    reason = models.CharField(_("reason"), max_length=40, blank=True)  # the code of the first of them
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    corrections = models.JSONField(default=dict)  # column -> the value a person gave instead
    decided_by = models.CharField(max_length=150, blank=True)  # the name as it was; empty: closed by itself
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)  # why it was discarded
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("run"), related_name="quarantine"
    )
    first_seen_at = models.DateTimeField(_("first seen"), default=timezone.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    settles_as = models.CharField(max_length=10, blank=True)  # the state it takes once the rows of a reset are in place
    settles_with = models.CharField(max_length=40, blank=True)  # that reset's order
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("quarantined record")
        verbose_name_plural = _("quarantined records")
        ordering = ("-last_seen_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["connection", "table", "record_key"], name="one_quarantine_per_key")
        ]
        indexes = [
            models.Index(fields=["connection", "state"], name="quarantine_open"),
            models.Index(fields=["state", "-last_seen_at"], name="quarantine_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.record_key}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN
