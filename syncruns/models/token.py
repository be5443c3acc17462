"""Tokens with which other programs use the API."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

PREFIX = "sincro_"  # lets scanners of source code find one that leaked
SHOWN = len(PREFIX) + 4
USED_EVERY = timedelta(minutes=1)  # a busy token is no busy row


class ApiToken(models.Model):
    """One program's access. Only a hash of the token is kept: 256 random bits need no slow one."""

    class Scope(models.TextChoices):
        READ = "read", pgettext_lazy("scope", "Read")
        OPERATE = "operate", pgettext_lazy("scope", "Read and operate")

    name = models.CharField(_("name"), max_length=100)
    scope = models.CharField(_("scope"), max_length=7, choices=Scope.choices, default=Scope.READ)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    beginning = models.CharField(max_length=SHOWN, editable=False)  # tells tokens apart, opens nothing
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="api_tokens", editable=False
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def digest_of(token: str) -> str:
        return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()

    def new_secret(self) -> str:
        """Give this row a fresh token and return it: nobody sees it again. Does not save."""
        token = PREFIX + secrets.token_urlsafe(32)
        self.digest, self.beginning = self.digest_of(token), token[:SHOWN]
        return token

    @classmethod
    def valid(cls, now: datetime) -> Q:
        """Return the condition that a token opens the API: also, that who made it still has access."""
        lives = Q(expires_at=None) | Q(expires_at__gt=now)
        return lives & Q(revoked_at=None) & (Q(created_by=None) | Q(created_by__is_active=True))

    @property
    def may_operate(self) -> bool:
        return self.scope == self.Scope.OPERATE

    def note_use(self, now: datetime) -> None:
        """Note that the token was used, at most once a minute."""
        if self.last_used_at is None or self.last_used_at < now - USED_EVERY:
            unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
            self.last_used_at = now
            type(self).objects.filter(unnoted, pk=self.pk).update(last_used_at=now)
