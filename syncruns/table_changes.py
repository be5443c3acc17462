"""How a connection's tables changed of late: told on its page for a week, without asking for anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connections.models import Connection
from syncruns.events import sentence
from syncruns.timeline import changes_of

SHOWN_FOR = timedelta(days=7)
MOST = 3


@dataclass(frozen=True)
class TableChanges:
    """The newest changes of a connection's tables in words. at: of the last one; more: how many others there were."""

    at: datetime
    sentences: Sequence[str]
    more: int


def table_changes(connection: Connection, now: datetime) -> TableChanges | None:
    """Return what a week of syncs changed in the connection's tables; None when they stayed as they were."""
    events = list(changes_of(connection).filter(action__startswith="schema.", at__gte=now - SHOWN_FOR))
    if not events:
        return None
    sentences = list(dict.fromkeys(sentence(event.action, event.params) for event in events))
    return TableChanges(events[0].at, sentences[:MOST], max(len(sentences) - MOST, 0))
