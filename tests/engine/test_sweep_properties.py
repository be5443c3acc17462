"""Whatever a source's history and however its reads end: after two complete sweeps the live rows are those it has."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.models import Connection
from connections.sdk.declare import Page, Stream, Sweep
from connections.sdk.errors import Interruption
from syncruns.engine import settlement
from syncruns.engine.load import StreamLoad
from syncruns.engine.log import RunLog
from syncruns.engine.warehouse import scratch, warehouse
from syncruns.engine.warehouse.sqlite import SqliteWarehouse
from syncruns.models import Checkpoint, DeleteBrake, StreamRun, SyncRun
from tests.engine.scripted import ITEMS

pytestmark = pytest.mark.django_db

ANCHOR = 0  # always there, so that a sweep never meets nothing and never misses all
STREAM = Stream("items", "Items", (ITEMS,))
identities = st.integers(1, 9)  # fewer than the brake would stop
histories = st.lists(
    st.one_of(
        st.tuples(st.just("appear or change"), st.sets(identities, min_size=1, max_size=4)),
        st.tuples(st.just("vanish"), st.sets(identities, min_size=1, max_size=4)),
        st.tuples(st.just("read changes"), st.sets(identities, max_size=4)),
        st.tuples(st.just("sweep by keys"), st.integers(1, 4)),
        st.tuples(st.just("sweep by rows"), st.integers(1, 4)),
        st.tuples(st.just("broken off"), st.integers(1, 4)),
        st.tuples(st.just("taken over"), st.integers(1, 4)),
        st.tuples(st.just("empty answer"), st.none()),
    ),
    max_size=14,
)


@dataclass
class World:
    """A source, the connection that reads it, and what its table must hold by the rules."""

    connection: Connection
    source: dict[int, str] = field(default_factory=lambda: {ANCHOR: "0"})
    live: dict[int, str] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)  # by the last complete sweep, and not written since
    clock: int = 0

    def play(self, what: str, how: Any) -> None:
        """Let something happen at the source, or be read from it."""
        if what == "appear or change":
            self.clock += 1
            self.source |= {identity: str(self.clock) for identity in how}
        elif what == "vanish":
            self.source = {identity: name for identity, name in self.source.items() if identity not in how}
        elif what == "read changes":
            self._read([_rows({identity: self.source[identity] for identity in how if identity in self.source})])
        elif what == "empty answer":
            self._read([Page(sweep=Sweep("items", begins=True, complete=True))])
        else:
            self._sweep(what, how)

    def _sweep(self, what: str, size: int) -> None:
        pages = list(_sweep_pages(self.source, size, with_rows=what == "sweep by rows"))
        if what == "broken off":
            pages = pages[: max(1, len(pages) - 1)] if len(pages) > 1 else [Page(sweep=Sweep("items", begins=True))]
        self._read(pages, taken_over=what == "taken over")
        if what in ("broken off", "taken over"):
            return
        gone = self.live.keys() - self.source.keys()
        for identity in gone & self.missed:
            del self.live[identity]
        self.missed = gone - self.missed

    def _read(self, pages: Sequence[Page], *, taken_over: bool = False) -> None:
        SyncRun.objects.filter(connection=self.connection).delete()
        run = SyncRun.objects.create(
            connection=self.connection,
            trigger="manual",
            state="running",
            token=uuid.uuid4(),
            lease_until=timezone.now(),
        )
        row = StreamRun.objects.create(run=run, stream="items", label="Items")
        with transaction.atomic():
            checkpoint = Checkpoint.taken(run, "items")
        load = StreamLoad(run, row, STREAM, "scripted", checkpoint, warehouse(), RunLog(run))
        try:
            load.load(pages[:-1])
            if taken_over:
                Checkpoint.objects.update(token=None)
                with pytest.raises(Interruption):
                    load.load(pages[-1:])
                pages = pages[:-1]
            else:
                load.load(pages[-1:])
        finally:
            load.close()
        for page in pages:
            for record in page.rows.get("items", ()):
                if self.live.get(record["id"]) != record["name"]:
                    self.live[record["id"]] = record["name"]
                    self.missed.discard(record["id"])


def _rows(records: dict[int, str]) -> Page:
    return Page({"items": [{"id": identity, "name": name} for identity, name in records.items()]})


def _sweep_pages(source: dict[int, str], size: int, *, with_rows: bool) -> Sequence[Page]:
    parts = [dict(list(source.items())[start : start + size]) for start in range(0, len(source), size)]
    return [
        Page(
            _rows(part).rows if with_rows else {},
            sweep=Sweep(
                "items",
                () if with_rows else [(identity,) for identity in part],
                begins=number == 0,
                complete=number == len(parts) - 1,
            ),
        )
        for number, part in enumerate(parts)
    ]


@pytest.fixture
def world(make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch) -> Callable[[], World]:
    monkeypatch.setattr(settlement, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(scratch, "FEW_KEYS", 4)  # so that sweeps of more go on with a table
    monkeypatch.setattr(SqliteWarehouse, "rows_at_once", 2)  # there, larger pages take several transactions
    warehouse().prepare("scripted", STREAM.tables)
    return lambda: World(make_connection(kind="scripted"))


def live_rows(connection: Connection) -> dict[int, str]:
    place = "scripted.items" if database.vendor == "postgresql" else "scripted_items"
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT id, name FROM {place} WHERE _connection_id = %s AND _deleted_at IS NULL", [connection.pk]
        )
        return dict(cursor.fetchall())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_rows_are_deleted_exactly_when_two_complete_sweeps_in_a_row_missed_them(
    world: Callable[[], World], history: list[tuple[str, Any]]
) -> None:
    played = world()
    for what, how in history:
        played.play(what, how)
        assert live_rows(played.connection) == played.live, (what, how)
    for _time in range(2):
        played.play("sweep by rows", 3)
    assert live_rows(played.connection) == played.source
    assert not DeleteBrake.objects.exists()
