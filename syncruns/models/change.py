"""What a run changed in the destination tables, row by row, as far as it is kept."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from syncruns.models.run import SyncRun


class Change(models.Model):
    """One row that a run added, changed or deleted; the first of each table and kind (syncruns/engine/changes.py).

    Values are spelled: a decimal as "2.18", a moment in ISO format and UTC, JSON as text; long ones are cut.
    """

    class Kind(models.TextChoices):  # in words: syncruns/changes.py
        INSERTED = "inserted"
        UPDATED = "updated"
        DELETED = "deleted"

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="changes", db_index=False)
    stream = models.CharField(max_length=60)
    table = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    key = models.JSONField()  # a list, in the order of the table's key
    name = models.JSONField(null=True)  # [column, value] of the column that says what the row is called, if it has one
    columns = models.JSONField(default=list)  # [column, before, after] of each that differs; of a deleted row, of all
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("row change")
        verbose_name_plural = _("row changes")
        ordering = ("id",)
        indexes = [
            models.Index(fields=["run", "id"], name="changes_of_run"),
            models.Index(fields=["at"], name="changes_in_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.table} {self.key}"
