"""How far the reader's thread runs before the load."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from connections.sdk.declare import Column, Page, Stream, Table
from syncruns.engine.reader import MOST_AHEAD, ROWS_TOGETHER, read_ahead

STREAM = Stream("items", "Items", (Table("items", (Column("id", "integer"),), ("id",)),))


class Source:
    """Yields pages of so many rows, and counts them."""

    def __init__(self, *, rows: int, pages: int = 6000) -> None:
        self.made = 0
        self._rows, self._pages = rows, pages

    def __call__(self) -> Iterator[Page]:
        for _number in range(self._pages):
            self.made += 1
            yield Page({"items": [{"id": number} for number in range(self._rows)]})

    def made_in_the_end(self, expected: int) -> int:
        """Return how many pages were made, some time after there were as many as expected."""
        until = time.monotonic() + 20
        while self.made < expected and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
        return self.made


@pytest.mark.parametrize(
    ("rows", "ahead"), [(2 * ROWS_TOGETHER, 1), (ROWS_TOGETHER, 1), (1000, ROWS_TOGETHER // 1000), (1, MOST_AHEAD)]
)
def test_reader_waits_when_the_next_group_lies_ready(rows: int, ahead: int) -> None:
    source = Source(rows=rows)
    with read_ahead(source, STREAM, lambda: None) as groups:
        group = next(groups)
        taken = len(group)
        expected = taken + ahead + 1  # one that it holds until there is room
        assert source.made_in_the_end(expected) == expected


def test_no_page_is_lost_between_reader_and_load() -> None:
    source = Source(rows=700, pages=40)
    with read_ahead(source, STREAM, lambda: None) as groups:
        loaded = [page for group in groups for page in group]
    assert len(loaded) == source.made == 40


def test_end_and_failures_come_after_the_pages_before_them() -> None:
    def pages() -> Iterator[Page]:
        for _number in range(3):
            yield Page({"items": [{"id": 1}]})
        raise OSError("gone")

    taken: list[Page] = []
    with pytest.raises(Exception, match="internal"), read_ahead(pages, STREAM, lambda: None) as groups:
        for group in groups:
            taken += group
    assert len(taken) == 3
