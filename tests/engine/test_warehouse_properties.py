"""Whatever a source sends: it comes back as it was or is rejected with a reason, however it was paged or repeated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connections.sdk.declare import Column, Page, Table
from syncruns.engine.transform import key_of, to_rows
from syncruns.engine.values import REASONS
from syncruns.engine.warehouse import Counts, Scratch, scratch
from tests.engine.destination import Destination

pytestmark = pytest.mark.django_db
# The table is made once; each example loads for a connection of its own.
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

COLUMNS = (
    Column("id", "integer"),
    Column("text"),
    Column("integer", "integer"),
    Column("decimal", "decimal", 15, 4),
    Column("wide", "decimal", 38, 10),
    Column("boolean", "boolean"),
    Column("date", "date"),
    Column("timestamp", "timestamp"),
    Column("json", "json"),
    Column("huge", "decimal", 1000, 500),  # the most that PostgreSQL keeps
)
EVERYTHING = Table("everything", COLUMNS, ("id",))
KEYED = Table("keyed", COLUMNS[1:8], tuple(column.name for column in COLUMNS[1:8]))
BY_ONE = tuple(Table(f"by_{name}", (KEYED.column(name),), (name,)) for name in KEYED.key)

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
texts = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["\\N", "\\", "\t\n\r\\.", "NULL", "😀", "", "a\0", "'\"%s"]
)
integers = st.integers(-(2**64), 2**64) | st.sampled_from([2**63 - 1, -(2**63)])
decimals = st.decimals(allow_nan=True, allow_infinity=True) | st.decimals(-(10**11), 10**11, places=4)
wide = st.decimals(-(10**28), 10**28, places=10) | st.sampled_from(
    [Decimal("9" * 28 + "." + "9" * 10), Decimal(10**28)]
)
moments = st.datetimes(timezones=st.just(UTC) | zones) | st.datetimes().map(datetime.isoformat) | st.datetimes()
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.floats(allow_nan=True)
MOST = "9" * 500 + "." + "9" * 500
huge = st.sampled_from([MOST, "-" + MOST, "0." + "0" * 499 + "1", Decimal(10**500), "0." + "0" * 500 + "1", "-0"])


def nested(depth: int) -> Any:
    return [] if depth == 0 else {"in": nested(depth - 1)} if depth % 2 else [nested(depth - 1)]


documents = st.integers(90, 110).map(nested) | st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
values = {
    "text": texts,
    "integer": integers,
    "decimal": decimals,
    "wide": wide,
    "boolean": st.booleans(),
    "date": st.dates(),
    "timestamp": moments,
    "json": documents,
    "huge": huge,
}
records = st.fixed_dictionaries({}, optional=values)
EXTREMES = {
    "text": "\\N\t\\\n\r😀\u2028",
    "integer": -(2**63),
    "decimal": "-99999999999.9999",
    "wide": "-9999999999999999999999999999.9999999999",
    "boolean": False,
    "date": "0001-01-01",
    "timestamp": "9999-12-31T23:59:59.999999Z",
    "json": {"\\": ["\t", Decimal("0.10"), 2**80, None, "\u2028"]},
    "huge": MOST,
}
PLAIN = {
    "text": "a",
    "integer": 1,
    "decimal": "1.50",
    "wide": "1.50",
    "boolean": True,
    "date": "2026-01-31",
    "timestamp": "2026-01-31T12:00:00Z",
}

ORDERS = Table("orders", (Column("id", "integer"), Column("customer")), ("id",))
ITEMS = Table(
    "items",
    (Column("line", "integer"), Column("order_id", "integer"), Column("product")),
    ("line", "order_id"),
    parent="orders",
    parent_key=("order_id",),
)
Shop = dict[int, dict[int, str]]  # order -> line -> product
shops = st.dictionaries(st.integers(1, 6), st.dictionaries(st.integers(1, 4), st.sampled_from("abc"), max_size=4))


@pytest.fixture
def everything() -> Destination:
    return Destination(EVERYTHING, KEYED, *BY_ONE)


@pytest.fixture
def shop() -> Destination:
    return Destination(ORDERS, ITEMS)


@few
@given(st.lists(records, min_size=1, max_size=5))
@example([EXTREMES])
def test_a_value_comes_back_as_it_was_or_is_rejected_with_a_reason(
    everything: Destination, page: list[dict[str, Any]]
) -> None:
    everything.connection_id += 1
    numbered = [record | {"id": number} for number, record in enumerate(page)]
    typed = to_rows(Page(rows={"everything": numbered}), everything.stream)
    assert len(typed.rows["everything"]) + len(typed.rejects) == len(page)
    assert all(reason["code"] in REASONS for reject in typed.rejects for reason in reject.reasons.values())
    everything.load_typed(typed)
    live = everything.live("everything")
    assert [row[0] for row in live] == [row[0] for row in typed.rows["everything"]]
    for row in live:
        sent = numbered[row[0]]
        for column, value in zip(COLUMNS, row, strict=True):
            assert is_what_was_sent(column.type, sent.get(column.name), value), (column.name, sent.get(column.name))


def is_what_was_sent(kind: str, sent: Any, stored: Any) -> bool:
    """Say whether a stored value is the one sent, by what the types mean and not by what the engine made of it."""
    if sent is None or stored is None:
        return sent is None and (stored is None or kind == "json")
    if kind == "decimal":
        return bool(Decimal(sent) == stored)
    if kind == "date":
        return (sent if isinstance(sent, str) else sent.isoformat()) == stored.isoformat()
    if kind == "timestamp":
        moment = datetime.fromisoformat(sent) if isinstance(sent, str) else sent
        return bool((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) == stored)
    return is_same_document(sent, stored) if kind == "json" else type(sent) is type(stored) and sent == stored


def is_same_document(sent: Any, stored: Any) -> bool:
    if isinstance(sent, dict):
        return sent.keys() == stored.keys() and all(is_same_document(sent[name], stored[name]) for name in sent)
    if isinstance(sent, list):
        return len(sent) == len(stored) and all(map(is_same_document, sent, stored))
    if isinstance(sent, bool | str | None):
        return type(sent) is type(stored) and sent == stored
    number = Decimal(repr(sent)) if isinstance(sent, float) else sent
    return not isinstance(stored, bool) and bool(number == stored)


@few
@given(st.lists(st.fixed_dictionaries({name: values[name] for name in KEYED.key}), max_size=5))
@example([EXTREMES])
def test_a_row_is_found_again_by_a_key_of_any_types(everything: Destination, page: list[dict[str, Any]]) -> None:
    everything.connection_id += 1
    first = everything.load({"keyed": page})
    assert everything.load({"keyed": page}) == Counts(unchanged=first.inserted)
    keys = [tuple(record[name] for name in KEYED.key) for record in page]
    assert everything.load({}, {"keyed": keys}) == Counts(deleted=first.inserted)


@few
@given(
    st.lists(st.fixed_dictionaries({name: values[name] for name in KEYED.key}), max_size=5), st.sampled_from((0, 99))
)
@example([PLAIN, EXTREMES], 0)
@example([PLAIN, EXTREMES], 99)
def test_a_sweep_misses_the_rows_it_did_not_meet_whatever_the_types_of_their_key(
    everything: Destination, page: list[dict[str, Any]], few_keys: int
) -> None:
    everything.connection_id += 1
    for table in (KEYED, *BY_ONE):
        typed = to_rows(Page(rows={table.name: page}), everything.stream)
        everything.load_typed(typed)
        keys = list(map(key_of(table), typed.rows[table.name]))
        sweep = Scratch(everything.warehouse, everything.schema, table, everything.connection_id, 0)
        assert sweep.open() == bool(keys)
        with mock.patch.object(scratch, "FEW_KEYS", few_keys):
            for key in keys[1:]:
                sweep.meet([key])
        if len(keys) > 1:
            assert sweep.compare(datetime.max.replace(tzinfo=UTC), ()) == 1
            sweep.meet(keys[:1])
            assert sweep.compare(datetime.max.replace(tzinfo=UTC), (), if_any=True) == 0
        sweep.close()


@few
@given(st.lists(records, max_size=6))
def test_loading_twice_is_loading_once(everything: Destination, page: list[dict[str, Any]]) -> None:
    everything.connection_id += 1
    numbered = [record | {"id": number} for number, record in enumerate(page)]
    first = everything.load({"everything": numbered})
    before = everything.traces("everything")
    assert everything.load({"everything": numbered}) == Counts(unchanged=first.inserted)
    assert everything.traces("everything") == before


@few
@given(st.lists(st.tuples(st.integers(1, 5), records), max_size=12), st.data())
def test_how_a_source_is_paged_does_not_matter(
    everything: Destination, numbered: list[tuple[int, dict[str, Any]]], data: st.DataObject
) -> None:
    source = [record | {"id": number} for number, record in numbered]
    everything.connection_id += 1
    everything.load({"everything": source})
    whole = everything.live("everything")
    everything.connection_id += 1
    while source:
        size = data.draw(st.integers(1, len(source)))
        everything.load({"everything": source[:size]})
        source = source[size:]
    assert everything.live("everything") == whole


@few
@given(before=shops, after=shops, data=st.data())
def test_child_sets_end_as_the_source_last_showed_them(
    shop: Destination, before: Shop, after: Shop, data: st.DataObject
) -> None:
    shop.connection_id += 1
    shop.load(as_page(before, list(before)))
    orders = list(after)
    while orders:
        size = data.draw(st.integers(1, len(orders)))
        shop.load(as_page(after, orders[:size]))
        orders = orders[size:]
    items = {(line, order): product for order, lines in (before | after).items() for line, product in lines.items()}
    assert {row[:2]: row[2] for row in shop.live("items")} == items
    assert shop.load(as_page(before | after, list(before | after))) == Counts(
        unchanged=len(items) + len(before | after)
    )


def as_page(shop: Shop, orders: list[int]) -> dict[str, list[dict[str, Any]]]:
    return {
        "orders": [{"id": order} for order in orders],
        "items": [
            {"order_id": order, "line": line, "product": product}
            for order in orders
            for line, product in shop[order].items()
        ],
    }
