"""Whole columns are read at once: each value becomes what it would have become alone, or is refused as it would be."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import reduce
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given
from hypothesis import strategies as st

from connections.sdk.declare import Column, Columns, Page, Stream, Table
from connections.sdk.parsing import parse_timestamp, parse_timestamps
from syncruns.engine.columns import column_reader
from syncruns.engine.transform import to_rows
from syncruns.engine.values import Refused, reader, spell_decimal
from syncruns.engine.warehouse.digest import Digests
from syncruns.engine.warehouse.sqlite import _utc_texts, utc_text
from syncruns.engine.warehouse.target import iso_texts


class Side(StrEnum):
    LEFT = "left"


class Level(IntEnum):
    LOW = 1


COLUMNS = [
    Column("value", "text"), Column("value", "integer"), Column("value", "decimal", 8, 2), Column("value", "boolean"),
    Column("value", "date"), Column("value", "timestamp"), Column("value", "json"),
]  # fmt: skip
MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3))]))
TEXTS = st.one_of(
    st.from_regex(r"[+-]?[0-9]+(\.[0-9]+)?\n?[0-9]?"),
    st.text(st.characters(), max_size=3),  # lone surrogates and NUL are among them
    st.sampled_from(["1", "1.0", "01", "true", "", "2026-02-28", "28/02/2026", "2026-02-28T10:00:00-03:00", "x" * 501]),
)
NESTED = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.decimals(), st.floats(), TEXTS, st.datetimes(),
        st.uuids(), st.sampled_from(["null", "\\u0000", "a\n,b", Side.LEFT, Level.LOW]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(TEXTS, st.integers()), inner)),
    max_leaves=6,
)  # fmt: skip
DEEP: Any = reduce(lambda inner, _level: [inner], range(99), [])  # a hundred levels, as deep as may be
OF_ONE_TYPE = (
    TEXTS, st.integers(), st.integers(-5, 5), st.decimals(), st.decimals(-9, 9, places=2), st.booleans(), MOMENTS,
    st.dates(), st.datetimes(), st.floats(), st.lists(st.integers(), max_size=2), st.dictionaries(TEXTS, TEXTS), NESTED,
    st.sampled_from([DEEP, [DEEP], [[1], [2]]]), st.one_of(st.integers(-9, 9), st.decimals(-9, 9, places=2)),
)  # fmt: skip
VALUES = st.sampled_from([*OF_ONE_TYPE, st.one_of(OF_ONE_TYPE)]).flatmap(
    lambda kind: st.lists(st.one_of(kind, kind, kind, st.none()), max_size=6)
)


def alike(one: Any, other: Any) -> bool:
    """Tell 1 from True and 1.0 from 1.00, and know NaN again."""
    return type(one) is type(other) and repr(one) == repr(other)


@given(column=st.sampled_from(COLUMNS), values=VALUES, longest=st.sampled_from([None, 5]))
def test_column_is_read_as_its_values_are(column: Column, values: list[Any], longest: int | None) -> None:
    read = reader(column, longest=longest)
    try:
        expected: list[Any] | None = [None if value is None else read(value) for value in values]
    except Refused:
        expected = None
    try:
        found = list(column_reader(column, longest=longest)(values))
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


@given(column=st.sampled_from(COLUMNS), values=VALUES)
def test_records_told_column_by_column_become_what_they_become_one_by_one(column: Column, values: list[Any]) -> None:
    table = Table("t", (Column("id", "integer"), column, Column("other")), ("id",))
    stream = Stream("s", "S", (table,))
    columns = Columns({"id": range(len(values)), "value": values})
    records = list(columns)
    assert (len(columns), records) == (len(values), [{"id": at, "value": value} for at, value in enumerate(values)])
    assert [columns[at] for at in range(len(values))] == records
    assert list(columns[1:]) == records[1:]
    assert repr(to_rows(Page(rows={"t": columns}), stream)) == repr(to_rows(Page(rows={"t": records}), stream))


def test_equal_values_of_different_types_stay_apart() -> None:
    values = [1, True, Decimal("1"), Decimal("1.00"), 0, False]
    assert list(column_reader(Column("value"))(values)) == ["1", "true", "1", "1.00", "0", "false"]
    assert list(column_reader(Column("value", "boolean"))([1, True, 0])) == [True, True, False]


def test_day_of_a_moment_stays_a_moment_in_utc() -> None:
    moment = datetime(2026, 2, 28, 22, tzinfo=timezone(timedelta(hours=-3)))
    (found,) = column_reader(Column("value", "timestamp"))([moment])
    assert (found, found.tzinfo) == (moment, UTC)
    assert list(column_reader(Column("value", "date"))([date(2026, 2, 28)] * 2)) == [date(2026, 2, 28)] * 2


NUMBERS = st.from_regex(r"\A(-?\d+(\.\d+)?)?\n?-?\d*\Z")  # or nearly
ROWS = st.lists(
    st.tuples(
        st.integers(), st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])), NUMBERS),
        st.one_of(st.none(), st.decimals(-9, 9, places=2)), st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
        st.one_of(st.none(), st.dates()), st.one_of(st.none(), st.booleans()),
    ),
    max_size=4,
)  # fmt: skip


@given(rows=ROWS)
def test_rows_hashed_together_have_the_hashes_that_stored_rows_have(rows: list[tuple[Any, ...]]) -> None:
    names = ["n", "text", "number", "moment", "day", "truth"]
    columns = (
        Column("n", "integer"), Column("text"), Column("number", "decimal", 8, 2), Column("moment", "timestamp"),
        Column("day", "date"), Column("truth", "boolean"),
    )  # fmt: skip

    def spelled(value: Any) -> Any:
        if isinstance(value, Decimal):
            return orjson.Fragment(spell_decimal(value))
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            return orjson.Fragment(value)
        if isinstance(value, datetime) and value.time() == time():
            return value.date()
        return value

    rows = [row for row in rows if -(2**63) <= row[0] < 2**63]
    expected = []
    for row in rows:
        held = {name: spelled(value) for name, value in zip(names, row, strict=True) if value is not None}
        expected.append("2" + blake2b(orjson.dumps(held, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest())
    assert Digests(Table("t", columns, ("n",))).of(rows) == expected


@given(moments=st.lists(st.one_of(st.datetimes(timezones=st.just(UTC)), st.none()), max_size=4))
def test_moments_are_spelled_together_as_they_are_alone(moments: list[datetime | None]) -> None:
    assert list(iso_texts(moments)) == [moment and moment.isoformat() for moment in moments]
    assert _utc_texts(moments) == [moment and utc_text(moment) for moment in moments]


WRITTEN = st.one_of(
    st.sampled_from(
        ["2026-02-28T10:00:00Z", "2026-02-28 10:00:00.25-03:00", "2026-02-30T10:00:00Z", "28/02/2026 10:00"]
    ),
    st.sampled_from(["", "2026-02-28", "9999-12-31T23:59:59-03:00", "2026-02-28T10:00:00Z\n2026-02-28T10:00:00Z"]),
    st.datetimes(timezones=st.just(UTC)).map(str),
)


@given(texts=st.lists(WRITTEN, max_size=3))
def test_moments_are_read_together_as_they_are_alone(texts: list[str]) -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    try:
        expected: list[datetime] | None = [parse_timestamp(text, zone) for text in texts]
    except ValueError:
        expected = None
    try:
        assert parse_timestamps(texts, zone) == expected
    except ValueError:
        assert expected is None
