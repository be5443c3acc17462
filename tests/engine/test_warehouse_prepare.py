"""Tables are created once, gain columns, widen their types, and refuse what would lose or mix data."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections, transaction

from connections.destination import table_name
from connections.sdk.declare import Column, Table
from connections.sdk.errors import SyncError
from syncruns.engine.warehouse import Counts, Evolution, warehouse
from tests.engine.destination import Destination

pytestmark = pytest.mark.django_db

DECIMAL = Column("value", "decimal", 8, 2)


def table(*columns: Column, key: tuple[str, ...] = ("id",)) -> Table:
    return Table("things", (Column("id", "integer"), *columns), key)


def test_a_table_is_created_once() -> None:
    destination = warehouse()
    assert destination.prepare("shop", [table()]) == [Evolution("things", "created")]
    assert destination.prepare("shop", [table()]) == []


def test_nothing_to_change_costs_one_query(django_assert_num_queries: Any) -> None:
    tables = [replace(table(Column("name")), name=f"things_{n}") for n in range(5)]
    warehouse().prepare("shop", tables)
    with django_assert_num_queries(1):
        warehouse().prepare("shop", tables)


def test_holding_prepared_tables_asks_for_their_shape_only_once_somebody_has_altered_them(
    django_assert_num_queries: Any,
) -> None:
    narrow, wide = [table(Column("value", "integer"))], [table(DECIMAL)]
    warehouse().prepare("shop", narrow)
    for alter, queries in ((False, 1), (True, 2)):
        destination = warehouse()
        destination.prepare("shop", narrow)
        if alter:
            warehouse().prepare("shop", wide)
        for count in (queries, 1):
            with transaction.atomic(), django_assert_num_queries(count):
                destination.hold("shop", narrow)


def test_a_table_that_comes_to_have_sets_gets_the_index_that_finds_them(django_assert_num_queries: Any) -> None:
    plain = table(Column("need", "integer"))
    warehouse().prepare("shop", [plain])
    with_sets = replace(plain, set_key=("need",))
    assert warehouse().prepare("shop", [with_sets]) == []
    with django_assert_num_queries(1):
        warehouse().prepare("shop", [with_sets])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = 'shop' AND indexname = 'things_set'"
            if connection.vendor == "postgresql"
            else "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = 'shop_things_set'"
        )
        assert cursor.fetchone() == (1,)


def test_a_new_column_is_added_and_a_vanished_one_stays() -> None:
    Destination(table(Column("name"))).load({"things": [{"id": 1, "name": "tea"}]})
    assert warehouse().prepare("shop", [table(DECIMAL)]) == [
        Evolution("things", "column_added", "value", after="decimal(8,2)")
    ]
    shop = Destination(table(DECIMAL))
    shop.load({"things": [{"id": 2, "value": "1.5"}]})
    assert shop.select("things", ["id", "name"]) == [(1, "tea"), (2, None)]


@pytest.mark.parametrize(
    ("before", "stored", "after", "expected"),
    [
        (Column("value", "integer"), -7, DECIMAL, Decimal("-7.00")),
        (Column("value", "integer"), 2**63 - 1, Column("value"), "9223372036854775807"),
        (DECIMAL, "1.5", Column("value", "decimal", 12, 4), Decimal("1.5000")),
        (DECIMAL, "123456.78", Column("value", "decimal", 30, 10), Decimal("123456.78")),
        (DECIMAL, "-3", Column("value", "decimal", 30, 10), Decimal("-3")),
        (DECIMAL, "-0.01", Column("value", "decimal", 5, 4), Decimal("-0.01")),
        (DECIMAL, "-1.50", Column("value"), "-1.5"),
        (Column("value", "date"), "2026-02-28", Column("value", "timestamp"), datetime(2026, 2, 28, tzinfo=UTC)),
    ],
)
def test_widening_keeps_the_values(before: Column, stored: Any, after: Column, expected: Any) -> None:
    Destination(table(before, Column("name"))).load({"things": [{"id": 1, "value": stored, "name": "tea"}]})
    changes = warehouse().prepare("shop", [table(after)])
    assert [(change.action, change.column) for change in changes] == [("column_widened", "value")]
    shop = Destination(table(after))
    assert shop.live("things") == [(1, expected)]
    assert shop.select("things", ["name"]) == [("tea",)]
    before = shop.traces("things")
    assert Destination(table(after, Column("name"))).load(
        {"things": [{"id": 1, "value": expected, "name": "tea"}]}
    ) == Counts(unchanged=1)
    assert shop.traces("things") == before


def test_integers_become_decimals_and_then_text_and_nothing_is_written_again() -> None:
    page = {"things": [{"id": number, "value": number} for number in range(-3, 30)]}
    Destination(table(Column("value", "integer"))).load(page)
    for wider in (DECIMAL, Column("value", "decimal", 30, 6), Column("value")):
        shop = Destination(table(wider))
        before = shop.traces("things")
        assert shop.load(page) == Counts(unchanged=33)
        assert shop.traces("things") == before
    assert [row[1] for row in shop.live("things")] == [str(number) for number in range(-3, 30)]


@pytest.mark.parametrize(
    ("wide", "narrow", "value", "stored"),
    [
        (Column("value"), Column("value", "integer"), 7, "7"),
        (Column("value", "decimal", 30, 6), DECIMAL, "1.5", Decimal("1.5")),
        (Column("value", "timestamp"), Column("value", "date"), "2026-02-28", datetime(2026, 2, 28, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("in_key", [False, True])
def test_a_narrower_declaration_writes_into_the_wider_table(
    wide: Column, narrow: Column, value: Any, stored: Any, in_key: bool
) -> None:
    key = ("id", "value") if in_key else ("id",)
    shop = Destination(table(wide, key=key))
    other = Destination(table(narrow, Column("name"), key=key))
    other.connection_id = shop.connection_id = 2
    record = {"id": 1, "value": value}
    assert other.load({"things": [record]}) == Counts(inserted=1)
    assert other.load({"things": [record]}) == Counts(unchanged=1)
    assert other.load({"things": [record | {"name": "x"}]}) == Counts(updated=1)
    assert shop.live("things") == [(1, stored)]


def test_a_number_in_a_column_that_became_text_is_spelled_as_those_that_were_there() -> None:
    numbers = Table("spelled", (Column("size", "decimal", 12, 4), Column("other", "decimal", 12, 4)), ("size",))
    texts = Table("spelled", (Column("size"), Column("other")), ("size",))
    page = {"spelled": [{"size": "1.5", "other": "7"}, {"size": "100", "other": "0.0250"}]}
    before = Destination(numbers)
    assert before.load(page) == Counts(inserted=2)
    after = Destination(texts)
    assert before.load(page) == Counts(unchanged=2)
    assert before.load({"spelled": [{"size": "2.5", "other": "7.25"}]}) == Counts(inserted=1)
    assert after.live("spelled") == [("1.5", "7"), ("100", "0.025"), ("2.5", "7.25")]
    assert before.load({}, {"spelled": [("1.50",), ("100",)]}) == Counts(deleted=2)


def test_a_widened_column_of_the_key_still_finds_its_rows() -> None:
    page = {"things": [{"id": n, "code": n} for n in range(20)]}
    Destination(table(Column("code", "integer"), key=("id", "code"))).load(page)
    shop = Destination(table(Column("code", "decimal", 20, 1), key=("id", "code")))
    assert shop.load(page) == Counts(unchanged=20)


def test_a_changed_key_is_refused() -> None:
    warehouse().prepare("shop", [table(Column("code"))])
    with pytest.raises(SyncError) as caught:
        warehouse().prepare("shop", [table(Column("code"), key=("id", "code"))])
    assert (caught.value.code, caught.value.params) == ("key_changed", {"table": table_name("shop", "things")})


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ((Column("Size"), Column("size")), "twice"),
        ((Column("_hash"),), "_hash"),
        ((Column("_Deleted_At"),), "_Deleted_At"),
    ],
)
def test_columns_that_a_database_cannot_tell_apart_are_refused(columns: tuple[Column, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        table(*columns)


@pytest.mark.parametrize(("precision", "scale"), [(0, 0), (1001, 2), (4, 5), (4, -1)])
def test_decimal_that_no_database_keeps_is_refused(precision: int, scale: int) -> None:
    with pytest.raises(ValueError, match=r"decimal\("):
        Column("value", "decimal", precision, scale)


def test_a_decimal_too_wide_to_be_widened_becomes_text() -> None:
    Destination(table(Column("value", "decimal", 1000, 990))).load({"things": [{"id": 1, "value": "0.5"}]})
    shop = Destination(table(Column("value", "integer")))
    shop.load({"things": [{"id": 2, "value": 7}]})
    assert shop.select("things", ["value"]) == [("0.5",), ("7",)]


@pytest.mark.parametrize(
    ("before", "after"),
    [("json", "text"), ("text", "json"), ("boolean", "integer"), ("date", "text"), ("timestamp", "integer")],
)
def test_a_change_of_kind_is_refused(before: Any, after: Any) -> None:
    warehouse().prepare("shop", [table(Column("value", before))])
    with pytest.raises(SyncError) as caught:
        warehouse().prepare("shop", [table(Column("value", after))])
    assert caught.value.code == "contract_changed"
    assert caught.value.params == {
        "reason": "type",
        "table": table_name("shop", "things"),
        "column": "value",
        "before": before,
        "after": after,
    }


def test_a_refused_change_alters_nothing() -> None:
    warehouse().prepare("shop", [table(Column("value", "json"))])
    with pytest.raises(SyncError):
        warehouse().prepare("shop", [replace(table(), name="others"), table(Column("value"))])
    assert warehouse().prepare("shop", [replace(table(), name="others")]) == [Evolution("others", "created")]


def test_children_are_found_by_an_index_when_the_key_does_not_begin_with_the_parent() -> None:
    columns = (Column("id", "integer"), Column("order_id", "integer"))
    orders = Table("orders", (Column("id", "integer"),), ("id",))
    items = Table("items", columns, ("id", "order_id"), parent="orders", parent_key=("order_id",))
    warehouse().prepare("shop", [orders, items])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'shop' AND tablename = 'items'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'shop_items'")
        assert any("items_parent" in name for (name,) in cursor.fetchall())


@pytest.fixture
def schema_of_its_own() -> Iterator[str]:
    schema = f"apart_{uuid.uuid4().hex[:8]}"
    yield schema
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE %s", [f"{schema}%"])
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TABLE "{name}"')


@pytest.mark.django_db(transaction=True)
def test_processes_that_prepare_at_once_agree(schema_of_its_own: str) -> None:
    declarations = [
        [table(Column("value", "integer")), replace(table(), name="others")],
        [table(DECIMAL, Column("name"))],
        [replace(table(), name="others"), table(Column("value", "decimal", 20, 4))],
    ]
    changes: list[Evolution] = []
    failures: list[Exception] = []
    start = threading.Barrier(6)

    def prepare(number: int) -> None:
        try:
            start.wait()
            changes.extend(warehouse().prepare(schema_of_its_own, declarations[number % 3]))
        except Exception as error:  # noqa: BLE001 - the test shows it
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=prepare, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(change.table for change in changes if change.action == "created") == ["others", "things"]
    assert all(warehouse().prepare(schema_of_its_own, tables) == [] for tables in declarations)
