"""Rows as people look for them: in any order page by page, filtered, and never for long, on the run's database."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connections.sdk.declare import Column, Table
from syncruns.engine.warehouse import warehouse
from syncruns.engine.warehouse.browse import Condition, Order, Rows, Selection, StoredRow, as_it_stands
from syncruns.engine.warehouse.tables import TooLong
from tests.engine.destination import LATER_RUN, RUN, Destination

pytestmark = pytest.mark.django_db

THINGS = Table(
    "things",
    (
        Column("id", "integer"), Column("part"), Column("name"), Column("count", "integer"),
        Column("price", "decimal", 12, 2), Column("wide", "decimal", 30, 4), Column("live", "boolean"),
        Column("day", "date"), Column("at", "timestamp"), Column("more", "json"), Column("100% \"odd\""),
    ),
    ("id", "part"),
)  # fmt: skip
SORTABLE = [column.name for column in THINGS.columns if column.type != "json"]


@pytest.fixture
def shop() -> Destination:
    return Destination(THINGS, schema="browse")


def rows_of(shop: Destination, table: Table = THINGS, **wanted: Any) -> Rows:
    standing = as_it_stands(shop.warehouse, shop.schema, table.name, table)
    assert standing is not None
    return Rows(shop.warehouse, shop.schema, standing, Selection(**wanted))


def thing(number: int, part: str = "a", **values: Any) -> dict[str, Any]:
    return {"id": number, "part": part, **values}


def keys(rows: list[StoredRow]) -> list[tuple[int, int, str]]:
    return [(row.connection_id, row.values[0], row.values[1]) for row in rows]


def walk(rows: Rows, order: Order, size: int) -> list[tuple[int, int, str]]:
    """Go from the first page to the last and back, and return what was met; both ways must meet the same."""
    forwards, page, pages = [], rows.page(order, size), 1
    while True:
        forwards += page.rows
        if not page.has_after:
            break
        position = json.loads(json.dumps(page.rows[-1].position))
        page, pages = rows.page(order, size, after=position), pages + 1
    backwards = page.rows
    while page.has_before:
        page, pages = rows.page(order, size, before=page.rows[0].position), pages - 1
        backwards = page.rows + backwards
    assert pages <= 1 and keys(backwards) == keys(forwards)
    return keys(forwards)


VALUES: dict[str, list[Any]] = {
    "name": [None, "", "Ana", "ana", "Ção", "z" * 130 + "a", "z" * 130 + "b"],
    "count": [None, -5, 0, 7, 2**53 + 1],
    "price": [None, "0.00", "9.5", "10.00", "-3.25"],
    "wide": [None, "9.0001", "10.0", "-2", "12345678901234567890.5"],
    "live": [None, True, False],
    "day": [None, "2026-01-31", "1999-12-31"],
    "at": [None, "2026-01-31T10:00:00.000000Z", "2026-01-31T10:00:00.000001Z"],
}


def test_pages_in_any_order_meet_every_row_once_ties_by_key_and_nulls_last(shop: Destination) -> None:
    draw, stored = random.Random(8), {}
    for shop.connection_id in (1, 2):
        of_one = [
            thing(number, part, **{name: draw.choice(choices) for name, choices in VALUES.items()})
            for number in range(11)
            for part in "ab"
        ]
        shop.load({"things": of_one})
        stored.update({(shop.connection_id, one["id"], one["part"]): one for one in of_one})
    for connection_id in (None, 1):
        rows = rows_of(shop, connection_id=connection_id)
        wanted = {key for key in stored if connection_id in (None, key[0])}
        for name in ("", *SORTABLE):
            for descending in (False, True):
                met = walk(rows, Order(THINGS.column(name) if name else None, descending), 5)
                assert len(met) == len(wanted) and set(met) == wanted, (name, descending)
                if name in VALUES:
                    check(name, descending, met, [stored[key][name] for key in met])


def check(name: str, descending: bool, met: list[tuple[int, int, str]], found: list[Any]) -> None:
    if name != "name":  # the database's collation says in which order texts are
        told = [_comparable(name, value) for value in found if value is not None]
        assert told == sorted(told, reverse=descending), name
        alike = [place for place in range(len(met) - 1) if found[place] == found[place + 1]]
        assert all(met[place] < met[place + 1] for place in alike), name
    assert found.index(None) == len(found) - found.count(None), name


def _comparable(column: str, value: Any) -> Any:
    return float(value) if column in ("price", "wide") else value


def test_every_type_is_filtered_by_what_it_holds(shop: Destination) -> None:
    shop.load({"things": [
        thing(1, name="50% of_all \\ Ação", count=3, price="1.50", wide="9.0001", live=True, day="2026-01-31",
              at="2026-01-31T12:00:00Z", more={"a": "Chá"}, **{'100% "odd"': "it's"}),
        thing(2, name="", count=-3, price="10.00", wide="10", live=False, day="2025-12-31", at="2026-02-01T00:00:00Z"),
        thing(3),
    ]})  # fmt: skip
    cases: list[tuple[str, str, Any, list[int]]] = [
        ("name", "contains", "50%", [1]), ("name", "contains", "f_a", [1]), ("name", "contains", "\\", [1]),
        ("name", "contains", "AÇÃO", [1]), ("name", "contains", "of all", []), ("name", "empty", None, [2, 3]),
        ("name", "filled", None, [1]), ("name", "equals", "50% of_all \\ Ação", [1]),
        ("name", "equals", "' OR 1=1 --", []), ('100% "odd"', "equals", "it's", [1]),
        ("count", "at_least", -3, [1, 2]), ("count", "at_most", 0, [2]), ("count", "empty", None, [3]),
        ("price", "at_least", Decimal("2"), [2]), ("price", "equals", Decimal("1.5"), [1]),
        ("wide", "at_most", Decimal("9.5"), [1]), ("wide", "equals", Decimal("10"), [2]),
        ("live", "equals", True, [1]), ("live", "equals", False, [2]), ("live", "filled", None, [1, 2]),
        ("day", "at_least", date(2026, 1, 1), [1]), ("day", "equals", date(2025, 12, 31), [2]),
        ("at", "below", datetime(2026, 2, 1, tzinfo=UTC), [1]),
        ("at", "at_least", datetime(2026, 2, 1, tzinfo=UTC), [2]),
        ("more", "contains", "chá", [1]), ("more", "empty", None, [2, 3]),
    ]  # fmt: skip
    for column, test, value, wanted in cases:
        found = rows_of(shop, conditions=(Condition(THINGS.column(column), test, value),))  # type: ignore[arg-type]
        assert [row.values[0] for row in found.page(Order(), 9).rows] == wanted, (column, test, value)
    text = tuple(column for column in THINGS.columns if column.type == "text")
    for q, wanted in (("ação", [1]), ("IT'S", [1]), ("3", [3]), ("nothing", [])):
        found = rows_of(shop, search=q, searched=(*text, THINGS.column("id")))
        assert [row.values[0] for row in found.page(Order(), 9).rows] == wanted, q
    assert rows_of(shop, search="x").count(9) == 0


def test_deleted_rows_are_left_out_added_or_all_there_is(shop: Destination) -> None:
    shop.load({"things": [thing(1), thing(2)]})
    shop.load({}, {"things": [(2, "a")]}, run=LATER_RUN)
    counts = [rows_of(shop, deleted=deleted).count(9) for deleted in ("without", "with", "only")]
    assert counts == [1, 2, 1]
    found = rows_of(shop).at(1, (2, "a"))
    assert found is not None and found.deleted_at is not None and found.run_id == UUID(LATER_RUN)
    assert rows_of(shop, run_id=UUID(RUN)).count(9) == 1
    assert {one: (tally.live, tally.deleted) for one, tally in rows_of(shop).tallies().items()} == {1: (1, 1)}
    assert rows_of(shop).at(2, (2, "a")) is None


def test_table_is_read_as_it_stands_whatever_is_declared(shop: Destination) -> None:
    shop.load({"things": [thing(1, count=7, name="Ana")]})
    wider = Table("things", (*THINGS.columns[:2], Column("count", "decimal", 30, 2), Column("new")), THINGS.key)
    standing = as_it_stands(shop.warehouse, shop.schema, "things", wider)
    assert standing is not None
    assert standing.column("count").type == "integer" and "new" not in [column.name for column in standing.columns]
    assert standing.column("name").personal and not standing.column("count").personal

    left = as_it_stands(shop.warehouse, shop.schema, "things", None)
    assert left is not None and left.key == THINGS.key and all(column.personal for column in left.columns)
    assert [row.values[0] for row in Rows(shop.warehouse, shop.schema, left).page(Order(), 9).rows] == [1]
    assert as_it_stands(shop.warehouse, shop.schema, "nothing", wider) is None

    shop.warehouse.prepare(shop.schema, [wider])
    again = rows_of(shop, wider, conditions=(Condition(wider.column("count"), "equals", Decimal(7)),))
    assert [row.values[2] for row in again.page(Order(), 9).rows] == [Decimal("7.00")]


@pytest.mark.django_db(transaction=True)
def test_statement_that_takes_too_long_is_given_up_and_the_next_one_runs() -> None:
    destination = warehouse()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(TooLong), destination.limited(0.05):
        destination.select(endless, ())
    with destination.limited(30):
        assert destination.select("SELECT 1", ()) == [(1,)]
    if destination.like == "ILIKE":
        assert destination.select("SHOW statement_timeout", ()) == [("1min",)], "what it was before"


def test_pages_by_key_use_the_index(shop: Destination) -> None:
    shop.load({"things": [thing(number) for number in range(300)]})
    rows = rows_of(shop, connection_id=1)
    position = rows.page(Order(), 50).rows[-1].position
    by_id = Order(THINGS.column("id"), descending=True)
    for order, kind in ((Order(), "after"), (by_id, "after"), (Order(), "before")):
        plan = explain(shop, rows, order, **{kind: position})
        assert "SCAN" not in plan and "Seq Scan" not in plan and "TEMP B-TREE" not in plan and "Sort" not in plan, plan


def explain(shop: Destination, rows: Rows, order: Order, **position: Any) -> str:
    select, plans = shop.warehouse.select, []

    def explained(sql: str, values: Any) -> list[tuple[Any, ...]]:
        prefix = "EXPLAIN " if shop.warehouse.like == "ILIKE" else "EXPLAIN QUERY PLAN "
        if shop.warehouse.like == "ILIKE":
            select("SET LOCAL enable_seqscan = off; SELECT 1", [])
        plans.append("\n".join(str(line[-1]) for line in select(prefix + sql, values)))
        return []

    shop.warehouse.select = explained  # type: ignore[method-assign]
    try:
        rows.page(order, 50, **position)
    finally:
        shop.warehouse.select = select  # type: ignore[method-assign]
    return plans[0]
