"""Values that people set instead of the source's."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from connections.models import Connection


class Correction(models.Model):
    """One column of one row. It holds while the source goes on sending `source`, or always if the column says so.

    Values are JSON as a quarantined record's are: a decimal as "2.18", a moment in ISO format, JSON as text.
    """

    class State(models.TextChoices):
        ACTIVE = "active", pgettext_lazy("correction", "In force")
        SUPERSEDED = "superseded", pgettext_lazy("correction", "The source changed")
        ENDED = "ended", pgettext_lazy("correction", "Ended")

    LONGEST_NOTE = 300

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, verbose_name=_("connection"), related_name="corrections"
    )
    stream = models.CharField(_("stream"), max_length=60)
    table = models.CharField(_("table"), max_length=100)
    key = models.JSONField()  # the row's, a list in the order of the table's key
    record_key = models.CharField(_("key"), max_length=200)  # the same, as it is shown and found
    column = models.CharField(_("column"), max_length=100)
    source = models.JSONField(null=True)  # what the source sends, and the correction stands for
    value = models.JSONField(null=True)
    changed_to = models.JSONField(null=True)  # what the source sent when it ended the correction
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ACTIVE)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    made_by = models.CharField(max_length=150)  # names as they were
    made_at = models.DateTimeField(default=timezone.now)
    superseded_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ("-made_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "table", "record_key", "column"],
                condition=~models.Q(state="ended"),
                name="one_correction_per_field",
            )
        ]
        indexes = [
            models.Index(fields=["connection", "stream", "state"], name="corrections_in_force"),
            models.Index(fields=["state", "-made_at"], name="corrections_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.record_key} {self.column}"
