"""Checks that those who want e-mail get it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Max, Q

from syncruns.checkup.check import OK, WARNING, Check, Scene
from syncruns.models import Delivery, NotificationRule

RECENT = timedelta(days=1)
State = Delivery.State


def check_mail(scene: Scene) -> Iterator[Check]:
    """Look whether messages go out, and whether anyone waits for some that cannot."""
    if not settings.EMAIL_HOST:
        wanting = NotificationRule.objects.filter(is_on=True, user__is_active=True).count()
        yield Check("mail", WARNING, "mail_wanted", {"count": wanting}) if wanting else Check("mail", OK, "mail_off")
        return
    last = Delivery.objects.filter(state=State.SENT).aggregate(at=Max("sent_at"))["at"]
    refused = Q(state=State.FAILED, created_at__gt=max(last or scene.now - RECENT, scene.now - RECENT))
    postponed = Q(state=State.WAITING) & ~Q(error_code="")
    trouble = Delivery.objects.filter(refused | postponed).first()
    if trouble is not None:
        params = {"mail_error": trouble.error_code, "error_params": trouble.error_params, "at": trouble.created_at}
        yield Check("mail", WARNING, "mail_failing", params)
    else:
        yield Check("mail", OK, "mail_sent" if last else "mail_new", {"at": last, "host": settings.EMAIL_HOST})
