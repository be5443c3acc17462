"""Credentials at rest: a JSON dict encrypted with rotating keys (CREDENTIAL_KEYS; the first encrypts, all decrypt)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from connections.sdk.errors import SyncError

PREFIX = "f1:"


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(values: dict[str, str]) -> str:
    """Return values as ciphertext with its version prefix; an empty dict stays an empty text."""
    if not values:
        return ""
    plain = json.dumps(values, separators=(",", ":"), sort_keys=True).encode()
    return PREFIX + _fernet(tuple(settings.CREDENTIAL_KEYS)).encrypt(plain).decode()


def decrypt(stored: str) -> dict[str, str]:
    """Return what encrypt was given. Raises SyncError("secrets_unreadable"); never returns ciphertext."""
    if not stored:
        return {}
    try:
        if not stored.startswith(PREFIX):
            raise InvalidToken
        plain = _fernet(tuple(settings.CREDENTIAL_KEYS)).decrypt(stored[len(PREFIX) :].encode())
    except InvalidToken:
        raise SyncError("secrets_unreadable") from None
    values: dict[str, str] = json.loads(plain)
    return values


def rotate(stored: str) -> str:
    """Return the same secrets encrypted with today's first key. Raises SyncError("secrets_unreadable")."""
    return encrypt(decrypt(stored))


class Secrets(str):
    """Ciphertext of a connection's secrets. Reads as nothing in logs; reveal() is the only way to the values."""

    def reveal(self) -> dict[str, str]:
        return decrypt(str.__str__(self))

    def ciphertext(self) -> str:
        return str.__str__(self)

    def __repr__(self) -> str:
        return "<secrets>"


class _Sealing(DeferredAttribute):
    """Encrypts what is assigned, so that plain values never stay on an instance."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.to_python(value)


class SecretsField(models.TextField):
    """A column of ciphertext. Assign a dict to encrypt it; read a Secrets and call reveal() where it is used."""

    descriptor_class = _Sealing
    _pyi_private_set_type: Any  # for type checkers: a dict, or Secrets
    _pyi_private_get_type: Any  # always Secrets

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", "")
        kwargs.setdefault("blank", True)
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> Secrets:
        return Secrets(value or "")

    def to_python(self, value: Any) -> Secrets:
        if isinstance(value, Secrets):
            return value
        if isinstance(value, dict):
            return Secrets(encrypt(value))
        return Secrets(value or "")

    def get_prep_value(self, value: Any) -> str:
        return self.to_python(value).ciphertext()

    def value_to_string(self, obj: models.Model) -> str:
        return self.to_python(self.value_from_object(obj)).ciphertext()

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError("Secrets cannot be searched.")
        return super().get_lookup(lookup_name)
