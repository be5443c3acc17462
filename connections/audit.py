"""Writes AuditEvents: one line a change, toggle, sync or sign-in, with names of fields and never a secret's value."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import models

from connections.models.audit import AuditEvent

SYSTEM = "sincro"
COMMAND_LINE = "cli"


def record(
    action: str,
    *,
    user: User | AnonymousUser | None = None,
    actor: str = "",
    target: models.Model | None = None,
    **params: Any,
) -> AuditEvent:
    """Note that user (or actor, a name, when no user is at hand) did action to target.

    action: "connection.created", "auto_sync.on", "run.requested"... (texts in syncruns/events.py).
    """
    known = user if isinstance(user, User) else None
    return AuditEvent.objects.create(
        user=known,
        actor=actor or (known.get_username() if known else SYSTEM),
        action=action,
        target_kind=target._meta.model_name or "" if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        target_name=str(target)[:150] if target is not None else "",
        params=params,
    )
