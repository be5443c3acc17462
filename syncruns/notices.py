"""What people should know before it becomes a fault: credentials that end soon, rows that are about to go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.expiry import Ending, endings
from connections.explanation import day_words
from connections.models import Connection


@dataclass(frozen=True)
class Notice:
    """One thing to do in time. is_over: the time has passed. is_ending: it is credentials that end."""

    connection: Connection
    sentence: str
    is_over: bool = False
    is_ending: bool = True


def notices_of(connection: Connection, now: datetime) -> list[Notice]:
    """Return what the connection's pages warn of; of credentials nothing while an error card already asks for them."""
    return [*_turned(connection), *_ending(connection, now)]


def _turned(connection: Connection) -> list[Notice]:
    if not connection.starts_over or connection.first_loaded_at is None:
        return []
    text = _("What is stored was loaded from another source. The next sync removes it, then reads the one set now.")
    return [Notice(connection, text, is_ending=False)]


def _ending(connection: Connection, now: datetime) -> list[Notice]:
    if connection.status_code.startswith("credentials_"):
        return []
    return [Notice(connection, ending_sentence(ending), is_over=ending.days < 0) for ending in endings(connection, now)]


def ending_sentence(ending: Ending) -> str:
    """Say when a secret ends, or that it has."""
    words = {
        "secret": _(ending.secret.label),
        "on": day_words(ending.on),
        "days": ending.days,
    }
    if ending.days < 0:
        return _("%(secret)s: it was to end on %(on)s.") % words
    if ending.days == 0:
        return _("%(secret)s: it ends today.") % words
    return (
        ngettext(
            "%(secret)s: it ends in %(days)s day, on %(on)s.",
            "%(secret)s: it ends in %(days)s days, on %(on)s.",
            ending.days,
        )
        % words
    )
