"""How many requests a vendor account has left, shared by every worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models

from connections.sdk.context import Rate

LONGEST_QUEUE = 10  # times the time in which a limit's permits come back


@dataclass(frozen=True)
class Grant:
    """permits requests that may be made from usable_at until expires_at."""

    permits: int
    usable_at: datetime
    expires_at: datetime


class RateBucket(models.Model):
    """One vendor account. Permits are granted in blocks, spaced so that no window holds more than its limit."""

    account = models.CharField(max_length=200, unique=True)
    next_at = models.DateTimeField()  # when the next block of permits may be used

    def __str__(self) -> str:
        return self.account

    @classmethod
    def reserve(cls, rate: Rate, now: datetime) -> Grant:
        """Reserve a block of permits by conditional update; several workers never get the same one."""
        block = max(1, rate.permits // 20)
        # A block may be used late, so two are kept in hand: any window then holds at most rate.permits requests.
        spacing = timedelta(seconds=block * rate.per_seconds / max(1, rate.permits - 2 * block))
        cls.objects.get_or_create(account=rate.account, defaults={"next_at": now})
        while True:
            free_at = cls.objects.values_list("next_at", flat=True).get(account=rate.account)
            # Further ahead than any queue of workers reaches: reserved by a clock that was wrong.
            is_wrong = free_at > now + LONGEST_QUEUE * timedelta(seconds=rate.per_seconds)
            start = now if is_wrong else max(now, free_at)
            if cls.objects.filter(account=rate.account, next_at=free_at).update(next_at=start + spacing):
                return Grant(permits=block, usable_at=start, expires_at=start + spacing)
