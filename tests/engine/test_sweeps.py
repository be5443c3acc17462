"""Sweeps: what two complete ones in a row missed is marked deleted, and nothing else ever is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connections.models import Connection
from connections.sdk.context import Context
from connections.sdk.declare import Page, Sweep, Within
from connections.sdk.errors import Interruption
from syncruns.engine import settlement
from syncruns.engine.dry_run import dry_run
from syncruns.engine.warehouse import scratch
from syncruns.models import Checkpoint, MissedRow, SyncRun
from tests.engine.scripted import ScriptedConnector, fails, items, pages, sweep
from tests.engine.test_dry_run import everything

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]
FOUR = [(number, "x", "1") for number in range(1, 5)]


def ids(rows: Rows, table: str = "items") -> list[int]:
    return [row[0] for row in rows(table, "id, _run_id")]


def events(run: SyncRun) -> dict[str, int]:
    """Return what the log says of sweeps: event -> how many."""
    return {entry.event: entry.params.get("count", 0) for entry in run.logs.filter(event__startswith="sweep_")}


def test_row_missed_by_two_complete_sweeps_is_marked_deleted(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    first = sync_now({"items": pages(sweep(1, 2, 4))})
    assert (ids(rows), first.deleted, events(first)) == ([1, 2, 3, 4], 0, {"sweep_began": 0, "sweep_missed": 1})
    second = sync_now({"items": pages(sweep(1, 2, 4))})
    assert (ids(rows), second.deleted, events(second)) == ([1, 2, 4], 1, {"sweep_began": 0, "sweep_deleted": 1})
    assert second.streams.get(stream="items").deleted == 1
    assert not MissedRow.objects.exists()


def test_row_met_between_two_misses_stays(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    for met in ((1, 2), (1, 2, 3, 4), (1, 2)):
        sync_now({"items": pages(sweep(*met))})
    assert ids(rows) == [1, 2, 3, 4]


def test_row_that_changed_after_it_was_missed_is_missed_anew(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    sync_now({"items": pages(sweep(1, 2, 3))})
    sync_now({"items": pages(items((4, "changed", "1")))})
    sync_now({"items": pages(sweep(1, 2, 3))})
    assert ids(rows) == [1, 2, 3, 4]
    sync_now({"items": pages(sweep(1, 2, 3))})
    assert ids(rows) == [1, 2, 3]


def test_row_that_comes_back_is_inserted_again(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    for _time in range(2):
        sync_now({"items": pages(sweep(1, 2, 3))})
    run = sync_now({"items": pages(items((4, "x", "1")))})
    assert (ids(rows), run.inserted) == ([1, 2, 3, 4], 1)


def test_rows_of_the_pages_count_as_met_and_so_do_those_that_could_not_be_loaded(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    page = items((1, "x", "1"), (2, "x", "dear"))
    parts = (
        Page(page.rows, sweep=Sweep("items", begins=True)),
        items((3, "new name", "1")),
        Page(sweep=Sweep("items", complete=True)),
    )
    for _time in range(2):
        sync_now({"items": pages(*parts)})
    assert ids(rows) == [1, 2, 3]


def test_record_without_a_key_lets_nothing_be_deleted(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    page = Page(items((1, "x", "1"), (None, "x", "1")).rows, sweep=Sweep("items", begins=True, complete=True))
    for _time in range(3):
        run = sync_now({"items": pages(page)})
    assert (ids(rows), events(run)) == ([1, 2, 3, 4], {"sweep_began": 0, "sweep_nameless": 1})


def test_sweep_that_met_nothing_deletes_nothing_and_says_so(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    for _time in range(3):
        run = sync_now({"items": pages(sweep())})
    assert (ids(rows), run.state, events(run)) == (
        [1, 2, 3, 4],
        "succeeded",
        {"sweep_began": 0, "sweep_met_nothing": 0},
    )


@pytest.mark.parametrize(
    "script",
    [
        fails("server_error", Page(sweep=Sweep("items", [(1,)], begins=True)), status=500),
        pages(Page(sweep=Sweep("items", [(1,)], begins=True))),
        pages(Page(sweep=Sweep("items", [(1,)], begins=True)), sweep(1, 2, 3, 4)),
    ],
    ids=["failed", "not completed", "begun again"],
)
def test_sweep_that_was_not_completed_counts_for_nothing(sync_now: Sync, rows: Rows, script: Any) -> None:
    sync_now({"items": pages(items(*FOUR))})
    for _time in range(3):
        sync_now({"items": script})
    assert ids(rows) == [1, 2, 3, 4]
    assert not MissedRow.objects.exists()


def test_sweep_is_not_continued_by_another_read(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items(*FOUR))})
    sync_now({"items": pages(Page(sweep=Sweep("items", [(1,), (2,), (3,)], begins=True)))})
    run = sync_now({"items": pages(Page(sweep=Sweep("items", [(4,)], complete=True)))}, streams=["items"])
    assert (run.error_code, ids(rows)) == ("internal", [1, 2, 3, 4])


def test_only_rows_within_the_scope_are_missed_and_other_scopes_keep_their_misses(sync_now: Sync, rows: Rows) -> None:
    def day(number: int) -> date:
        return date(2026, 1, number)

    parts = [{"id": number, "need": number % 2, "day": day(number)} for number in range(1, 9)]
    sync_now({"parts": pages(Page({"parts": parts}))}, streams=["parts"])
    even = Within("need", (0,))
    odd = Within("need", (1, None))
    late = Within("day", at_least=day(3), below=day(8))
    for _time in range(2):
        sync_now({"parts": pages(sweep(2, 4, table="parts", within=(even, late)))}, streams=["parts"])
        sync_now({"parts": pages(sweep(1, 3, 7, table="parts", within=(odd,)))}, streams=["parts"])
    assert ids(rows, "parts") == [1, 2, 3, 4, 7, 8]  # 6 is even and in time, 5 is odd


def test_children_go_with_the_rows_that_are_deleted(sync_now: Sync, rows: Rows) -> None:
    lines = [{"order_id": number, "position": 1, "sku": "a"} for number in (1, 2)]
    sync_now({"orders": pages(Page({"orders": [{"id": 1}, {"id": 2}], "order_lines": lines}))})
    for _time in range(2):
        run = sync_now({"orders": pages(sweep(2, table="orders"))})
    assert (rows("order_lines", "order_id, sku"), run.deleted) == ([(2, "a")], 2)


def test_rows_of_another_connection_are_not_missed(
    sync_now: Sync, rows: Rows, shop: Connection, make_connection: Callable[..., Connection]
) -> None:
    sync_now({"items": pages(items(*FOUR))})
    place = "scripted.items" if database.vendor == "postgresql" else "scripted_items"
    other = make_connection(kind="scripted")
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {place} SET _connection_id = %s WHERE id > 2", [other.pk])
    for _time in range(2):
        run = sync_now({"items": pages(sweep(1, 9))})
    assert (ids(rows), run.deleted) == ([1, 3, 4], 1)


def test_checkpoint_moves_only_when_the_sweep_has_been_dealt_with(
    sync_now: Sync, rows: Rows, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two batches, the next read sweeps again: nothing is lost, and nothing marked that exists."""
    monkeypatch.setattr("syncruns.engine.sweep.BATCH", 2)
    many = [(number, "x", "1") for number in range(1, 101)]
    sync_now({"items": pages(items(*many))})
    gone = set(range(1, 10))
    complete = sweep(*({number for number, _name, _price in many} - gone))
    page = Page(complete.rows, sweep=complete.sweep, checkpoint={"swept": 1})
    sync_now({"items": pages(complete)})
    calls = []

    def dies(self: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Interruption("stopping")

    monkeypatch.setattr(settlement, "PAUSE_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr("syncruns.lease.Lease.check", dies)
        calls.clear()
        run = sync_now({"items": pages(page)})
    assert run.state == "queued"
    assert 91 < len(ids(rows)) < 100
    assert Checkpoint.objects.get(connection=shop, stream="items").state is None
    run.cancel_queued()
    run = sync_now({"items": pages(page)})
    assert set(ids(rows)) == {number for number, _name, _price in many} - gone
    assert Checkpoint.objects.get(connection=shop, stream="items").state == {"swept": 1}


def test_worker_that_was_taken_over_marks_nothing(sync_now: Sync, rows: Rows, shop: Connection) -> None:
    sync_now({"items": pages(items(*FOUR))})
    sync_now({"items": pages(sweep(1, 2, 3))})

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield Page(sweep=Sweep("items", [(1,), (2,), (3,)], begins=True), checkpoint={"begun": 1})
        while Checkpoint.objects.get(connection=shop, stream="items").state != {"begun": 1}:
            context.wait(0.05)
        Checkpoint.objects.filter(connection=shop).update(token=None)
        yield Page(sweep=Sweep("items", complete=True))

    run = sync_now({"items": script})
    assert (run.state, ids(rows)) == ("lost", [1, 2, 3, 4])


def test_dry_run_tells_what_a_sweep_would_delete_and_writes_nothing(sync_now: Sync, shop: Connection) -> None:
    sync_now({"items": pages(items(*FOUR))})
    sync_now({"items": pages(sweep(1, 2, 3))})
    ScriptedConnector.scripts = {"items": pages(sweep(1, 2))}
    before = everything()
    row = dry_run(shop, streams=["items"])[0]
    assert (row.deleted, row.state, row.error_code) == (1, "succeeded", "")
    assert everything() == before


def test_pages_without_a_sweep_ask_the_database_nothing_more(sync_now: Sync) -> None:
    sync_now({"items": pages(items(*FOUR))})
    with CaptureQueriesContext(database) as asked:
        sync_now({"items": pages(items(*FOUR))}, streams=["items"])
    assert not [query for query in asked if "_met_" in query["sql"] or "missed" in query["sql"]]


def test_many_rows_are_compared_without_asking_for_each(
    sync_now: Sync, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "PAUSE_SECONDS", 0)

    def queries(count: int) -> int:
        sync_now({"items": pages(items(*((number, "x", "1") for number in range(count))))})
        with CaptureQueriesContext(database) as asked:
            sync_now({"items": pages(sweep(*range(0, count - count // 30)))}, streams=["items"])
        return len(asked)

    assert abs(queries(100) - queries(3000)) <= 10


def test_sets_that_a_page_names_are_replaced_as_a_whole(sync_now: Sync, rows: Rows) -> None:
    def part(identity: int, need: int, quantity: str = "1") -> dict[str, Any]:
        return {"id": identity, "need": need, "quantity": quantity}

    def load(*records: dict[str, Any], sets: tuple[int, ...]) -> SyncRun:
        page = Page({"parts": records}, sets={"parts": [(need,) for need in sets]})
        return sync_now({"parts": pages(page)}, streams=["parts"])

    tags = [{"part_id": identity, "tag": "t"} for identity in (1, 2, 3)]
    first = Page({"parts": [part(1, 7), part(2, 7), part(3, 8), part(4, 9), part(5, 9)], "tags": tags})
    sync_now({"parts": pages(first)}, streams=["parts"])
    run = load(part(1, 7), sets=(7, 8))
    assert (ids(rows, "parts"), run.deleted) == ([1, 4, 5], 4)  # 2 and 3, with their tags
    assert rows("tags", "part_id, tag") == [(1, "t")]
    load(part(5, 7), part(6, 9), sets=(7,))
    assert rows("parts", "id, need") == [(4, 9), (5, 7), (6, 9)]  # 1 went; 5 moved; 9 was not named
    run = load(part(4, 7, "dear"), part(8, 8), sets=(9, 7, 8))
    assert (rows("parts", "id, need"), run.state) == ([(4, 9), (5, 7), (8, 8)], "partial")  # 7 is spared, and so is 4


def test_small_sweep_that_missed_nothing_makes_no_table(sync_now: Sync) -> None:
    sync_now({"items": pages(items(*FOUR))})
    with CaptureQueriesContext(database) as asked:
        sync_now({"items": pages(sweep(1, 2, 3, 4))}, streams=["items"])
    assert not [query for query in asked if "TABLE" in query["sql"] and "LOCK TABLE" not in query["sql"]]


def test_temporary_tables_end_with_the_read(sync_now: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "FEW_KEYS", 0)
    sync_now({"items": pages(items(*FOUR))})
    sync_now({"items": pages(Page(sweep=Sweep("items", [(1,)], begins=True)))})
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_m%%' AND relpersistence = 't'"
            if database.vendor == "postgresql"
            else "SELECT count(*) FROM sqlite_temp_master"
        )
        assert cursor.fetchone() == (0,)
