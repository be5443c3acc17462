"""Each way of paging against real answers, where it ends, and that it never goes round in circles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connections.sdk.http import HttpClient
from connections.sdk.pagination import (
    Ask,
    Cursor,
    Got,
    LinkHeader,
    LoopGuard,
    NextLink,
    Offset,
    PageNumber,
    SinglePage,
    Walker,
    dig,
    link_to,
    walk,
)
from tests.sdk.source import reply


@pytest.fixture
def read(source, client) -> Callable[[Walker], list[Any]]:
    """Read everything below /items with a walker: the records, in order."""
    http: HttpClient = client(source.url)

    def fetch(ask: Ask) -> Got:
        answer = http.get(ask.url or "items", params=None if ask.url else ask.params)
        document = answer.json()
        return Got(answer, document, document if isinstance(document, list) else document["data"])

    return lambda walker: [record for got in walk(walker, fetch) for record in got.records]


def _targets(source) -> list[str]:
    return [asked.target for asked in source.asked]


def test_single_page_asks_once(source, read):
    source.then(reply(body=[1, 2]))
    assert read(SinglePage()) == [1, 2]
    assert _targets(source) == ["/items"]


def test_page_numbers_end_at_an_empty_page(source, read):
    source.then(reply(body=[1, 2]), reply(body=[3]), reply(body=[]))
    assert read(PageNumber(size_parameter="per_page", size=2)) == [1, 2, 3]
    assert _targets(source) == ["/items?page=1&per_page=2", "/items?page=2&per_page=2", "/items?page=3&per_page=2"]


def test_page_numbers_may_start_at_zero_and_end_at_a_short_page(source, read):
    source.then(reply(body=[1, 2]), reply(body=[3]))
    assert read(PageNumber("p", start=0, size=2, ends_at_short_page=True)) == [1, 2, 3]
    assert _targets(source) == ["/items?p=0", "/items?p=1"]


@pytest.mark.parametrize("walker", [PageNumber(total_path="meta.total"), Offset(total_path="meta.total")])
def test_total_ends_the_reading(source, read, walker):
    source.then(reply(body={"data": [1, 2], "meta": {"total": "3"}}), reply(body={"data": [3], "meta": {"total": "3"}}))
    assert read(walker) == [1, 2, 3]


def test_empty_page_before_the_total_is_no_end(source, read, failure):
    source.then(reply(body={"data": [1], "total": 3}), reply(body={"data": [], "total": 3}))
    error = failure(lambda: read(PageNumber(total_path="total")))
    assert (error.code, error.params["reason"]) == ("bad_response", "empty_page")


def test_offset_counts_what_came_not_what_was_asked_for(source, read):
    source.then(reply(body=[1, 2]), reply(body=[3]), reply(body=[]))
    assert read(Offset(size=100)) == [1, 2, 3]
    assert _targets(source) == ["/items?offset=0&limit=100", "/items?offset=2&limit=100", "/items?offset=3&limit=100"]


def test_cursor_goes_on_past_an_empty_page_until_there_is_none(source, read):
    source.then(
        reply(body={"data": [1], "meta": {"next": "a/b"}}),
        reply(body={"data": [], "meta": {"next": 7}}),
        reply(body={"data": [2], "meta": {"next": None}}),
    )
    assert read(Cursor("meta.next", "cursor", "limit", 1)) == [1, 2]
    assert _targets(source) == ["/items?limit=1", "/items?limit=1&cursor=a%2Fb", "/items?limit=1&cursor=7"]


@pytest.mark.parametrize("last", [{}, {"next": ""}, {"next": False}, {"next": 0}, {"next": None}])
def test_cursor_that_says_nothing_ends(source, read, last):
    source.then(reply(body={"data": [1], **last}))
    assert read(Cursor("next", "cursor")) == [1]


@pytest.mark.parametrize("token", [True, {"a": 1}, [1]])
def test_cursor_of_a_strange_kind_is_a_bad_response(source, read, failure, token):
    source.then(reply(body={"data": [1], "next": token}))
    assert failure(lambda: read(Cursor("next", "cursor"))).params["reason"] == "cursor"


def test_next_link_may_be_full_or_relative(source, read):
    source.then(
        reply(body={"data": [1], "@odata.nextLink": f"{source.url}/items?skip=1"}),
        reply(body={"data": [2], "@odata.nextLink": "/other?skip=2"}),
        reply(body={"data": [3], "@odata.nextLink": "?skip=3"}),
        reply(body={"data": [4]}),
    )
    assert read(NextLink("@odata.nextLink")) == [1, 2, 3, 4]
    assert _targets(source) == ["/items", "/items?skip=1", "/other?skip=2", "/other?skip=3"]


def test_next_link_to_another_server_is_refused(source, read, failure):
    source.then(reply(body={"data": [1], "next": "http://evil.example/items"}))
    assert failure(lambda: read(NextLink("next"))).params["reason"] == "other_host"


def test_next_link_that_is_no_address_is_a_bad_response(source, read, failure):
    source.then(reply(body={"data": [1], "next": "http://[::1"}))
    assert failure(lambda: read(NextLink("next"))).params["reason"] == "cursor"


def test_link_header_names_the_next_page(source, read):
    link = f'<{source.url}/items?page=2>; rel="next", <{source.url}/items?page=9>; rel="last"'
    source.then(reply(body=[1], Link=link), reply(body=[2], Link='</items?page=1>; rel="prev"'))
    assert read(LinkHeader()) == [1, 2]
    assert _targets(source) == ["/items", "/items?page=2"]


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        ("<a>; rel=next", "a"),
        ('<a,b;c>; title="x, rel=\\"no\\""; REL="Last Next"', "a,b;c"),
        ('<a>; rel="prev", <b>; rel="next"', "b"),
        ('<a>; rel="nextish"', None),
        ("<a>", None),
    ],
)
def test_link_header_is_read_by_the_standard(header, target):
    assert link_to("next", header) == target


def test_same_cursor_twice_is_a_loop(source, read, failure):
    source.then(reply(body={"data": [1], "next": "a"}), reply(body={"data": [2], "next": "a"}))
    assert failure(lambda: read(Cursor("next", "cursor"))).code == "pagination_loop"


def test_links_in_a_circle_are_a_loop(source, read, failure):
    source.then(*[reply(body={"data": [number], "next": f"/items?to={number % 2}"}) for number in range(3)])
    assert failure(lambda: read(NextLink("next"))).code == "pagination_loop"


@pytest.mark.parametrize("walker", [PageNumber(), Offset()])
def test_source_that_ignores_the_page_parameter_is_a_loop(source, read, failure, walker):
    source.then(reply(body=[{"id": 1}]), reply(body=[{"id": 1}]))
    assert failure(lambda: read(walker)).code == "pagination_loop"


def test_loop_guard_knows_tokens_by_their_text(failure):
    guard = LoopGuard()
    guard.see(1)
    guard.see("a")
    assert failure(lambda: guard.see("1")).code == "pagination_loop"


@pytest.mark.parametrize(
    ("path", "value"),
    [("", {"a": {"b.c": [{"d": 0}]}}), ("a.b.c.0.d", None), ("a.b.c", [{"d": 0}]), ("a.x", None), ("a.b.c.d", None)],
)
def test_dig_finds_what_is_at_a_path(path, value):
    assert dig({"a": {"b.c": [{"d": 0}]}}, path) == value


def test_dig_reaches_into_lists():
    assert dig([{"a": [1, 2]}], "0.a.1") == 2
    assert dig([1], "1") is None
    assert dig([1], "-1") is None
