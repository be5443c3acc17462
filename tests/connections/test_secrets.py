"""Credentials at rest: unreadable without their keys, rotated without loss, never shown by accident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection as database

from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.secrets import decrypt, encrypt, rotate

CANARY = "canary-7f3a-segredo"


def test_types_and_odd_characters_survive() -> None:
    values = {"token": CANARY, "password": ' ção "\\\n€', "port": "8069"}
    assert decrypt(encrypt(values)) == values


def test_the_first_key_encrypts_and_all_keys_decrypt(settings: Any) -> None:
    old = settings.CREDENTIAL_KEYS
    stored = encrypt({"token": CANARY})
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode(), *old]
    moved = rotate(stored)
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS[:1]
    assert decrypt(moved) == {"token": CANARY}
    with pytest.raises(SyncError) as refused:
        decrypt(stored)
    assert refused.value.code == "secrets_unreadable"


@pytest.mark.parametrize("stored", ["plain text", "f1:", "f1:AAAA"])
def test_what_is_not_ciphertext_is_never_returned(stored: str) -> None:
    with pytest.raises(SyncError):
        decrypt(stored)


@pytest.mark.django_db
def test_a_connection_shows_its_secrets_nowhere_by_accident(make_connection: Callable[..., Connection]) -> None:
    made = make_connection(secrets={"token": CANARY})
    connection = Connection.objects.get(pk=made.pk)
    assert connection.secrets.reveal() == {"token": CANARY}
    with database.cursor() as cursor:
        cursor.execute("SELECT secrets FROM connections_connection")
        (stored,) = cursor.fetchone()
    dumped = serializers.serialize("json", [connection])
    for text in (stored, dumped, repr(connection.secrets), str(connection.__dict__), f"{connection.secrets}"):
        assert CANARY not in text
    with pytest.raises(FieldError):
        Connection.objects.filter(secrets__contains="x").exists()
