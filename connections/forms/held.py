"""Secrets typed into a form that could not be saved yet.

They must not be lost, and must not come back readable, nor lie in a session row. So the page carries them encrypted
with the keys of stored secrets, signed for one user and one hour.
"""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.core.signing import BadSignature, TimestampSigner

from connections.sdk.errors import SyncError
from connections.secrets import decrypt, encrypt

LIFE_SECONDS = 3600


def hold(user: User | AnonymousUser, secrets: dict[str, str]) -> str:
    """Return secrets as a text that only recover() for the same user can read; an empty dict is an empty text."""
    return _signer(user).sign(encrypt(secrets)) if secrets else ""


def recover(user: User | AnonymousUser, token: str) -> dict[str, str] | None:
    """Return what hold() was given; None when the token is another user's, over an hour old, or damaged."""
    if not token:
        return {}
    try:
        return decrypt(_signer(user).unsign(token, max_age=LIFE_SECONDS))
    except (BadSignature, SyncError):
        return None


def _signer(user: User | AnonymousUser) -> TimestampSigner:
    return TimestampSigner(salt=f"connections.forms.held:{user.pk}")
