"""What a load writes: only what changed, whole child sets, and exact counts, on the run's database."""

from __future__ import annotations

from decimal import Decimal
from functools import partialmethod
from random import Random
from typing import Any

import pytest

from connections.sdk.declare import Column, Page, Table
from syncruns.engine.transform import to_rows
from syncruns.engine.warehouse import Counts
from syncruns.engine.warehouse.digest import Digests
from syncruns.engine.warehouse.sqlite import FEWEST_ROWS, FIRST_ROWS, SqliteWarehouse
from tests.engine.destination import LATER_RUN, NOW, RUN, Destination

pytestmark = pytest.mark.django_db

ORDERS = Table("orders", (Column("id", "integer"), Column("customer"), Column("total", "decimal", 12, 2)), ("id",))
ITEMS = Table(
    "items",
    (Column("order_id", "integer"), Column("line", "integer"), Column("product")),
    ("order_id", "line"),
    parent="orders",
    parent_key=("order_id",),
)


@pytest.fixture
def shop() -> Destination:
    return Destination(ORDERS, ITEMS)


def order(number: int, customer: str = "Ana", total: str = "1.00") -> dict[str, Any]:
    return {"id": number, "customer": customer, "total": total}


def item(number: int, line: int, product: str = "tea") -> dict[str, Any]:
    return {"order_id": number, "line": line, "product": product}


def test_new_changed_and_unchanged_rows_are_counted_apart(shop: Destination) -> None:
    assert shop.load({"orders": [order(1), order(2)]}) == Counts(inserted=2)
    assert shop.load({"orders": [order(1), order(2, "Bia"), order(3)]}) == Counts(inserted=1, updated=1, unchanged=1)
    assert [row[1] for row in shop.live("orders")] == ["Ana", "Bia", "Ana"]


def test_loading_the_same_twice_writes_nothing_at_all(shop: Destination) -> None:
    page = {"orders": [order(n) for n in range(50)], "items": [item(n, 1) for n in range(50)]}
    shop.load(page)
    before = shop.traces("orders"), shop.traces("items")
    assert shop.load(page, run=LATER_RUN) == Counts(unchanged=100)
    assert (shop.traces("orders"), shop.traces("items")) == before


def test_a_row_names_the_run_that_last_changed_it(shop: Destination) -> None:
    shop.load({"orders": [order(1), order(2)]})
    shop.load({"orders": [order(1, "Bia"), order(2)]}, run=LATER_RUN)
    rows = shop.select("orders", ["id", "_run_id", "_changed_at", "_deleted_at"])
    assert {number: str(run) for number, run, _, _ in rows} == {1: LATER_RUN, 2: RUN}
    assert {(changed, deleted) for _, _, changed, deleted in rows} == {(NOW, None)}


def test_connections_do_not_touch_each_other(shop: Destination) -> None:
    shop.load({"orders": [order(1)]})
    shop.connection_id = 2
    assert shop.load({"orders": [order(1, "Bia")]}) == Counts(inserted=1)
    shop.load({}, {"orders": [(1,)]})
    shop.connection_id = 1
    assert [row[1] for row in shop.live("orders")] == ["Ana"]


def test_the_children_of_a_parent_are_replaced_as_a_set(shop: Destination) -> None:
    shop.load({"orders": [order(1), order(2)], "items": [item(1, 1), item(1, 2), item(2, 1)]})
    counts = shop.load({"orders": [order(1)], "items": [item(1, 2, "milk"), item(1, 3)]})
    assert counts == Counts(inserted=1, updated=1, unchanged=1, deleted=1)
    assert [row[:2] for row in shop.live("items")] == [(1, 2), (1, 3), (2, 1)]


def test_a_parent_without_children_loses_the_ones_it_had(shop: Destination) -> None:
    shop.load({"orders": [order(1)], "items": [item(1, 1)]})
    assert shop.load({"orders": [order(1)], "items": []}) == Counts(unchanged=1, deleted=1)
    assert shop.live("items") == []


def test_a_page_silent_about_children_leaves_them_alone(shop: Destination) -> None:
    shop.load({"orders": [order(1)], "items": [item(1, 1)]})
    assert shop.load({"orders": [order(1, "Bia")]}) == Counts(updated=1)
    assert len(shop.live("items")) == 1


def test_a_child_without_its_parent_in_the_page_is_only_added(shop: Destination) -> None:
    shop.load({"orders": [order(1)], "items": [item(1, 1)]})
    assert shop.load({"orders": [], "items": [item(1, 2)]}) == Counts(inserted=1)
    assert len(shop.live("items")) == 2


def test_a_bad_child_keeps_its_siblings_and_what_it_was(shop: Destination) -> None:
    shop.load({"orders": [order(1)], "items": [item(1, 1), item(1, 2)]})
    counts = shop.load({"orders": [order(1)], "items": [item(1, 1) | {"product": ["bad"]}, item(1, 3)]})
    assert counts == Counts(inserted=1, unchanged=1)
    assert [row[1] for row in shop.live("items")] == [1, 2, 3]


def test_a_bad_parent_leaves_its_old_children_untouched(shop: Destination) -> None:
    shop.load({"orders": [order(1)], "items": [item(1, 1), item(1, 2)]})
    assert shop.load({"orders": [order(1, total="much")], "items": [item(1, 1, "milk")]}) == Counts()
    assert [row[2] for row in shop.live("items")] == ["tea", "tea"]


def test_deleting_marks_the_row_and_its_children(shop: Destination) -> None:
    shop.load({"orders": [order(1), order(2)], "items": [item(1, 1), item(1, 2), item(2, 1)]})
    assert shop.load({}, {"orders": [("1",)]}, run=LATER_RUN) == Counts(deleted=3)
    assert [row[0] for row in shop.live("orders")] == [2]
    assert [row[:2] for row in shop.live("items")] == [(2, 1)]
    assert [(str(run), at) for run, at in shop.select("orders", ["_run_id", "_deleted_at"], "id = 1")] == [
        (LATER_RUN, NOW)
    ]


def test_deleting_again_or_what_never_was_counts_nothing(shop: Destination) -> None:
    shop.load({"orders": [order(1)]})
    assert shop.load({}, {"orders": [(1,)]}) == Counts(deleted=1)
    assert shop.load({}, {"orders": [(1,), (7,), ("no number",)]}) == Counts()


def test_a_row_that_comes_back_is_inserted_again(shop: Destination) -> None:
    shop.load({"orders": [order(1)]})
    shop.load({}, {"orders": [(1,)]})
    assert shop.load({"orders": [order(1)]}) == Counts(inserted=1)
    assert len(shop.live("orders")) == 1


def test_several_loads_fit_into_one_transaction(shop: Destination) -> None:
    for customer in ("Ana", "Bia", "Caio"):
        shop.load({"orders": [order(1, customer), order(2, customer)]})
    assert {row[1] for row in shop.live("orders")} == {"Caio"}


def test_one_load_takes_a_fixed_number_of_statements(shop: Destination, django_assert_max_num_queries: Any) -> None:
    for size in (1, 3000):
        with django_assert_max_num_queries(7):  # two are the transaction's, two see whether the table was altered
            shop.load({"orders": [order(number, f"customer {size}") for number in range(size)]})


def test_counting_and_dropping_concern_one_connection(shop: Destination) -> None:
    shop.load({"orders": [order(number) for number in range(10)]})
    shop.load({}, {"orders": [(1,)]})
    shop.connection_id = 2
    shop.load({"orders": [order(1)]})
    assert shop.warehouse.count("shop", ORDERS, 1) == 9
    assert shop.warehouse.holdings("shop", 1) == {"orders": 10}
    assert [shop.warehouse.drop_rows("shop", "orders", 1, 6) for _ in range(3)] == [6, 4, 0]
    assert [shop.warehouse.count("shop", ORDERS, number) for number in (1, 2)] == [0, 1]
    assert [shop.warehouse.holdings("shop", number) for number in (1, 2)] == [{}, {"orders": 1}]


def test_a_table_that_never_was_counts_nothing(shop: Destination) -> None:
    absent = Table("absent", (Column("id"),), ("id",))
    assert shop.warehouse.count("shop", absent, 1) == 0
    assert shop.warehouse.holdings("nowhere", 1) == {}


def test_a_new_column_that_is_null_changes_no_row(shop: Destination) -> None:
    shop.load({"orders": [order(1)]})
    wider = Table("orders", (Column("note"), *reversed(ORDERS.columns)), ("id",))
    assert Destination(wider).load({"orders": [order(1)]}) == Counts(unchanged=1)
    assert Destination(wider).load({"orders": [order(1) | {"note": "x"}]}) == Counts(updated=1)


def test_names_of_any_length_and_spelling_serve() -> None:
    name, long = 'a "quoted" 100% name', "column_" * 12
    table = Table("t" * 80, (Column(name), Column(long), Column(long + "2")), (name,))
    shop = Destination(table, schema="odd")
    record = {name: "key", long: "one", long + "2": "two"}
    assert shop.load({table.name: [record]}) == Counts(inserted=1)
    assert shop.load({table.name: [record]}) == Counts(unchanged=1)
    assert shop.load({table.name: [record | {long: "three"}]}) == Counts(updated=1)
    assert shop.live(table.name) == [("key", "three", "two")]


def test_text_that_no_index_holds_is_rejected_and_one_that_fits_is_found_again() -> None:
    """Random letters: PostgreSQL compresses others before it looks at their length."""
    letters = "".join(Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))
    parts = tuple(Column(f"part{number}") for number in range(8))
    table = Table(
        "indexed", (*parts, Column("family"), Column("code"), Column("note")), tuple(part.name for part in parts),
        set_key=("family",), indexes=(("code",), ("note", "code")),
    )  # fmt: skip
    shop = Destination(table)

    def record(length: int) -> dict[str, str]:
        return {column.name: letters[place : place + length] for place, column in enumerate(table.columns)}

    assert shop.load({"indexed": [record(312)]}) == Counts(inserted=1)
    assert shop.load({"indexed": [record(312)]}) == Counts(unchanged=1)
    typed = to_rows(Page({"indexed": [record(8000)]}), shop.stream)
    assert {reason["code"] for reason in typed.rejects[0].reasons.values()} == {"too_long"}
    assert typed.rejects[0].reasons.keys() == {column.name for column in table.columns}


def test_documents_that_say_the_same_are_one_key() -> None:
    table = Table("pages", (Column("place", "json"), Column("title")), ("place",))
    shop = Destination(table)
    same = [{"place": {"at": at}, "title": str(at)} for at in (Decimal("1.50"), 1.5, Decimal("15E-1"))]
    others = [{"place": {"at": at}, "title": "x"} for at in ("1.5", [], Decimal("0.00"), 10**30)]
    assert shop.load({"pages": same + others}) == Counts(inserted=5)
    assert shop.load({"pages": same[:1] + others}) == Counts(updated=1, unchanged=4)
    assert shop.load({}, {"pages": [({"at": Decimal("1.500")},), ({"at": 0},)]}) == Counts(deleted=2)


def test_the_hash_tells_values_and_columns_apart_but_neither_types_nor_their_order() -> None:
    one = Table("t", (Column("a"), Column("b", "integer"), Column("c", "decimal", 4, 2)), ("a",))
    other = Table("t", (Column("c"), Column("new", "json"), Column("b", "decimal", 9, 3), Column("a")), ("a",))
    digest, wider = Digests(one).of, Digests(other).of
    assert digest([("x", 1, Decimal("1.50"))]) == wider([("1.5", None, Decimal("1.000"), "x")])
    rows: list[Any] = [
        ("1", None, None),
        ("01", None, None),
        ("1.0", None, None),
        ("x", None, None),
        ("x", 1, None),
        ("x", None, Decimal("1.00")),
        ("", 1, None),
        ('1,"b":1', None, None),
    ]
    assert len(set(digest(rows))) == len(rows)


def test_rows_hashed_by_an_older_version_are_not_written_again(
    shop: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"orders": [order(number, customer=str(number)) for number in range(20)]}
    with monkeypatch.context() as patch:
        patch.setattr("syncruns.engine.warehouse.digest.VERSION", "1")
        patch.setattr(Digests, "__init__", partialmethod(Digests.__init__, version="1"))
        Destination(ORDERS, ITEMS).load(page)
    assert {row[0][0] for row in shop.select("orders", ["_hash"])} == {"1"}
    before = shop.traces("orders")
    assert shop.load(page) == Counts(unchanged=20)
    assert shop.traces("orders") == before
    assert shop.load({"orders": [order(1, "Bia")]}) == Counts(updated=1)
    assert {row[0][0] for row in shop.select("orders", ["_hash"], "id = 1")} == {"2"}


def test_other_encoders_write_nothing_again(shop: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"orders": [order(number) for number in range(20)]}
    shop.load(page)
    encoder = type(shop.warehouse)._encoder

    def other(self: Any, declared: Column, actual: Column) -> Any:
        if declared.type == "decimal":
            return lambda value: f"{value:f}" + "0" * 3
        return encoder(self, declared, actual)

    monkeypatch.setattr(type(shop.warehouse), "_encoder", other)
    again = Destination(ORDERS, ITEMS)
    before = again.traces("orders")
    assert again.load(page) == Counts(unchanged=20)
    assert again.traces("orders") == before


def test_sqlite_writes_less_at_once_while_others_wait_long_for_it_and_more_when_they_do_not() -> None:
    destination = SqliteWarehouse("default")
    assert destination.rows_at_once == FIRST_ROWS
    for _transaction in range(9):
        destination.took(0.001)
    assert destination.rows_at_once == SqliteWarehouse.rows_at_once
    destination.took(0.2)
    assert destination.rows_at_once == SqliteWarehouse.rows_at_once // 2
    for _transaction in range(9):
        destination.took(0.2)
    assert destination.rows_at_once == FEWEST_ROWS
