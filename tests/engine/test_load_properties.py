"""However pages are cut, repeated, spoilt or interrupted: counts add up, and no checkpoint passes what was not read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db import connection as database
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connections.models import Connection
from connections.sdk.declare import Page, Stream
from connections.sdk.errors import Interruption
from syncruns.engine.load import StreamLoad
from syncruns.engine.log import RunLog
from syncruns.engine.warehouse import warehouse
from syncruns.models import Checkpoint, QuarantinedRecord, StreamRun, SyncRun
from tests.engine.destination import Destination
from tests.engine.scripted import ITEMS, PARTS, TAGS

pytestmark = pytest.mark.django_db
few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

STREAM = Stream("items", "Items", (ITEMS,))
# (id, price): keys repeat within and across pages, and some prices cannot be typed.
records = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["1", "2.50", "dear"])), max_size=24)
cuts = st.lists(st.integers(1, 5), min_size=1, max_size=8)
blows = st.lists(st.sampled_from(["none", "taken over", "database", "ends early"]), max_size=5)


@pytest.fixture
def new_load(
    make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Connection], StreamLoad]:
    monkeypatch.setattr("django.conf.settings.BAD_RECORDS_SHARE", 1)
    warehouse().prepare("scripted", STREAM.tables)

    def begin(connection: Connection) -> StreamLoad:
        SyncRun.objects.filter(connection=connection).delete()
        run = SyncRun.objects.create(
            connection=connection,
            trigger="manual",
            state="running",
            token=uuid.uuid4(),
            lease_until=timezone.now(),
        )
        row = StreamRun.objects.create(run=run, stream="items", label="Items")
        with transaction.atomic():
            checkpoint = Checkpoint.taken(run, "items")
        return StreamLoad(run, row, STREAM, "scripted", checkpoint, warehouse(), RunLog(run))

    return begin


def pages_from(source: Sequence[tuple[int, str]], start: int, sizes: Sequence[int]) -> list[Page]:
    """Cut what follows start into pages of these sizes, over and over; each may be gone on from."""
    pages: list[Page] = []
    while start < len(source):
        part = source[start : start + sizes[len(pages) % len(sizes)]]
        start += len(part)
        rows = [{"id": identity, "name": "x", "price": price} for identity, price in part]
        pages.append(Page({"items": rows}, checkpoint={"read": start}))
    return pages


def stored(connection: Connection) -> dict[int, str]:
    place = "scripted.items" if database.vendor == "postgresql" else "scripted_items"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT id, price FROM {place} WHERE _connection_id = %s", [connection.pk])
        return {identity: f"{float(price):.2f}" for identity, price in cursor.fetchall()}


def newest(source: Sequence[tuple[int, str]]) -> dict[int, str]:
    return {identity: f"{float(price):.2f}" for identity, price in source if price != "dear"}


def bad(source: Sequence[tuple[int, str]]) -> set[str]:
    return {str(identity) for identity, price in dict(source).items() if price == "dear"}


@few
@given(source=records, sizes=cuts, groups=cuts, blows=blows)
@example(source=[(1, "dear"), (1, "1"), (2, "1"), (2, "dear")], sizes=[4], groups=[1], blows=[])
def test_interrupted_reads_end_as_one_that_was_not(
    new_load: Callable[[Connection], StreamLoad],
    make_connection: Callable[..., Connection],
    source: list[tuple[int, str]],
    sizes: list[int],
    groups: list[int],
    blows: list[str],
) -> None:
    connection = make_connection(kind="scripted")
    for blow in [*blows, "none"]:
        load = new_load(connection)
        waiting = pages_from(source, (load.checkpoint.state or {"read": 0})["read"], sizes)
        for number in range(len(waiting)):
            if not waiting:
                break
            size = groups[number % len(groups)]
            group, waiting = waiting[:size], waiting[size:]
            if blow == "ends early" and number == 1:
                break
            if not _load(load, group, blow if number == 1 else "none"):
                break
        reached = (Checkpoint.objects.get(connection=connection).state or {"read": 0})["read"]
        assert stored(connection) == newest(source[:reached])
        quarantine = QuarantinedRecord.objects.filter(connection=connection)
        assert set(quarantine.filter(state="open").values_list("record_key", flat=True)) == bad(source[:reached])
        row = StreamRun.objects.get(pk=load.row.pk)
        assert row.read == row.inserted + row.updated + row.unchanged + row.deduplicated + row.quarantined
    assert stored(connection) == newest(source)


def _load(load: StreamLoad, group: list[Page], blow: str) -> bool:
    """Load a group while something befalls it; return whether the read may go on."""
    if blow == "taken over":
        Checkpoint.objects.filter(pk=load.checkpoint.pk).update(token=None)
        with pytest.raises(Interruption):
            load.load(group)
        return False
    if blow == "database":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StreamLoad, "_count", _breaks)
            with pytest.raises(DatabaseError):
                load.load(group)
        return False
    load.load(group)
    return True


def _breaks(*_arguments: Any) -> None:
    raise DatabaseError("the server closed the connection")


Parts = dict[int, tuple[int, bool]]  # id -> the set it belongs to, and whether it cannot be typed
sources = st.dictionaries(st.integers(1, 6), st.tuples(st.integers(1, 3), st.booleans()), max_size=6)


@few
@given(history=st.lists(st.tuples(sources, st.sets(st.integers(1, 3))), max_size=6), last=sources)
def test_sets_hold_what_the_source_last_showed_and_rejected_records_spare_theirs(
    parts: Destination, history: list[tuple[Parts, set[int]]], last: Parts
) -> None:
    parts.connection_id += 1
    live: dict[int, int] = {}
    clean = {identity: (need, False) for identity, (need, _bad) in last.items()}
    for source, needs in [*history, (clean, {1, 2, 3})]:
        shown = {identity: part for identity, part in source.items() if part[0] in needs}
        page = Page(
            {"parts": [_part(identity, *part) for identity, part in shown.items()]},
            sets={"parts": [(need,) for need in needs]},
        )
        deleted = parts.load_page(page).deleted
        complete = needs - {need for need, is_bad in shown.values() if is_bad}
        gone = {identity for identity, need in live.items() if need in complete and identity not in shown}
        live = {identity: need for identity, need in live.items() if identity not in gone}
        live |= {identity: need for identity, (need, is_bad) in shown.items() if not is_bad}
        assert deleted == len(gone)
        assert {row[0]: row[1] for row in parts.live("parts")} == live
    assert live == {identity: need for identity, (need, _bad) in last.items()}


def _part(identity: int, need: int, is_bad: bool) -> dict[str, Any]:
    return {"id": identity, "need": need, "quantity": "many" if is_bad else "1"}


@pytest.fixture
def parts() -> Destination:
    return Destination(PARTS, TAGS, schema="scripted")
