"""What a run changed is kept row by row, old beside new: exact, bounded, in the transaction of the write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connections.sdk.context import Context
from connections.sdk.declare import Column, Page, Table
from connections.sdk.errors import SyncError
from syncruns.engine.changes import ChangeRecorder
from syncruns.engine.load import StreamLoad
from syncruns.models import Change, SyncRun
from tests.engine.destination import Destination
from tests.engine.scripted import items, pages
from tests.web.console_pages import make_run

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Made = list[tuple[str, str, list[Any], list[Any]]]


def changes(run: SyncRun) -> Made:
    return list(run.changes.order_by("id").values_list("kind", "table", "key", "columns"))


def order(number: int, *lines: str, status: str = "new") -> Page:
    rows = [{"order_id": number, "position": place, "sku": sku} for place, sku in enumerate(lines, 1)]
    return Page({"orders": [{"id": number, "status": status}], "order_lines": rows})


def test_new_rows_are_kept_by_key_and_changed_ones_with_old_and_new_values(sync_now: Sync) -> None:
    first = sync_now({"items": pages(items((1, "Pão", "0.50"), (2, "Café", "12.90")))})
    assert changes(first) == [("inserted", "items", [1], []), ("inserted", "items", [2], [])]
    second = sync_now({"items": pages(items((1, "Pão", "0.75"), (2, "Café", "12.9"), (3, "Chá", "3")))})
    assert changes(second) == [("inserted", "items", [3], []), ("updated", "items", [1], [["price", "0.5", "0.75"]])]
    assert [change.name for change in second.changes.all()] == [["name", "Chá"], ["name", "Pão"]]
    assert {change.stream for change in second.changes.all()} == {"items"}
    unchanged = sync_now({"items": pages(items((3, "Chá", "3")))})
    assert changes(unchanged) == []


def test_deleted_rows_are_kept_with_what_they_held_and_their_children_too(sync_now: Sync) -> None:
    sync_now({"orders": pages(order(1, "tea", "rice"), order(2))})
    gone = sync_now({"orders": pages(Page(deletes={"orders": [(1,)]}))})
    assert sorted(changes(gone), key=str) == [
        ("deleted", "order_lines", [1, 1], [["sku", "tea", None]]),
        ("deleted", "order_lines", [1, 2], [["sku", "rice", None]]),
        ("deleted", "orders", [1], [["status", "new", None]]),
    ]
    back = sync_now({"orders": pages(order(1, "salt"))})
    assert sorted(changes(back), key=str) == [("inserted", "order_lines", [1, 1], []), ("inserted", "orders", [1], [])]


def test_children_replaced_as_a_set_tell_each_row(sync_now: Sync) -> None:
    sync_now({"orders": pages(order(1, "tea", "rice", "salt"))})
    run = sync_now({"orders": pages(order(1, "tea", "beans"))})
    assert sorted(changes(run), key=str) == [
        ("deleted", "order_lines", [1, 3], [["sku", "salt", None]]),
        ("updated", "order_lines", [1, 2], [["sku", "rice", "beans"]]),
    ]


def test_only_so_many_of_each_kind_and_table_are_kept_also_after_a_retry(sync_now: Sync, settings: Any) -> None:
    settings.RUN_CHANGES_LIMIT = 3
    first = sync_now(
        {"items": pages(items((1, "a", "1"), (2, "b", "1")), items(*((n, "c", "1") for n in range(3, 9))))}
    )
    assert [key for _kind, _table, key, _columns in changes(first)] == [[1], [2], [3]]
    tries = []

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        tries.append(state)
        yield items((2 * len(tries) - 1, "x", "1"), (2 * len(tries), "x", "1"))
        if len(tries) < 3:
            raise SyncError("connection_failed", host="shop.example")
        yield Page(deletes={"items": [(7,), (8,)]})

    run = sync_now({"items": script})
    assert (run.updated, run.deleted) == (6, 2)
    assert [kind for kind, *_rest in changes(run)] == ["updated"] * 3 + ["deleted"] * 2


def test_what_is_undone_leaves_no_trace(sync_now: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync_now({"items": pages(items((1, "a", "1")))})

    def fail(*about: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(StreamLoad, "_count", fail)
    run = sync_now({"items": pages(items((1, "b", "1")))}, streams=["items"])
    assert run.state == "failed"
    assert changes(run) == []


EVERY = (
    Column("id", "integer"), Column("label"), Column("count", "integer"), Column("price", "decimal", 20, 4),
    Column("rate", "decimal", 9, 2), Column("open", "boolean"), Column("day", "date"), Column("at", "timestamp"),
    Column("more", "json"),
)  # fmt: skip
BEFORE = {
    "id": 1, "label": "x" * 600, "count": 5, "price": "1234567890123456.1200", "rate": "1.10", "open": True,
    "day": "2026-01-31", "at": "2026-01-31T09:30:00-03:00", "more": {"b": [1.50, None], "a": "é"},
}  # fmt: skip


def recorded(shop: Destination, run: SyncRun, record: dict[str, Any]) -> list[list[Any]]:
    """Load the record twice, the second time recorded; return the changed columns of each change."""
    table = shop.stream.tables[0].name
    shop.load({table: [BEFORE]})
    shop.warehouse.recorder = ChangeRecorder(run, "all")
    shop.load({table: [record]})
    return list(run.changes.values_list("columns", flat=True))


def test_every_type_is_spelled_alike_before_and_after(clean_tables: None, make_connection: Any) -> None:
    run, shop = make_run(make_connection()), Destination(Table("every", EVERY, ("id",)), schema="scripted")
    after = {
        "id": 1, "label": "x" * 599 + "y", "count": None, "price": "1234567890123456.13", "rate": "1.1", "open": False,
        "day": "2026-02-01", "at": "2026-01-31T12:31:00Z", "more": {"a": "é", "b": [1.50, None], "c": 0},
    }  # fmt: skip
    alike = "…" + "x" * 41  # of a long text, where it differs
    assert recorded(shop, run, after) == [
        [
            ["label", alike, alike[:-1] + "y"],
            ["count", 5, None],
            ["price", "1234567890123456.12", "1234567890123456.13"],
            ["open", True, False],
            ["day", "2026-01-31", "2026-02-01"],
            ["at", "2026-01-31T12:30:00+00:00", "2026-01-31T12:31:00+00:00"],
            ["more", '{"a":"é","b":[1.5,null]}', '{"a":"é","b":[1.5,null],"c":0}'],
        ]
    ]


def test_column_that_became_wider_is_no_change_by_itself(clean_tables: None, make_connection: Any) -> None:
    run = make_run(make_connection())
    wide = Table("every", (*EVERY[:2], Column("count"), *EVERY[3:6], Column("day", "timestamp"), *EVERY[7:]), ("id",))
    Destination(Table("every", EVERY, ("id",)), schema="scripted").load({"every": [BEFORE]})
    Destination(wide, schema="scripted")
    shop = Destination(Table("every", EVERY, ("id",)), schema="scripted")  # still declares the narrow ones
    assert recorded(shop, run, BEFORE | {"rate": "7"}) == [[["rate", "1.1", "7"]]]


def test_beyond_the_bound_nothing_is_read_or_written(clean_tables: None, make_connection: Any, settings: Any) -> None:
    settings.RUN_CHANGES_LIMIT = 2
    table = Table("few", EVERY[:2], ("id",))
    shop = Destination(table, schema="scripted")
    shop.load({"few": []})  # the first load looks at the table

    def queries(first: int, label: str) -> int:
        with CaptureQueriesContext(database) as captured:
            shop.load({"few": [{"id": first + n, "label": label} for n in range(3)]}, {"few": [(first + 2,)]})
        return len(captured)

    plain = queries(0, "a"), queries(0, "b")
    shop.warehouse.recorder = ChangeRecorder(make_run(make_connection()), "all")
    assert queries(10, "a") > plain[0]
    assert queries(10, "b") > plain[1]
    assert (queries(20, "a"), queries(20, "b")) == plain
    assert Change.objects.count() == 6
