"""What happened to a connection, newest first: its runs, and what people changed. Paged in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, overload
from uuid import UUID

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast

from connections.models import AuditEvent, Connection
from syncruns.events import Change, changes, sentence
from syncruns.models import SyncRun

RUNS, CHANGES = "runs", "changes"
# Runs tell these themselves.
TOLD_BY_RUNS = ("run.", "records.loaded")


@dataclass(frozen=True)
class Entry:
    """A run, or what somebody did: words, and values before and after."""

    at: datetime
    run: SyncRun | None = None
    event: AuditEvent | None = None
    words: str = ""
    changes: list[Change] = field(default_factory=list)


class Timeline(Sequence[Entry]):
    """Entries of a connection, as a Paginator takes them. show: RUNS, CHANGES, or anything else for both."""

    def __init__(self, connection: Connection, show: str = "", *, with_values: bool) -> None:
        self._with_values = with_values
        runs = SyncRun.objects.filter(connection=connection)
        events = changes_of(connection)
        self._runs = runs.none() if show == CHANGES else runs
        self._events = events.none() if show == RUNS else events

    def __len__(self) -> int:
        return self._runs.count() + self._events.count()

    @overload
    def __getitem__(self, wanted: int) -> Entry: ...

    @overload
    def __getitem__(self, wanted: slice) -> list[Entry]: ...

    def __getitem__(self, wanted: int | slice) -> Entry | list[Entry]:
        if isinstance(wanted, int):
            return self[wanted : wanted + 1][0]
        keys = list(self._keys()[wanted])
        run_ids = [UUID(key) for _at, what, key in keys if what == RUNS]
        event_ids = [int(key) for _at, what, key in keys if what == CHANGES]
        runs = SyncRun.objects.select_related("requested_by", "connection").defer("error_detail").in_bulk(run_ids)
        SyncRun.add_up(runs.values())
        events = AuditEvent.objects.in_bulk(event_ids)
        entries = [
            self._of_run(runs.get(UUID(key))) if what == RUNS else self._of_event(events.get(int(key)))
            for _at, what, key in keys
        ]
        return [entry for entry in entries if entry is not None]  # one may have been removed meanwhile

    def _keys(self) -> Any:
        return (
            _keyed(self._runs, "queued_at", RUNS)
            .union(_keyed(self._events, "at", CHANGES), all=True)
            .order_by("-moment", "key")
        )

    def _of_run(self, run: SyncRun | None) -> Entry | None:
        return Entry(run.started_at or run.queued_at, run=run) if run is not None else None

    def _of_event(self, event: AuditEvent | None) -> Entry | None:
        if event is None:
            return None
        values = changes(event.params) if self._with_values else []
        return Entry(event.at, event=event, words=sentence(event.action, event.params), changes=values)


def changes_of(connection: Connection) -> QuerySet[AuditEvent]:
    """Return what people and Sincro itself did to a connection, other than running it."""
    events = AuditEvent.objects.filter(target_kind="connection", target_id=str(connection.pk))
    for prefix in TOLD_BY_RUNS:
        events = events.exclude(action__startswith=prefix)
    return events


def _keyed(rows: QuerySet[Any], moment: str, what: str) -> Any:
    return (
        rows.order_by()
        .annotate(moment=F(moment), what=Value(what, CharField()), key=Cast("pk", CharField()))
        .values_list("moment", "what", "key")
    )
