"""A reset reads a stream whole: met rows are replaced, unmet ones go at its end, and nothing goes otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection as database

from connections.models import AuditEvent, Connection, StreamSetting
from connections.sdk.context import Context
from connections.sdk.declare import Page, Sweep
from syncruns import dispatch
from syncruns.engine import reset
from syncruns.engine.warehouse import warehouse
from syncruns.models import Change, Checkpoint, DeleteBrake, MissedRow, StreamRun, SyncRun
from syncruns.resetting import reset_preview
from syncruns.services import request_reset, request_sync
from syncruns.stopping import clear_stop_mark, set_stop_mark
from syncruns.tasks import execute_run
from tests.engine.scripted import Script, ScriptedConnector, fails, items, pages
from tests.engine.test_takeover import taken_away

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]
FORTY = [(number, "old", "1") for number in range(1, 41)]


@pytest.fixture
def loaded(sync_now: Sync, shop: Connection) -> Connection:
    """The shop with forty items, forty orders of one line each, and checkpoints."""
    orders = [{"id": number, "status": "old"} for number in range(1, 41)]
    lines = [{"order_id": number, "position": 1, "sku": "x"} for number in range(1, 41)]
    page = Page({"orders": orders, "order_lines": lines})
    sync_now({"items": pages(items(*FORTY, checkpoint={"id": 40})), "orders": pages(page)})
    return shop


def reset_now(connection: Connection, script: Script, stream: str = "items") -> SyncRun:
    ScriptedConnector.scripts = {stream: script}
    queued, created = request_reset(connection, stream, rows=40, actor="cli", call_worker=False)
    assert created
    done = execute_run(queued.pk)
    assert done is not None
    done.refresh_from_db()
    return done


def names(rows: Rows) -> dict[int, str]:
    return dict(rows("items", "id, name"))


def state(connection: Connection) -> Any:
    return Checkpoint.objects.get(connection=connection, stream="items").state


def test_reset_reads_from_the_beginning_and_shows_the_old_rows_until_all_new_ones_take_their_place(
    loaded: Connection, rows: Rows
) -> None:
    seen: list[Any] = []

    def script(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        seen.append((checkpoint, context.options.since))
        yield items(*((number, "new", "1") for number in range(1, 20)), checkpoint={"id": 19})
        while StreamRun.objects.filter(run__state="running", read=19).count() < 1:
            context.wait(0.01)
        seen.append((state(loaded), names(rows) == dict.fromkeys(range(1, 41), "old")))
        yield items(*((number, "new", "1") for number in (*range(20, 39), 50)), checkpoint={"id": 50})

    run = reset_now(loaded, script)
    assert seen == [(None, None), ({"id": 40}, True)]
    assert names(rows) == dict.fromkeys((*range(1, 39), 50), "new")
    assert (run.state, run.inserted, run.updated, run.deleted) == ("succeeded", 1, 38, 2)
    assert state(loaded) == {"id": 50}
    assert not MissedRow.objects.exists()
    assert run.logs.filter(event="reset_deleted").get().params["count"] == 2
    assert AuditEvent.objects.get(action="stream.reset").params["rows"] == 40
    assert not warehouse(beside=loaded.pk)._tables_beside("scripted")
    told = Change.objects.filter(run=run).values_list("kind", flat=True)
    assert [list(told).count(kind) for kind in ("inserted", "updated", "deleted")] == [1, 38, 2]


def test_children_of_what_a_reset_deletes_go_along(loaded: Connection, rows: Rows) -> None:
    orders = [{"id": number, "status": "old"} for number in range(2, 41)]
    lines = [{"order_id": number, "position": 1, "sku": "x"} for number in range(2, 41)]
    run = reset_now(loaded, pages(Page({"orders": orders, "order_lines": lines})), "orders")
    assert len(rows("orders", "id, status")) == len(rows("order_lines", "order_id, sku")) == 39
    assert (run.deleted, run.unchanged) == (2, 78)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (pages(), "reset_empty"),
        (pages(Page(checkpoint={"id": 0})), "reset_empty"),
        (fails("server_error", items((1, "new", "1"), checkpoint={"id": 1}), status=500), "server_error"),
        (fails("not_found", *(Page(sweep=Sweep("items", [(1,)], begins=True, complete=True)),)), "not_found"),
    ],
)
def test_reset_whose_read_is_empty_or_fails_deletes_nothing_and_leaves_the_checkpoint(
    loaded: Connection, rows: Rows, settings: Any, script: Script, code: str
) -> None:
    settings.RETRY_DELAY = 0
    run = reset_now(loaded, script)
    assert (run.state, run.error_code, run.deleted) == ("failed", code, 0)
    assert sorted(names(rows)) == list(range(1, 41))
    assert state(loaded) == {"id": 40}
    assert not MissedRow.objects.exists()


def test_reset_whose_read_was_cut_short_unnoticed_waits_for_a_decision(loaded: Connection, rows: Rows) -> None:
    run = reset_now(loaded, pages(items((1, "new", "1"), checkpoint={"id": 1})))
    assert (run.state, run.error_code, run.deleted) == ("partial", "delete_brake", 0)
    assert sorted(names(rows)) == list(range(1, 41))
    brake = DeleteBrake.objects.get(connection=loaded)
    assert (brake.missing, brake.total) == (39, 40)


def test_the_sources_own_sweep_tells_of_more_keys_and_deletes_nothing(loaded: Connection, rows: Rows) -> None:
    met = Page(sweep=Sweep("items", [(number,) for number in range(1, 40)], begins=True, complete=True))
    run = reset_now(loaded, pages(met, items((50, "new", "1"), checkpoint={"id": 50})))
    assert run.deleted == 1
    assert sorted(names(rows)) == [*range(1, 40), 50]


@pytest.mark.parametrize("pages_of_it", [1, 2])
def test_read_whose_list_was_not_shown_to_be_complete_deletes_nothing(
    loaded: Connection, rows: Rows, pages_of_it: int
) -> None:
    told = [replace(items(*FORTY[:38]), sweep=Sweep("items", begins=True)), Page(sweep=Sweep("items"))][:pages_of_it]
    run = reset_now(loaded, pages(*told, items((50, "new", "1"), checkpoint={"id": 50})))
    assert (run.state, run.deleted) == ("succeeded", 0)
    assert sorted(names(rows)) == [*range(1, 41), 50]
    assert run.logs.filter(event="sweep_not_completed").exists()


def test_lost_reset_begins_again_by_itself_and_then_completes(loaded: Connection, rows: Rows) -> None:
    def script(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "new", "1"), checkpoint={"id": 1})
        taken_away(loaded)
        context.wait(0)
        yield items((2, "new", "1"))

    lost = reset_now(loaded, script)
    assert (lost.state, sorted(names(rows)), state(loaded)) == ("lost", list(range(1, 41)), {"id": 40})
    again = SyncRun.objects.get(state="queued")
    assert (again.trigger, again.options) == ("retry", lost.options)
    ScriptedConnector.scripts = {"items": pages(items(*FORTY[:39], checkpoint={"id": 39}))}
    execute_run(again.pk)
    assert sorted(names(rows)) == list(range(1, 40))
    assert state(loaded) == {"id": 39}


def test_reset_handed_back_at_a_stop_goes_on_where_it_was(loaded: Connection, rows: Rows) -> None:
    def script(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "new", "1"), checkpoint={"id": 1})
        set_stop_mark()
        while True:
            context.wait(1)

    try:
        run = reset_now(loaded, script)
    finally:
        clear_stop_mark()
    assert (run.state, state(loaded), names(rows)[1]) == ("queued", {"id": 40}, "old")
    seen: list[Any] = []

    def goes_on(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        seen.append(checkpoint)
        yield items(*FORTY[2:], checkpoint={"id": 41})

    ScriptedConnector.scripts = {"items": goes_on}
    execute_run(run.pk)
    run.refresh_from_db()
    assert (seen, state(loaded)) == ([{"id": 1}], {"id": 41})
    assert names(rows) == {1: "new"} | dict.fromkeys(range(3, 41), "old")
    assert (run.read, run.updated, run.unchanged, run.deleted) == (39, 1, 38, 1)


def test_reset_that_meets_its_deadline_is_not_begun_again_for_ever(
    loaded: Connection, rows: Rows, settings: Any
) -> None:
    settings.RUN_DEADLINE = 0.3

    def script(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "new", "1"))
        context.wait(60)

    run = reset_now(loaded, script)
    assert (run.state, run.error_code, names(rows)[1]) == ("timed_out", "reset_too_long", "old")
    assert not SyncRun.objects.filter(state="queued").exists()


def test_stream_with_a_look_back_is_asked_for_everything(shop: Connection) -> None:
    from dataclasses import replace

    from connections.services import streams_of

    choice = streams_of(shop)[0]
    assert reset.everything(choice).since is None
    windowed = replace(choice, stream=replace(choice.stream, window_minutes=60), window_minutes=60)
    asked = reset.everything(windowed)
    assert (asked.since, asked.window_minutes) == (reset.EARLIEST, None)


def test_reset_ends_a_first_read_that_was_still_to_be_made(loaded: Connection) -> None:
    StreamSetting.objects.create(connection=loaded, stream="items", first_since=reset.EARLIEST)
    reset_now(loaded, pages(items(*FORTY, checkpoint={"id": 41})))
    assert StreamSetting.objects.get(connection=loaded, stream="items").first_since is None


def test_with_an_active_run_nothing_is_reset(loaded: Connection) -> None:
    active, _created = request_sync(loaded, call_worker=False)
    assert request_reset(loaded, "items", rows=40, actor="cli") == (active, False)
    assert not AuditEvent.objects.filter(action="stream.reset").exists()


def test_preview_counts_the_rows_and_judges_the_time_by_earlier_reads(loaded: Connection) -> None:
    preview = reset_preview(loaded, "orders")
    assert list(preview.stored.by_table.values()) == [40, 40]
    assert preview.rows == 80
    assert preview.time is not None


def test_no_reset_sweep_or_deletion_touches_another_connection_in_the_same_table(
    loaded: Connection, rows: Rows, make_connection: Callable[..., Connection]
) -> None:
    others = [
        make_connection(
            name=f"Shop {number}", slug=f"other-{number}", kind="scripted", config={"base_url": "http://x.example"}
        )
        for number in range(49)
    ]
    ScriptedConnector.scripts = {"items": pages(items(*FORTY, checkpoint={"id": 40}))}
    for other in others:
        run, _created = request_sync(other, call_worker=False)
        execute_run(run.pk)
    before = untouched(loaded.pk)
    assert len(before) == 49 * 40
    reset_now(loaded, pages(items(*((number, "new", "2") for number in range(1, 39)), checkpoint={"id": 38})))
    assert len(rows("items", f"id, CASE WHEN _connection_id = {loaded.pk} THEN 1 END")) == 49 * 40 + 38
    assert untouched(loaded.pk) == before
    for _time in range(2):
        ScriptedConnector.scripts = {
            "items": pages(Page(sweep=Sweep("items", [(n,) for n in range(1, 38)], begins=True, complete=True)))
        }
        run, _created = request_sync(loaded, call_worker=False)
        execute_run(run.pk)
    assert untouched(loaded.pk) == before
    from syncruns.deletion import delete_connection, finish_deletions

    delete_connection(loaded, keep_data=False)
    finish_deletions()
    assert untouched(loaded.pk) == before
    assert len(rows("items", "id, name")) == 49 * 40


def untouched(connection_id: int) -> list[Any]:
    """Return every row, whole, of the other connections."""
    name = "scripted.items" if database.vendor == "postgresql" else "scripted_items"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {name} WHERE _connection_id <> %s ORDER BY _connection_id, id", [connection_id])
        return list(cursor.fetchall())


def test_dispatcher_leaves_a_queued_reset_alone(loaded: Connection) -> None:
    run, _created = request_reset(loaded, "items", rows=40, actor="cli", call_worker=False)
    dispatch.tick()
    run.refresh_from_db()
    assert run.state == "queued"
