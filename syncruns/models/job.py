"""Periodic chores of the system itself, and their signs of life."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone


class SystemJob(models.Model):
    """One chore by name; its lease keeps two workers from doing it at once."""

    DISPATCH = "dispatch"

    name = models.CharField(max_length=60, unique=True)
    next_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)  # last sign of life
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def take(cls, name: str, lease_seconds: float, *, only_due: bool = False) -> UUID | None:
        """Return a token when nobody else holds the chore's lease (and, if only_due, its time has come), else None."""
        now = timezone.now()
        cls.objects.get_or_create(name=name)
        token = uuid4()
        length = timedelta(seconds=lease_seconds)
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        free |= Q(lease_until__gt=now + 2 * length)  # taken by a clock that was wrong
        if only_due:
            free &= Q(next_at__isnull=True) | Q(next_at__lte=now)
        until = now + length
        return token if cls.objects.filter(free, name=name).update(token=token, lease_until=until) else None

    @classmethod
    def beat(cls, name: str, token: UUID, lease_seconds: float) -> bool:
        """Extend the lease and note a sign of life; False: another holds the chore."""
        now = timezone.now()
        until = now + timedelta(seconds=lease_seconds)
        return bool(cls.objects.filter(name=name, token=token).update(last_at=now, lease_until=until))

    @classmethod
    def release(cls, name: str, token: UUID) -> None:
        """End the lease, if it is still ours."""
        cls.objects.filter(name=name, token=token).update(lease_until=None, token=None)

    @classmethod
    def settle(cls, name: str, token: UUID, next_at: datetime) -> None:
        """Set when the chore is due again and end the lease, if it is still ours."""
        cls.objects.filter(name=name, token=token).update(next_at=next_at, lease_until=None, token=None)

    @classmethod
    def last_sign(cls, name: str) -> datetime | None:
        return cls.objects.filter(name=name).values_list("last_at", flat=True).first()
