"""Rows that sweeps did not meet at the source, and the deletions that wait for a person."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from syncruns.models.run import SyncRun


class MissedRow(models.Model):
    """One live row that the last complete sweep over it did not meet; gone as soon as one meets it, or it changes."""

    class State(models.TextChoices):
        ONCE = "once", _("Missing once")
        HELD = "held", _("Waiting for a decision")
        APPROVED = "approved", _("To be deleted")
        KEPT = "kept", _("Kept")

    UNDECIDED = (State.ONCE, State.HELD)

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="missed_rows", db_index=False)
    stream = models.CharField(max_length=60)
    table = models.CharField(max_length=100)
    key = models.TextField()  # as the database spells it (Warehouse.key_text)
    digest = models.CharField(max_length=64)
    version = models.CharField(max_length=40)  # of the row when it was missed: another one says that it lives
    state = models.CharField(max_length=8, choices=State.choices, default=State.ONCE)
    missed_at = models.DateTimeField(default=timezone.now)
    held_at = models.DateTimeField(null=True, blank=True)
    run_id = models.UUIDField()  # the run that missed it; runs are removed sooner than rows

    class Meta:
        verbose_name = _("missing row")
        verbose_name_plural = _("missing rows")
        constraints = [models.UniqueConstraint(fields=["connection", "table", "digest"], name="one_miss_per_row")]
        indexes = [
            models.Index(fields=["connection", "table", "state", "id"], name="misses_by_state"),
            models.Index(fields=["connection"], condition=Q(state="approved"), name="misses_to_carry_out"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.key}"


class DeleteBrake(models.Model):
    """More rows of a table were missing twice than are marked deleted unasked: its held rows wait for a person."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="delete_brakes")
    stream = models.CharField(_("stream"), max_length=60)
    table = models.CharField(_("table"), max_length=100)
    missing = models.PositiveIntegerField(_("missing"))
    total = models.PositiveIntegerField(_("rows"))
    pulled_at = models.DateTimeField(_("since"), default=timezone.now)
    run = models.ForeignKey(SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = _("held deletion")
        verbose_name_plural = _("held deletions")
        ordering = ("connection", "stream", "table")
        constraints = [models.UniqueConstraint(fields=["connection", "table"], name="one_brake_per_table")]

    def __str__(self) -> str:
        return f"{self.table}: {self.missing}"

    @property
    def params(self) -> dict[str, Any]:
        """Return the parameters of the error delete_brake."""
        return {"missing": self.missing, "total": self.total, "table": self.table}

    @classmethod
    def refresh(cls, connection_id: int, table: str) -> int:
        """Let the brake go when no row of the table is held any more; return how many are."""
        held = MissedRow.objects.filter(connection_id=connection_id, table=table, state=MissedRow.State.HELD).count()
        standing = cls.objects.filter(connection_id=connection_id, table=table)
        if held:
            standing.update(missing=held)
        else:
            standing.delete()
        return held
