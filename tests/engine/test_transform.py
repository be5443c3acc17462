"""Records become typed rows or rejects with reasons, each counted once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson
import pytest

from connections.sdk.declare import Column, ColumnType, Page, Stream, Table
from syncruns.engine.transform import Reject, Typed, key_text, record_of, to_rows
from syncruns.engine.values import REASONS

ORDERS = Table("orders", (Column("id", "integer"), Column("total", "decimal", 8, 2)), ("id",))
ITEMS = Table(
    "items",
    (Column("order_id", "integer"), Column("line", "integer"), Column("product")),
    ("order_id", "line"),
    parent="orders",
    parent_key=("order_id",),
)
STREAM = Stream("orders", "Orders", (ORDERS, ITEMS))


def typed(orders: Sequence[dict[str, Any]] | None = None, items: Sequence[dict[str, Any]] | None = None) -> Typed:
    rows = {name: records for name, records in (("orders", orders), ("items", items)) if records is not None}
    result = to_rows(Page(rows=rows), STREAM)
    assert result.read == sum(map(len, result.rows.values())) + result.deduplicated + len(result.rejects)
    return result


class Word(str, Enum):  # noqa: UP042 - what connectors may well use: its str() is its name
    YES = "yes"


class Nowhere(tzinfo):
    def utcoffset(self, moment: datetime | None) -> None:
        return None


def read(kind: ColumnType, value: Any, **size: int) -> Any:
    """Return the value as typed, or the code of the reason."""
    table = Table("t", (Column("id"), Column("value", kind, **size)), ("id",))
    result = to_rows(Page(rows={"t": [{"id": "1", "value": value}]}), Stream("s", "S", (table,)))
    if not result.rejects:
        return result.rows["t"][0][1]
    reason = result.rejects[0].reasons["value"]
    assert reason["code"] in REASONS
    assert orjson.dumps(result.rejects[0].record)
    return reason["code"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        ("-007", -7),
        (Decimal("7.0"), 7),
        (Decimal("1E+3"), 1000),
        (Decimal("0E+99"), 0),
        (2**63 - 1, 2**63 - 1),
        (2**63, "out_of_range"),
        ("9" * 50, "out_of_range"),
        (Decimal("1E+999999"), "out_of_range"),
        (Decimal("7.5"), "not_an_integer"),
        (Decimal("NaN"), "not_an_integer"),
        (True, "not_an_integer"),
        (7.0, "not_an_integer"),
        (" 7", "not_an_integer"),
        ("٧", "not_an_integer"),
        ("", "empty"),
        (None, None),
    ],
)
def test_integers(value: Any, expected: Any) -> None:
    assert read("integer", value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("1.5"), "1.50"),
        (Decimal("1.500"), "1.50"),
        (7, "7.00"),
        ("-0.10", "-0.10"),
        ("-0", "0.00"),
        (Decimal("9999.99"), "9999.99"),
        (Decimal("10000"), "out_of_range"),
        (Decimal("1E+999999"), "out_of_range"),
        (Decimal("1.005"), "too_many_decimals"),
        (Decimal("1E-999999"), "too_many_decimals"),
        (Decimal("Infinity"), "not_a_number"),
        (1.5, "not_exact"),
        ("1,50", "not_a_number"),
        ("1e2", "not_a_number"),
        (False, "not_a_number"),
        ("", "empty"),
    ],
)
def test_decimals(value: Any, expected: str) -> None:
    assert str(read("decimal", value, precision=6, scale=2)) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("boolean", True, True),
        ("boolean", 0, False),
        ("boolean", "true", True),
        ("boolean", 2, "not_a_boolean"),
        ("boolean", "sim", "not_a_boolean"),
        ("boolean", Decimal(1), "not_a_boolean"),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("date", "28/02/2026", date(2026, 2, 28)),
        ("date", "30/02/2026", "not_a_date"),
        ("date", "2026-W01-1", "not_a_date"),
        ("date", "20260228", "not_a_date"),
        ("date", "2026-02-28T00:00:00", "has_time"),
        ("date", datetime(2026, 2, 28, tzinfo=UTC), "has_time"),
        ("timestamp", "2026-02-28T10:00:00-03:00", datetime(2026, 2, 28, 13, tzinfo=UTC)),
        ("timestamp", "2026-02-28 10:00", datetime(2026, 2, 28, 10, tzinfo=UTC)),
        ("timestamp", "2026-02-28T10:00:00.1234567Z", datetime(2026, 2, 28, 10, 0, 0, 123456, UTC)),
        ("timestamp", "2026-02-30T10:00:00Z", "not_a_timestamp"),
        ("timestamp", "2026-02-28", "not_a_timestamp"),
        ("timestamp", 1772236800, "not_a_timestamp"),
        ("timestamp", datetime(2026, 2, 28), "no_time_zone"),  # noqa: DTZ001 - that is what is refused
        ("timestamp", datetime(2026, 2, 28, tzinfo=Nowhere()), "no_time_zone"),
        ("timestamp", "0001-01-01T00:00:00+05:00", "out_of_range"),
        ("text", " as it \n is ", " as it \n is "),
        ("text", Decimal("1.50"), "1.50"),
        ("text", True, "true"),
        ("text", Word.YES, "yes"),
        ("text", 2**100, str(2**100)),
        ("text", ["a"], "not_text"),
        ("text", 1.5, "not_text"),
        ("text", "a\0b", "has_nul"),
        ("text", "a\ud800b", "not_unicode"),
        ("json", {"b": [1, None, True], "a": Decimal("1.10")}, '{"a":1.10,"b":[1,null,true]}'),
        ("json", [2**100, Decimal("1E+2")], f"[{2**100},1E+2]"),
        ("json", "text", '"text"'),
        ("json", {"a": float("nan")}, "not_json"),
        ("json", {"a": [Decimal("Infinity")]}, "not_json"),
        ("json", {1: 2}, "not_json"),
        ("json", {"a": "\0"}, "has_nul"),
        ("json", {"\ud800": 1}, "not_unicode"),
        ("json", Decimal("1E+200000"), "out_of_range"),
    ],
)
def test_other_types(kind: ColumnType, value: Any, expected: Any) -> None:
    result = read(kind, value)
    assert result == expected and type(result) is type(expected)


def test_json_nested_too_deep_is_refused() -> None:
    value: Any = 1
    for _ in range(500):
        value = [value]
    assert read("json", value) == "too_deep"


def test_a_long_text_serves_unless_it_is_a_key() -> None:
    assert read("text", "x" * 10_000) == "x" * 10_000
    table = Table("t", (Column("id"),), ("id",))
    result = to_rows(Page(rows={"t": [{"id": "é" * 300}]}), Stream("s", "S", (table,)))
    assert result.rejects[0].reasons == {"id": {"code": "too_long", "params": {"longest": 500}}}


def test_fields_not_declared_are_ignored_and_missing_ones_are_null() -> None:
    assert typed([{"id": 1, "extra": object()}]).rows["orders"] == [(1, None)]


def test_the_last_record_with_a_key_wins() -> None:
    result = typed([{"id": 1, "total": 1}, {"id": 2}, {"id": "1", "total": 2}])
    assert result.rows["orders"] == [(2, None), (1, Decimal("2.00"))]
    assert result.deduplicated == 1


@pytest.mark.parametrize("record", [{}, {"id": None}, {"total": "bad"}])
def test_a_record_without_its_key_is_rejected(record: dict[str, Any]) -> None:
    reject = typed([record]).rejects[0]
    assert reject.reasons["id"]["code"] == "key_missing"
    assert reject.key.startswith("#")


def test_a_reject_names_its_key_and_every_reason() -> None:
    table = Table("t", (Column("id", "integer"), Column("a", "integer"), Column("b", "date")), ("id",))
    record = {"id": "7", "a": "x" * 10_900, "b": "soon", "password": "not declared"}
    assert to_rows(Page(rows={"t": [record]}), Stream("s", "S", (table,))).rejects == [
        Reject(
            table="t",
            key="7",
            record={"id": "7", "a": "x" * 10_000, "b": "soon"},
            reasons={"a": {"code": "not_an_integer", "params": {}}, "b": {"code": "not_a_date", "params": {}}},
            inexact=("a",),
            position=0,
        )
    ]


@pytest.mark.parametrize(
    "value",
    ["a\0\ud800", float("nan"), pytest.param(10**5000, id="huge"), {"a": [object()] * 999}, b"bytes", {(1,): 2}],
)
def test_any_rejected_value_can_be_stored(value: Any) -> None:
    reject = typed([{"id": 1, "total": value}]).rejects[0]
    assert len(orjson.dumps(reject.record)) < 11_000 and b"\\u0000" not in orjson.dumps(reject.record)
    assert reject.inexact == ("total",)


def test_a_kept_record_is_typed_again_as_it_was() -> None:
    columns = (
        Column("id", "integer"), Column("bad", "date"), Column("name"), Column("price", "decimal", 30, 10),
        Column("at", "timestamp"), Column("day", "date"), Column("ok", "boolean"), Column("more", "json"),
        Column("huge", "integer"), Column("text_of_number"), Column("none"),
    )  # fmt: skip
    table = Table("t", columns, ("id",))
    record = {
        "id": 7, "bad": "soon", "name": "é" * 600, "price": Decimal("1E+3"), "at": datetime(2026, 1, 2, 3, tzinfo=UTC),
        "day": date(2026, 1, 2), "ok": 0, "more": {"a": [Decimal("1.10"), 2**60, "x", None]}, "huge": 2**62,
        "text_of_number": Decimal("1.50"), "none": None,
    }  # fmt: skip
    stream = Stream("s", "S", (table,))
    reject = to_rows(Page(rows={"t": [record]}), stream).rejects[0]
    assert reject.inexact == ()
    again = {**record_of(table, orjson.loads(orjson.dumps(reject.record))), "bad": "2026-01-02"}
    as_sent = to_rows(Page(rows={"t": [{**record, "bad": "2026-01-02"}]}), stream)
    assert to_rows(Page(rows={"t": [again]}), stream).rows == as_sent.rows


@pytest.mark.parametrize("kind", ["text", "json"])
def test_what_was_no_value_of_its_column_does_not_become_one_by_being_kept(kind: ColumnType) -> None:
    table = Table("t", (Column("id"), Column("value", kind)), ("id",))
    stream = Stream("s", "S", (table,))
    reject = to_rows(Page(rows={"t": [{"id": "1", "value": {"a": float("nan")}}]}), stream).rejects[0]
    assert reject.inexact == ("value",)
    if kind == "json":
        assert to_rows(Page(rows={"t": [record_of(table, reject.record)]}), stream).rejects


def test_keys_are_spelled_as_people_know_them() -> None:
    assert key_text(ORDERS, (7, None)) == "7"
    assert key_text(ITEMS, (7, 1, "tea")) == '["7","1"]'
    long = Table("t", (Column("id"),), ("id",))
    assert len(key_text(long, ("x" * 400,))) < 200


def test_parents_of_the_page_have_their_children_replaced() -> None:
    result = typed([{"id": 1}, {"id": 2}], [{"order_id": 1, "line": 1}, {"order_id": 9, "line": 1}])
    assert result.sets == {"items": [(1,), (2,)]}
    assert result.incomplete == {"items": set()}
    assert len(result.rows["items"]) == 2


def test_no_child_set_is_replaced_when_the_page_is_silent_about_it() -> None:
    assert typed([{"id": 1}]).sets == {}
    assert typed(None, [{"order_id": 1, "line": 1}]).sets == {}


def test_a_rejected_parent_takes_its_children_with_it() -> None:
    result = typed([{"id": 1, "total": "bad"}, {"id": 2}], [{"order_id": 1, "line": 1}, {"order_id": 2, "line": 1}])
    assert result.rows["items"] == [(2, 1, None)]
    assert result.rejects[1].reasons == {"order_id": {"code": "parent_rejected", "params": {}}}
    assert result.sets == {"items": [(2,)]}


def test_a_rejected_child_makes_its_parent_incomplete() -> None:
    result = typed([{"id": 1}, {"id": 2}], [{"order_id": 1, "line": "x"}, {"order_id": 2, "line": 1}])
    assert result.incomplete == {"items": {(1,)}}


def test_a_child_of_nobody_known_makes_every_parent_incomplete() -> None:
    result = typed([{"id": 1}, {"id": 2}], [{"order_id": None, "line": 1}])
    assert result.incomplete == {"items": {(1,), (2,)}}


def test_deleted_keys_are_typed_and_impossible_ones_left_out() -> None:
    page = Page(deletes={"items": [("1", 2), (1, 2), ("x", 1), (None, 1)]})
    assert to_rows(page, STREAM).deletes == {"items": [(1, 2)]}


def test_a_table_the_stream_has_not_is_an_error() -> None:
    with pytest.raises(KeyError):
        to_rows(Page(rows={"invoices": []}), STREAM)
