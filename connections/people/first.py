"""The first administrator of a new installation."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from connections import audit
from connections.models import UserPreference

NAME = "admin"
FILE = "first-admin.txt"


@transaction.atomic
def create_first_admin() -> tuple[str, str] | None:
    """Create a superuser who must change the password; return name and password, None when there is a superuser."""
    people = get_user_model().objects
    if people.filter(is_superuser=True).exists():
        return None
    taken = set(people.filter(username__startswith=NAME).values_list("username", flat=True))
    name = next(name for name in (NAME, *(f"{NAME}{n}" for n in range(2, len(taken) + 3))) if name not in taken)
    password = secrets.token_urlsafe(12)
    user = people.create_superuser(name, password=password)
    UserPreference.objects.create(user=user, must_change_password=True)
    audit.record("user.created", actor=audit.COMMAND_LINE, target=user)
    return name, password


def forget_first_password(name: str) -> None:
    """Remove the file with the first password of the user called name: it is no longer valid."""
    path = settings.DATA_DIR / FILE
    if path.exists() and f"name: {name}" in path.read_text().splitlines():
        path.unlink(missing_ok=True)


def first_password_waits() -> bool:
    """Say whether the file with a first password is there: nobody has chosen another one yet."""
    return (settings.DATA_DIR / FILE).exists()


def write_private(path: Path, text: str) -> None:
    """Write text into a file that only its owner can read."""
    path.unlink(missing_ok=True)  # the mode below holds only for a new file
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
