"""A dry run tells what a sync would change, and changes nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Connection
from connections.sdk.context import Context
from connections.sdk.declare import Column, Page, Stream, Table
from syncruns.engine.dry_run import dry_run
from syncruns.listing import load_row
from syncruns.models import StreamRun, SyncRun
from syncruns.services import retry_run
from syncruns.stopping import clear_stop_mark, set_stop_mark
from syncruns.tasks import execute_run
from tests.engine.scripted import ScriptedConnector, fails, items, pages

pytestmark = pytest.mark.django_db(transaction=True)

PLACE = '"scripted"."things"' if database.vendor == "postgresql" else '"scripted_things"'


def everything() -> dict[str, Any]:
    """Return every table of the database with its rows."""
    with database.cursor() as cursor:
        names = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
        if database.vendor == "postgresql":
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'scripted'")
            names += [f"scripted.{row[0]}" for row in cursor.fetchall()]
        else:
            names += [name for name in database.introspection.table_names(cursor) if name.startswith("scripted_")]
        contents = {}
        for name in names:
            cursor.execute(f"SELECT * FROM {name}")
            contents[name] = sorted(map(str, cursor.fetchall()))
        return contents


def test_a_dry_run_before_the_first_sync_counts_all_as_new_and_leaves_no_table(shop: Connection) -> None:
    ScriptedConnector.scripts = {"items": pages(items((1, "a", "1"), (2, "b", "2"), checkpoint={"id": 2}))}
    before = everything()
    result = dry_run(shop, streams=["items"])[0]
    assert (result.read, result.inserted, result.error_code) == (2, 2, "")
    assert everything() == before


def test_a_dry_run_tells_new_changed_deleted_and_bad_apart(shop: Connection, sync_now: Callable[..., SyncRun]) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "2"), (3, "c", "3")))})
    page = items((1, "a", "1"), (2, "B", "2"), (4, "d", "4"), (5, "e", "dear"))
    ScriptedConnector.scripts = {"items": pages(page, Page(deletes={"items": [(3,)]}))}
    before = everything()
    row = dry_run(shop, streams=["items"])[0]
    assert [getattr(row, name) for name in ("inserted", "updated", "unchanged", "deleted", "quarantined")] == [1] * 5
    assert everything() == before


def test_a_failing_stream_carries_its_error_and_the_next_goes_on(shop: Connection) -> None:
    order = Page({"orders": [{"id": 1}], "order_lines": []})
    ScriptedConnector.scripts = {"items": fails("not_found"), "orders": pages(order)}
    failed, done = dry_run(shop)
    assert (failed.state, failed.error_code) == ("failed", "not_found")
    assert done.inserted == 1


RUNS_OWN = {
    "django_q_ormq",
    "syncruns_syncrun",
    "syncruns_streamrun",
    "syncruns_synclog",
    "syncruns_change",
    "connections_auditevent",
}


def kept_apart() -> dict[str, Any]:
    """Return everything but what a run says of itself."""
    return {name: rows for name, rows in everything().items() if name not in RUNS_OWN}


def test_dry_run_by_a_worker_keeps_counts_and_rows_with_its_run_and_writes_nothing_else(
    shop: Connection, sync_now: Callable[..., SyncRun]
) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "2"), (3, "c", "3"), checkpoint={"id": 3}))})
    page = items((1, "a", "1"), (2, "B", "2"), (4, "d", "4"), checkpoint={"id": 4})
    ScriptedConnector.scripts = {"items": pages(page, Page(deletes={"items": [(3,)]}))}
    before, health = kept_apart(), load_row(shop, timezone.now()).last_run
    run = sync_now(streams=["items"], dry=True)
    assert kept_apart() == before
    assert (run.trigger, run.state) == ("dry_run", "succeeded")
    assert (run.read, run.inserted, run.updated, run.unchanged, run.deleted) == (3, 1, 1, 1, 1)
    assert [(change.kind, change.key) for change in run.changes.order_by("pk")] == [
        ("inserted", [4]), ("updated", [2]), ("deleted", [3]),
    ]  # fmt: skip
    assert run.changes.get(kind="updated").columns == [["name", "b", "B"]]
    assert run.logs.filter(event="dry_run_finished").exists()
    assert load_row(shop, timezone.now()).last_run == health
    real = sync_now(streams=["items"])
    assert (real.inserted, real.updated, real.unchanged, real.deleted) == (1, 1, 1, 1)


def test_dry_run_with_columns_to_come_compares_the_table_as_it_stands(
    shop: Connection, sync_now: Callable[..., SyncRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No page alters the table, and holds up whoever writes to it, to undo that afterwards."""

    def declare(*columns: Column) -> None:
        streams = (Stream("things", "Things", (Table("things", (Column("id", "integer"), *columns), ("id",)),)),)
        monkeypatch.setattr(ScriptedConnector, "streams", classmethod(lambda cls, config: streams))

    declare(Column("size", "decimal", 9, 2), Column("day", "date"))
    day = "2026-01-02"
    sync_now({"things": pages(Page({"things": [{"id": n, "size": "1.50", "day": day} for n in (1, 2, 3)]}))})
    declare(Column("size"), Column("day", "timestamp"), Column("note"))
    rows = [{"id": 1, "size": "1.5", "day": day + "T00:00Z"}, {"id": 2, "size": "2m", "day": day + "T00:00Z"}]
    rows += [{"id": 4, "size": "4", "note": "new"}]
    script = pages(Page({"things": rows}), Page(deletes={"things": [(3,)]}), Page(deletes={"things": [(3,)]}))
    before = kept_apart()
    with CaptureQueriesContext(database) as asked:
        run = sync_now({"things": script}, dry=True)
    assert (run.read, run.inserted, run.updated, run.unchanged, run.deleted) == (3, 1, 1, 1, 1)
    assert [(one.kind, one.key, one.columns) for one in run.changes.order_by("pk")] == [
        ("inserted", [4], []),
        ("updated", [2], [["size", "1.5", "2m"]]),
        ("deleted", [3], [["size", "1.5", None], ["day", f"{day}T00:00:00+00:00", None]]),
    ]
    touched = [query["sql"] for query in asked if PLACE in query["sql"]]
    assert touched and all(sql.lstrip().startswith("SELECT") for sql in touched)
    assert kept_apart() == before
    real = sync_now()
    assert (real.inserted, real.updated, real.unchanged, real.deleted) == (1, 1, 1, 1)


def test_dry_run_that_is_repeated_stays_dry_and_one_since_a_moment_moves_no_first_read(
    shop: Connection, sync_now: Callable[..., SyncRun]
) -> None:
    seen: list[Any] = []

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        seen.append(context.options.since)
        yield items((1, "a", "1"), checkpoint={"id": 1})

    since = datetime(2026, 1, 1, tzinfo=UTC)
    before = kept_apart()
    run = sync_now({"items": script}, streams=["items"], since=since, dry=True)
    again, _created = retry_run(run)
    execute_run(again.pk)
    again.refresh_from_db()
    assert (again.trigger, again.inserted) == ("dry_run", 1)
    assert seen == [since, since]
    assert kept_apart() == before


def test_dry_run_handed_back_at_a_stop_begins_again_and_one_that_fails_says_why(
    shop: Connection, sync_now: Callable[..., SyncRun]
) -> None:
    def stops(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"))
        set_stop_mark()
        while True:
            context.wait(1)

    try:
        run = sync_now({"items": stops}, streams=["items"], dry=True)
    finally:
        clear_stop_mark()
    assert run.state == "queued"
    ScriptedConnector.scripts = {"items": pages(items((1, "a", "1"), (2, "b", "1")))}
    execute_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.inserted, run.changes.count()) == ("succeeded", 2, 2)
    failed = sync_now({"items": fails("not_found")}, streams=["items"], dry=True)
    assert (failed.state, failed.error_code) == ("failed", "not_found")


def one_order(pick: random.Random) -> Page:
    """Make a page of orders and their lines, with others named as deleted."""
    shown = pick.sample(range(1, 8), 4)
    places = [(order, at) for order in shown for at in range(pick.randrange(3))]
    lines = [{"order_id": order, "position": at, "sku": pick.choice("xy")} for order, at in places]
    rows: dict[str, Any] = {"orders": [{"id": order, "status": pick.choice("ab")} for order in shown]}
    rows |= {"order_lines": lines} if pick.random() < 0.7 else {}
    return Page(rows, deletes={"orders": [(order,) for order in range(1, 8) if order not in shown][:1]})


def one_set(pick: random.Random) -> Page:
    """Make a page of parts and their tags that holds all of some sets; some cannot be read."""
    sets, shown = pick.sample(range(1, 4), 2), pick.sample(range(1, 8), 4)
    quantities = ["1", "2", "many"]
    parts = [{"id": part, "need": pick.choice(sets), "quantity": pick.choice(quantities)} for part in shown]
    tags = [{"part_id": part, "tag": tag} for part in shown for tag in pick.sample("abc", pick.randrange(3))]
    return Page({"parts": parts, "tags": tags}, sets={"parts": [(one,) for one in sets]})


@pytest.mark.parametrize("seed", range(2))
def test_sync_does_what_the_dry_run_before_it_said(
    shop: Connection, sync_now: Callable[..., SyncRun], settings: Any, seed: int
) -> None:
    settings.BAD_RECORDS_SHARE = 1
    pick = random.Random(seed)
    for _round in range(4):
        scripts = {"orders": pages(one_order(pick)), "parts": pages(one_set(pick))}
        said, done = (sync_now(scripts, streams=["orders", "parts"], dry=dry) for dry in (True, False))
        counts, changes = zip(*map(what_happened, (said, done)), strict=True)
        assert counts[0] == counts[1]
        assert changes[0] == changes[1]


def what_happened(run: SyncRun) -> tuple[Any, Any]:
    counts = [[getattr(row, name) for name in StreamRun.COUNTED] for row in run.streams.order_by("position")]
    return counts, sorted(str((one.table, one.kind, one.key, one.columns)) for one in run.changes.all())
