"""Whole columns are read at once: each value becomes what it would have become alone, or is refused as it would be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connections.sdk.declare import Column, Page, Stream, Table
from syncruns.engine.columns import column_reader
from syncruns.engine.transform import to_rows
from syncruns.engine.values import Refused, reader

COLUMNS = [
    Column("value", "text"), Column("value", "integer"), Column("value", "decimal", 8, 2), Column("value", "boolean"),
    Column("value", "date"), Column("value", "timestamp"), Column("value", "json"),
]  # fmt: skip
MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3))]))
TEXTS = st.one_of(
    st.text(st.characters(), max_size=3),  # lone surrogates and NUL are among them
    st.sampled_from(["1", "1.0", "01", "true", "", "2026-02-28", "28/02/2026", "2026-02-28T10:00:00-03:00", "x" * 501]),
)
OF_ONE_TYPE = (
    TEXTS, st.integers(), st.integers(-5, 5), st.decimals(), st.decimals(-9, 9, places=2), st.booleans(), MOMENTS,
    st.dates(), st.datetimes(), st.floats(), st.lists(st.integers(), max_size=2), st.dictionaries(TEXTS, TEXTS),
)  # fmt: skip
VALUES = st.sampled_from([*OF_ONE_TYPE, st.one_of(OF_ONE_TYPE)]).flatmap(
    lambda kind: st.lists(st.one_of(kind, kind, kind, st.none()), max_size=6)
)


def alike(one: Any, other: Any) -> bool:
    """Tell 1 from True and 1.0 from 1.00, and know NaN again."""
    return type(one) is type(other) and repr(one) == repr(other)


@given(column=st.sampled_from(COLUMNS), values=VALUES, in_key=st.booleans())
def test_column_is_read_as_its_values_are(column: Column, values: list[Any], in_key: bool) -> None:
    read = reader(column, in_key=in_key)
    try:
        expected: list[Any] | None = [None if value is None else read(value) for value in values]
    except Refused:
        expected = None
    try:
        found = list(column_reader(column, in_key=in_key)(values))
    except Refused:
        assert expected is None
    else:
        assert expected is not None
        assert all(map(alike, found, expected)), (found, expected)
        assert len(found) == len(values)


@given(column=st.sampled_from(COLUMNS), values=VALUES)
def test_record_on_a_page_of_many_becomes_what_it_becomes_alone(column: Column, values: list[Any]) -> None:
    table = Table("t", (Column("id", "integer"), column), ("id",))
    stream = Stream("s", "S", (table,))
    records = [{"id": number, "value": value} for number, value in enumerate(values)]
    together = to_rows(Page(rows={"t": records}), stream)
    alone = [to_rows(Page(rows={"t": [record]}), stream) for record in records]
    assert repr(together.rows["t"]) == repr([row for each in alone for row in each.rows["t"]])
    assert [(one.key, one.reasons) for one in together.rejects] == [
        (one.key, one.reasons) for each in alone for one in each.rejects
    ]


def test_equal_values_of_different_types_stay_apart() -> None:
    values = [1, True, Decimal("1"), Decimal("1.00"), 0, False]
    assert list(column_reader(Column("value"))(values)) == ["1", "true", "1", "1.00", "0", "false"]
    assert list(column_reader(Column("value", "boolean"))([1, True, 0])) == [True, True, False]


def test_day_of_a_moment_stays_a_moment_in_utc() -> None:
    moment = datetime(2026, 2, 28, 22, tzinfo=timezone(timedelta(hours=-3)))
    (found,) = column_reader(Column("value", "timestamp"))([moment])
    assert (found, found.tzinfo) == (moment, UTC)
    assert list(column_reader(Column("value", "date"))([date(2026, 2, 28)] * 2)) == [date(2026, 2, 28)] * 2
