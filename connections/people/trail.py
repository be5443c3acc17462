"""Notes sign-ins, failed sign-ins, lockouts and sign-outs, wherever they happen, as AuditEvents."""

from __future__ import annotations

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from connections import audit
from connections.people.address import client_address


def connect() -> None:
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_failed)
    user_locked_out.connect(_locked_out)


def _signed_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    audit.record("sign_in.ok", user=user, target=user, address=client_address(request))


def _signed_out(request: HttpRequest, user: User | None, **_signal: Any) -> None:
    if user is not None:
        audit.record("sign_out", user=user, target=user, address=client_address(request))


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_signal: Any) -> None:
    _refused("sign_in.failed", request, str(credentials.get("username") or ""))


def _locked_out(request: HttpRequest, username: str, **_signal: Any) -> None:
    _refused("sign_in.locked", request, username)


def _refused(action: str, request: HttpRequest | None, username: str) -> None:
    # A name that nobody has is not kept: people type their password into the wrong field.
    user = get_user_model().objects.filter(username=username).first()
    address = client_address(request) if request is not None else ""
    audit.record(action, actor=username if user else "?", target=user, address=address)
