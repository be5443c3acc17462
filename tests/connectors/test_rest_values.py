"""Columns of a JSON API are brought into the engine's form as their values would be, one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from connections.connectors.rest.values import read_all
from connections.sdk.declare import ColumnType

ZONE = ZoneInfo("America/Sao_Paulo")
WRITTEN = st.one_of(
    st.sampled_from(["", "1.5", "1,5", "1.234,56", "0000-00-00", "0000-00-00 00:00:00", "x 0000-00-00", "2026-02-28"]),
    st.sampled_from(["2026-02-28T10:00:00Z", "2026-02-28 10:00", "true", 7, 1_700_000_000, Decimal("1.5"), True, None]),
    st.text(max_size=3),
)


@given(column_type=st.sampled_from(get_args(ColumnType)), values=st.lists(WRITTEN, max_size=5))
def test_column_is_brought_into_form_as_its_values_are(column_type: ColumnType, values: list[Any]) -> None:
    alone = [read_all(column_type, [value], ZONE)[0] for value in values]
    assert list(map(repr, read_all(column_type, values, ZONE))) == list(map(repr, alone))


def test_nothing_and_decimal_commas_are_found_among_plain_values() -> None:
    assert list(read_all("decimal", ["1.50", "2,50", "", None], ZONE)) == ["1.50", Decimal("2.50"), None, None]
    assert list(read_all("date", ["2026-02-28", "0000-00-00", ""], ZONE)) == ["2026-02-28", None, None]
    assert list(read_all("decimal", ["1.50", "-2.5"], ZONE)) == ["1.50", "-2.5"]
