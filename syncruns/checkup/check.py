"""What one look at the installation finds, as codes with parameters."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import prefetch_related_objects

from connections import switches
from connections.models import Connection
from syncruns.listing import Row, load_rows

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Check:
    """One finding. name: what was looked at; code: what was found there (words.py has both in words).

    params: strings, numbers, aware moments, spans, and lists of these.
    """

    name: str
    state: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)


class Scene:
    """What several checks look at, read once."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._began = time.monotonic()

    @property
    def present(self) -> datetime:
        """The moment this is, by the clock that said `now`: looks may have waited since."""
        return self.now + timedelta(seconds=time.monotonic() - self._began)

    @cached_property
    def rows(self) -> list[Row]:
        return load_rows(Connection.objects.filter(deletion=""), self.now)

    @cached_property
    def switched_on(self) -> list[Row]:
        """The connections that people want to sync by themselves, and that nothing of their own has stopped."""
        active = Connection.Status.ACTIVE
        return [row for row in self.rows if row.connection.auto_sync and row.connection.status == active]

    @cached_property
    def planned(self) -> list[Row]:
        """The connections that should be syncing by themselves: those switched on, of kinds that are not off here."""
        rows = [row for row in self.switched_on if not switches.is_off(row.connection.kind)]
        prefetch_related_objects([row.connection for row in rows], "stream_settings")
        return rows
