"""Who wants e-mail about which connections, and what was told to whom."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from syncruns.models.outgoing import Outgoing
from syncruns.models.run import SyncRun


class NotificationRule(models.Model):
    """One user's wish to be told by e-mail: about every connection, or only about the chosen ones."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_rule")
    is_on = models.BooleanField(default=False)
    only_chosen = models.BooleanField(default=False)
    connections = models.ManyToManyField(Connection, blank=True, related_name="+")

    class Meta:
        verbose_name = _("notification rule")
        verbose_name_plural = _("notification rules")

    def __str__(self) -> str:
        return str(self.user)


class Delivery(Outgoing):
    """One thing to tell one person; those that are due together go out as one message.

    A problem is told once: until it has ended (ended_at) no other of the same connection is told to the same person.
    error_code is one of syncruns/alerts/words.py.
    """

    class Kind(models.TextChoices):
        PROBLEM = "problem", _("Needs a person")
        RECOVERY = "recovery", _("Works again")
        TEST = "test", _("Test message")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="deliveries")
    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="deliveries")
    run = models.ForeignKey(SyncRun, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    code = models.CharField(max_length=40, blank=True)  # what is, or was, wrong: a code of the catalogue
    params = models.JSONField(default=dict, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)  # in a row, while it goes on trying; 0: it has stopped
    since = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    message = models.UUIDField(null=True)  # what goes out together

    class Meta(Outgoing.Meta):
        verbose_name = _("e-mail delivery")
        verbose_name_plural = _("e-mail deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "connection"],
                condition=Q(kind="problem", ended_at=None),
                name="one_problem_is_told_once",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["waiting", "sending"]), name="deliveries_waiting"),
            models.Index(fields=["-created_at"], name="deliveries_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.connection_id} -> {self.user_id}"
