"""Texts: words that connectors declare, marked to be translated, and what a source says, made fit to be kept."""

from __future__ import annotations

from typing import Any


def gettext_noop(message: str) -> str:
    """Return message unchanged; makemessages finds it, the console translates it when it is read."""
    return message


def storable(value: Any) -> Any:
    """Return a JSON value with texts that every database keeps: a sign stands for NUL, another for lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    return type(value)(map(storable, value)) if isinstance(value, list | tuple) else value
