"""Marks words that connectors declare, so that the console can show them in the reader's language."""

from __future__ import annotations


def gettext_noop(message: str) -> str:
    """Return message unchanged; makemessages finds it, the console translates it when it is read."""
    return message
