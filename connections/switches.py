"""Switches of whole kinds: RUN_AUVO=0 in the environment lets no connection of that kind sync on this installation."""

from __future__ import annotations

import os

from connections.sdk.errors import SyncError

OFF = ("0", "false", "no", "off")


def variable_of(kind: str) -> str:
    """Return the name of a kind's variable."""
    return f"RUN_{kind.upper()}"


def is_off(kind: str) -> bool:
    """Say whether the environment switches a kind off; left out or empty, it is on."""
    return os.environ.get(variable_of(kind), "").strip().lower() in OFF


def kinds_off() -> set[str]:
    """Return the kinds that the environment switches off; there may be no connector of such a name."""
    begin = variable_of("")
    named = {name.removeprefix(begin).lower() for name in os.environ if name.startswith(begin)}
    return {kind for kind in named if is_off(kind)}


def check(kind: str) -> None:
    """Raise SyncError kind_off when a kind is switched off."""
    if is_off(kind):
        raise SyncError("kind_off", variable=variable_of(kind))
