"""The log of a run: one row per event worth telling an operator."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from syncruns.models.run import SyncRun


class SyncLog(models.Model):
    """An event code with parameters (syncruns/events.py makes the sentence); bounded per run."""

    class Level(models.TextChoices):
        INFO = "info", _("Info")
        DONE = "done", _("Done")
        WARNING = "warning", _("Warning")
        ERROR = "error", _("Error")

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, verbose_name=_("run"), related_name="logs")
    stream = models.CharField(_("stream"), max_length=60, blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now)
    level = models.CharField(_("level"), max_length=8, choices=Level.choices, default=Level.INFO)
    event = models.CharField(_("event"), max_length=60)
    params = models.JSONField(default=dict, blank=True)
    context = models.JSONField(default=dict, blank=True)
    repeats = models.PositiveIntegerField(_("times"), default=1)  # the same event again and again is one row

    class Meta:
        verbose_name = _("log entry")
        verbose_name_plural = _("log entries")
        ordering = ("id",)
        indexes = [models.Index(fields=["run", "id"], name="logs_of_run")]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.level} {self.event}"
