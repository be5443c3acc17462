"""A connection is turned to another source: what the earlier one left goes before anything of the new one comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from connections.mixing import OtherSource
from connections.models import AuditEvent, Connection
from connections.sdk.context import Context
from connections.sdk.declare import Document as File
from connections.sdk.declare import Page
from connections.sdk.errors import Interruption
from connections.services import update_connection
from syncruns import starting_over, tasks
from syncruns.backfills import begin_backfill, queue_windows
from syncruns.deletion import rows_of
from syncruns.engine.dry_run import dry_run
from syncruns.models import (
    Backfill,
    Change,
    Checkpoint,
    Correction,
    DeleteBrake,
    Document,
    MissedRow,
    QuarantinedRecord,
    Reset,
    SyncRun,
)
from syncruns.services import request_sync
from tests.engine.scripted import ScriptedConnector, items, pages, sweep

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]
KEPT = (Reset, MissedRow, DeleteBrake, QuarantinedRecord, Correction, Backfill, Document)
OTHER = {"base_url": "http://other.example"}


@pytest.fixture
def loaded(shop: Connection, sync_now: Sync) -> Connection:
    """The shop with rows, deleted ones too, a checkpoint, a document and all else that is kept about rows."""
    file = File(b"a paper", "text/plain", "paper.txt")
    first = replace(items((1, "a"), (2, "b"), (4, "d"), checkpoint={"at": 1}), documents=(file,))
    sync_now({"items": pages(first, Page(deletes={"items": [(2,)]}))})
    sync_now({"items": pages(items((1, "a", "1"), (3, "c", "dear")), sweep(3))})
    Correction.objects.create(connection=shop, stream="items", table="items", key=[1], column="name", value="mine")
    begin_backfill(shop, "items", timezone.now() - timezone.timedelta(days=2), timezone.now())
    return shop


def turned(connection: Connection, **values: str) -> Connection:
    return update_connection(connection, values=values or OTHER, start_over=True)


def test_nothing_of_the_earlier_source_meets_anything_of_the_new_one(loaded: Connection, sync_now: Sync) -> None:
    with pytest.raises(OtherSource):
        update_connection(loaded, values=OTHER)
    held = {model.__name__: model.objects.filter(connection=loaded).count() for model in KEPT}
    assert [name for name, count in held.items() if not count] == ["Reset", "DeleteBrake"]
    assert rows_of(loaded) == {"items": 3}
    turned(loaded)
    found: list[Any] = []

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        found.append((state, rows_of(loaded), sum(model.objects.filter(connection=loaded).count() for model in KEPT)))
        found.append(Change.objects.filter(run__connection=loaded).count())
        yield items((1, "other", "1"), checkpoint={"at": 9})

    run = sync_now({"items": script})
    assert run.state == "succeeded" and found == [(None, {}, 0), 0]
    assert rows_of(loaded) == {"items": 1} and run.inserted == 1
    assert not loaded.starts_over and loaded.is_tied
    assert AuditEvent.objects.filter(action="connection.turned").count() == 1
    assert AuditEvent.objects.get(action="connection.emptied").params == {"rows": 3, "tables": 1, "run": str(run.pk)}
    assert run.logs.get(event="started_over").params == {"rows": 3, "tables": 1}
    sync_now()
    assert Checkpoint.objects.get(connection=loaded, stream="items").state == {"at": 9}


def test_run_of_the_earlier_source_writes_nothing_more(
    loaded: Connection, sync_now: Sync, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    for listens in (True, False):  # told by its lease, and found out by the load itself
        if not listens:
            monkeypatch.setattr("syncruns.lease.LISTEN_SECONDS", 60.0)
        name = f"http://{'first' if listens else 'second'}.example"

        def script(
            state: dict[str, Any] | None, context: Context, name: str = name, listens: bool = listens
        ) -> Iterator[Page]:
            yield items((7, "mine", "1"), checkpoint={"at": 7})
            while not Checkpoint.objects.filter(connection=loaded, state={"at": 7}).exists():
                context.wait(0.05)
            turned(loaded, base_url=name)
            if listens:
                context.wait(60)
            yield items((8, "mixed", "1"), checkpoint={"at": 8})

        run = sync_now({"items": script})
        assert (run.state, run.error_code) == ("cancelled", "source_changed")
        assert (8, "mixed") not in rows("items", "id, name")
        assert sync_now({"items": pages(items((9, name, "1"), checkpoint={"at": 7}))}).state == "succeeded"
        assert rows("items", "id, name") == [(9, name)]


def test_run_that_is_killed_while_it_empties_is_followed_by_one_that_goes_on(
    loaded: Connection, sync_now: Sync, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting_over, "BATCH", 1)
    turned(loaded)
    loaded.refresh_from_db()
    ScriptedConnector.scripts = {"items": pages(items((5, "new", "1")))}
    kept, breaks = starting_over.held, 0
    while loaded.starts_over:
        allowed = breaks

        def held(run: SyncRun) -> Any:
            nonlocal allowed
            if not allowed:
                raise Interruption("worker_lost")
            allowed -= 1
            return kept(run)

        monkeypatch.setattr(starting_over, "held", held)
        run = sync_now(trigger="cli")
        assert run.state == ("lost" if loaded.starts_over else "succeeded")
        assert not (loaded.starts_over and rows("items", "id, name") == [(5, "new")])
        breaks += 1
    assert breaks > 8 and rows("items", "id, name") == [(5, "new")]


def test_source_that_changes_again_while_the_first_is_emptied_is_the_one_that_is_read(
    loaded: Connection, sync_now: Sync, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned(loaded)
    empty = starting_over._empty_rows

    def slowly(*given: Any) -> None:
        empty(*given)
        turned(loaded, base_url="http://third.example")

    monkeypatch.setattr(starting_over, "_empty_rows", slowly)
    run = sync_now({"items": pages(items((1, "second", "1")))})
    assert (run.state, run.error_code) == ("cancelled", "source_changed") and rows("items", "id, name") == []
    monkeypatch.setattr(starting_over, "_empty_rows", empty)
    assert sync_now({"items": pages(items((1, "third", "1")))}).state == "succeeded"
    assert rows("items", "id, name") == [(1, "third")]


def test_change_of_source_during_the_first_read_is_no_way_around_it(shop: Connection, sync_now: Sync) -> None:
    """Nothing was stored when it was asked for, so nobody had to choose; but something was by then."""

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        update_connection(shop, values=OTHER)
        yield items((1, "mine", "1"))

    assert sync_now({"items": script}).error_code == "source_changed"
    assert rows_of(shop) == {}
    assert sync_now({"items": pages(items((2, "other", "1")))}).state == "succeeded"
    assert rows_of(shop) == {"items": 1}


def test_dry_run_before_the_start_tells_of_the_new_source_alone(loaded: Connection) -> None:
    turned(loaded)
    loaded.refresh_from_db()
    ScriptedConnector.scripts = {"items": pages(items((1, "other", "1"), (6, "more", "1")), sweep(1, 6))}
    told = next(row for row in dry_run(loaded) if row.stream == "items")
    assert (told.inserted, told.updated, told.deleted) == (2, 0, 0)
    run, _created = request_sync(loaded, dry=True, call_worker=False)
    tasks.execute_run(run.pk)
    assert rows_of(loaded) == {"items": 3}
    assert Connection.objects.get().starts_over


def test_dry_run_of_a_step_before_the_start_meets_no_row_of_the_earlier_source(
    bills: Connection, sync_bills: Sync
) -> None:
    sync_bills()
    turned(bills, base_url="http://127.0.0.1:9", token="other")
    bills.refresh_from_db()
    (told,) = dry_run(bills, streams=["months"])
    assert (told.error_code, told.read, told.inserted) == ("", 0, 0)
    assert dry_run(bills, streams=["readings"])[0].read == 0


def test_stream_with_a_rhythm_of_its_own_and_backfills_do_not_take_the_earlier_reads_for_their_own(
    loaded: Connection, sync_now: Sync, rows: Rows
) -> None:
    loaded.stream_settings.create(stream="items", every_minutes=600)
    turned(loaded)
    assert queue_windows(timezone.now()) == 0
    ScriptedConnector.scripts = {"items": pages(items((1, "other", "1")))}
    run = SyncRun.objects.create(connection=loaded, trigger="schedule", slot=timezone.now())
    tasks.execute_run(run.pk)
    assert rows("items", "id, name") == [(1, "other")]


def test_same_source_in_other_letters_is_no_other_source(loaded: Connection) -> None:
    connection = update_connection(loaded, values={"base_url": " HTTP://Shop.example/ "})
    assert connection.is_tied and connection.source_number == 1
