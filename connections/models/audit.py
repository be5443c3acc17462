"""Who did what, kept after the thing itself is gone."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """One change, toggle, sync or sign-in. Never a secret's value: only the names of what changed."""

    at = models.DateTimeField(_("when"), auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor = models.CharField(_("who"), max_length=150)  # the name as it was, or "cli", "sincro"
    action = models.CharField(_("action"), max_length=60)  # a code of connections/audit.py
    target_kind = models.CharField(_("kind"), max_length=40, blank=True)
    target_id = models.CharField(_("id"), max_length=64, blank=True)
    target_name = models.CharField(_("what"), max_length=150, blank=True)
    params = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-at", "-id")
        indexes = [models.Index(fields=["target_kind", "target_id", "-at"], name="audit_by_target")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target_name}".strip()
