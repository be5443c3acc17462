"""Every way of paging and of signing in, over real HTTP."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from connections.sdk.context import Rate
from connections.sdk.errors import SyncError
from tests.connectors.apis import ID, QuickContext, column, connector, ids, read, rows, serve

THINGS = [{"id": number, "name": f"thing {number}"} for number in range(1, 8)]


def paged(asked: dict[str, str], _environ: Any) -> Any:
    start = (int(asked["page"]) - 1) * int(asked.get("size", 3))
    return {"data": {"items": THINGS[start : start + int(asked.get("size", 3))]}, "total": len(THINGS)}


def test_single_answer_may_be_the_list_itself() -> None:
    with serve({"/things": lambda asked, environ: THINGS}) as api:
        pages = read(connector(api.url, {"name": "things"}))
    assert ids(pages) == [1, 2, 3, 4, 5, 6, 7]
    assert [page.checkpoint is not None for page in pages] == [False, True]


def test_single_object_counts_as_one_record() -> None:
    with serve({"/company": lambda asked, environ: {"id": 9, "name": "One"}}) as api:
        assert ids(read(connector(api.url, {"name": "company"})), "t_company") == [9]


def test_null_in_place_of_the_list_is_an_empty_list() -> None:
    with serve({"/things": lambda asked, environ: {"data": None}}) as api:
        assert ids(read(connector(api.url, {"name": "things", "records": "data"}))) == []


@pytest.mark.parametrize("size", [None, 2, 3, 7, 100])
def test_page_numbers_end_at_an_empty_page(size: int | None) -> None:
    stream = {"name": "things", "records": "data.items", "pagination": "page"}
    if size:
        stream |= {"size_parameter": "size", "page_size": size}
    with serve({"/things": paged}) as api:
        assert ids(read(connector(api.url, stream))) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("body", [{"error": "quota"}, {"data": 7}, [1, 2], "text", [[]]])
def test_answer_of_another_shape_is_a_changed_contract(body: Any) -> None:
    with serve({"/things": lambda asked, environ: body}) as api, pytest.raises(SyncError) as caught:
        read(connector(api.url, {"name": "things"}))
    assert caught.value.code == "contract_changed"


def test_list_inside_a_record_that_is_none_is_a_changed_contract() -> None:
    stream = {"name": "things", "columns": [ID, column("lines[].n")]}
    with serve({"/things": lambda asked, environ: [{"id": 1, "lines": 7}]}) as api, pytest.raises(SyncError) as caught:
        read(connector(api.url, stream))
    assert (caught.value.code, caught.value.params["path"]) == ("contract_changed", "lines")


def test_page_size_chosen_for_the_stream_is_asked_for() -> None:
    stream = {"name": "things", "records": "data.items", "pagination": "page", "size_parameter": "size"}
    with serve({"/things": paged}) as api:
        read(connector(api.url, stream), QuickContext(page_size=5))
        assert list(api.requests) == ["/things?page=1&size=5", "/things?page=2&size=5", "/things?page=3&size=5"]


def test_total_ends_the_reading_and_is_expected() -> None:
    stream = {"name": "things", "records": "data.items", "pagination": "page", "total": "total"}
    with serve({"/things": paged}) as api:
        pages = read(connector(api.url, stream))
        assert len(api.requests) == 3
    assert [page.expected for page in pages] == [7, 7, 7, None]


def test_page_numbers_may_start_at_zero_and_end_with_not_found() -> None:
    def zero_based(asked: dict[str, str], _environ: Any) -> Any:
        found = THINGS[int(asked["p"]) * 3 :][:3]
        return found or (404, {"detail": "Invalid page."}, {})

    stream = {"name": "things", "pagination": "page", "page_parameter": "p", "first_page": 0}
    with serve({"/things": zero_based}) as api:
        assert ids(read(connector(api.url, stream))) == [1, 2, 3, 4, 5, 6, 7]


def test_not_found_on_the_first_page_is_a_failure() -> None:
    with serve({}) as api, pytest.raises(SyncError) as caught:
        read(connector(api.url, {"name": "things", "pagination": "page"}))
    assert caught.value.code == "not_found"


@pytest.mark.parametrize("beyond", [{"error": "there is no such page"}, None])
@pytest.mark.parametrize("pages", [3, "3"])
def test_number_of_pages_ends_the_reading_whatever_lies_beyond(beyond: Any, pages: Any) -> None:
    def things(asked: dict[str, str], environ: Any) -> Any:
        page = int(asked["page"])
        if page > 3 and beyond:
            return beyond
        return {"items": THINGS[min(page - 1, 2) * 3 :][:3], "pages": pages}

    entry = {"name": "things", "records": "items", "pagination": "page", "page_count": "pages"}
    with serve({"/things": things}) as api:
        assert ids(read(connector(api.url, entry))) == [1, 2, 3, 4, 5, 6, 7]


def test_number_that_is_not_the_total_leaves_nothing_unread_silently() -> None:
    def things(asked: dict[str, str], environ: Any) -> Any:
        return {"items": THINGS[(int(asked["page"]) - 1) * 3 :][:3], "pages": 2}

    entry = {"name": "things", "records": "items", "pagination": "page", "total": "pages"}
    with serve({"/things": things}) as api:
        with pytest.raises(SyncError) as refused:
            read(connector(api.url, entry))
        findings = list(connector(api.url, entry).test(QuickContext()))
    assert (refused.value.code, refused.value.params["expected"]) == ("contract_changed", "total")
    assert "failed" in [finding.state for finding in findings]


def test_empty_page_before_the_total_is_no_end() -> None:
    def gap(asked: dict[str, str], _environ: Any) -> Any:
        return {"data": THINGS[:3] if asked["page"] == "1" else [], "total": 7}

    stream = {"name": "things", "records": "data", "pagination": "page", "total": "total"}
    with serve({"/things": gap}) as api, pytest.raises(SyncError) as caught:
        read(connector(api.url, stream))
    assert caught.value.code == "bad_response"


def test_source_that_ignores_the_page_number_is_a_loop() -> None:
    with serve({"/things": lambda asked, environ: THINGS}) as api, pytest.raises(SyncError) as caught:
        read(connector(api.url, {"name": "things", "pagination": "page"}))
    assert caught.value.code == "pagination_loop"


def test_offsets_count_what_came_even_from_smaller_pages_than_asked_for() -> None:
    def capped(asked: dict[str, str], _environ: Any) -> Any:
        return THINGS[int(asked["skip"]) :][: min(int(asked["take"]), 2)]

    stream = {
        "name": "things", "pagination": "offset", "offset_parameter": "skip", "size_parameter": "take", "page_size": 50,
    }  # fmt: skip
    with serve({"/things": capped}) as api:
        assert ids(read(connector(api.url, stream))) == [1, 2, 3, 4, 5, 6, 7]


def test_cursor_goes_on_after_an_empty_page() -> None:
    answers = {"": ([1, 2], "a"), "a": ([], "b"), "b": ([3], None)}

    def cursored(asked: dict[str, str], _environ: Any) -> Any:
        numbers, following = answers[asked.get("after", "")]
        return {"things": [{"id": number} for number in numbers], "page_info": {"next": following}}

    stream = {
        "name": "things", "records": "things", "pagination": "cursor", "cursor_parameter": "after",
        "next_cursor": "page_info.next",
    }  # fmt: skip
    with serve({"/things": cursored}) as api:
        assert ids(read(connector(api.url, stream))) == [1, 2, 3]


def test_cursor_that_comes_back_is_a_loop() -> None:
    def cursored(asked: dict[str, str], _environ: Any) -> Any:
        return {"things": [{"id": len(asked.get("cursor", ""))}], "next": "a" if asked.get("cursor") != "a" else "b"}

    stream = {"name": "things", "records": "things", "pagination": "cursor", "next_cursor": "next"}
    with serve({"/things": cursored}) as api, pytest.raises(SyncError) as caught:
        read(connector(api.url, stream))
    assert caught.value.code == "pagination_loop"


@pytest.mark.parametrize("form", ["{base}/v1/things?from={at}", "/v1/things?from={at}", "?from={at}"])
def test_next_link_may_be_full_or_relative(form: str) -> None:
    def linked(asked: dict[str, str], environ: Any) -> Any:
        start = int(asked.get("from", 0))
        base = f"http://{environ['HTTP_HOST']}"
        following = form.format(base=base, at=start + 3) if start + 3 < len(THINGS) else None
        return {"data": THINGS[start : start + 3], "links": {"next": following}}

    stream = {"name": "things", "records": "data", "pagination": "next_link", "next_link": "links.next"}
    with serve({"/v1/things": linked}) as api:
        assert ids(read(connector(f"{api.url}/v1", stream))) == [1, 2, 3, 4, 5, 6, 7]


def test_next_link_to_another_host_gets_no_credentials() -> None:
    stream = {"name": "things", "records": "data", "pagination": "next_link", "next_link": "next"}
    with serve({"/things": lambda asked, environ: THINGS}) as other:
        link = f"{other.url}/things"
        with serve({"/things": lambda asked, environ: {"data": THINGS, "next": link}}) as api:
            session = connector(api.url, stream, auth="bearer", token="canary-7391")
            with pytest.raises(SyncError) as caught:
                read(session)
        assert caught.value.code == "bad_response"
        assert not other.requests


def test_link_header_is_followed() -> None:
    def linked(asked: dict[str, str], _environ: Any) -> Any:
        page = int(asked.get("page", 1))
        links = '</things?page=1>; rel="first"' + (f', </things?page={page + 1}>; rel="next"' if page < 3 else "")
        return 200, THINGS[(page - 1) * 3 :][:3], {"Link": links}

    with serve({"/things": linked}) as api:
        assert ids(read(connector(api.url, {"name": "things", "pagination": "link_header"}))) == [1, 2, 3, 4, 5, 6, 7]


def test_path_keeps_its_own_parameters() -> None:
    stream = {"name": "things", "path": "/things?status=all", "records": "data.items", "pagination": "page"}
    with serve({"/things": paged}) as api:
        read(connector(api.url, stream))
        assert api.requests[0] == "/things?status=all&page=1"


SIGN_INS = [
    ({"auth": "none"}, {}),
    ({"auth": "bearer", "token": "t0k"}, {"HTTP_AUTHORIZATION": "Bearer t0k"}),
    ({"auth": "header", "header_name": "X-Key", "api_key": "k3y"}, {"HTTP_X_KEY": "k3y"}),
    ({"auth": "query", "query_parameter": "apikey", "api_key": "k3y"}, {"QUERY_STRING": "apikey=k3y"}),
    (
        {"auth": "basic", "username": "ana", "password": "señha"},
        {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode("ana:señha".encode()).decode()},
    ),
    ({"headers": ["X-Tenant: 7", "Accept-Language: pt-BR"]}, {"HTTP_X_TENANT": "7", "HTTP_ACCEPT_LANGUAGE": "pt-BR"}),
]


@pytest.mark.parametrize(("values", "expected"), SIGN_INS, ids=[case[0].get("auth", "headers") for case in SIGN_INS])
def test_sign_in_is_sent_with_every_request(values: dict[str, Any], expected: dict[str, str]) -> None:
    seen: list[dict[str, str]] = []

    def watched(asked: dict[str, str], environ: Any) -> Any:
        seen.append({name: environ.get(name, "") for name in expected})
        return THINGS

    with serve({"/things": watched}) as api:
        read(connector(api.url, {"name": "things"}, **values))
    assert seen == [expected]


def test_limit_is_asked_for_before_each_request_and_names_no_secret() -> None:
    taken: list[Rate] = []

    class Limited(QuickContext):
        def take_permit(self, rate: Rate) -> None:
            taken.append(rate)

    stream = {"name": "things", "records": "data.items", "pagination": "page"}
    with serve({"/things": paged}) as api:
        read(connector(api.url, stream, requests_per_minute=60, auth="query", api_key="canary-7391"), Limited())
    assert taken == [Rate("rest 127.0.0.1", 60, 60)] * 4


def test_items_go_to_a_child_table_numbered_where_they_have_no_key() -> None:
    orders = [
        {"code": "A", "lines": [{"sku": "x", "tax": {"rate": 1}}, {"sku": "x"}]},
        {"code": "B", "lines": []},
        {"code": "C"},
        {"code": "D", "lines": {"sku": "single"}},
        {"lines": [{"sku": "lost with its order"}]},
    ]
    stream = {
        "name": "orders",
        "columns": [
            column("code", key=True), column("lines[].sku", name="sku"),
            column("lines[].tax.rate", "integer", name="rate"),
        ],
    }  # fmt: skip
    with serve({"/orders": lambda asked, environ: orders}) as api:
        session = connector(api.url, stream)
        pages = read(session)
    parent, child = session.streams(session.config)[0].tables
    assert (child.name, child.key, child.parent_key) == (
        "t_orders_lines", ("orders_code", "position"), ("orders_code",)
    )  # fmt: skip
    assert parent.name == child.parent
    assert [row["code"] for row in rows(pages, "t_orders")] == ["A", "B", "C", "D", None]
    assert [tuple(row.values()) for row in rows(pages, "t_orders_lines")] == [
        ("A", 1, "x", 1), ("A", 2, "x", None), ("D", 1, "single", None),
    ]  # fmt: skip


def test_items_with_a_key_of_their_own_are_not_numbered() -> None:
    stream = {
        "name": "orders",
        "columns": [ID, column("lines[].n", "integer", name="n", key=True), column("tags[]", name="tag", key=True)],
    }
    order = {"id": 1, "lines": [{"n": 10}, {"n": 20}], "tags": ["a", "b"]}
    with serve({"/orders": lambda asked, environ: [order]}) as api:
        session = connector(api.url, stream)
        pages = read(session)
    assert [table.key for table in session.streams(session.config)[0].tables] == [
        ("id",), ("orders_id", "n"), ("orders_id", "tag"),
    ]  # fmt: skip
    assert rows(pages, "t_orders_tags") == [{"orders_id": 1, "tag": "a"}, {"orders_id": 1, "tag": "b"}]


def test_values_are_brought_into_the_form_the_engine_types() -> None:
    record = {
        "id": 1, "at": "22/11/2026 10:00", "iso": "2026-11-22T10:00:00", "epoch": 1_795_370_400,
        "amount": "1.234,56", "plain": "1234.56", "never": "0000-00-00 00:00:00", "broken": "soon", "empty": "",
    }  # fmt: skip
    moments = [column(name, "timestamp") for name in ("at", "iso", "epoch", "never", "broken")]
    amounts = [column(name, "decimal", precision=12, scale=2) for name in ("amount", "plain", "empty")]
    with serve({"/things": lambda asked, environ: [record]}) as api:
        session = connector(
            api.url, {"name": "things", "columns": [ID, *moments, *amounts]}, time_zone="America/Sao_Paulo"
        )
        row = rows(read(session), "t_things")[0]
    assert {name: str(value) for name, value in row.items()} == {
        "id": "1", "at": "2026-11-22 13:00:00+00:00", "iso": "2026-11-22 13:00:00+00:00",
        "epoch": "2026-11-22 18:00:00+00:00", "never": "None", "broken": "soon",
        "amount": "1234.56", "plain": "1234.56", "empty": "None",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "answers", "complete"),
    [
        ({}, [[1, 2]], True),
        ({}, [([1, 2], {"Link": '</things?page=2>; rel="next"'})], False),
        ({"total": "total"}, [([1, 2], 3)], False),
        ({"total": "total"}, [([1, 2], 2)], True),
        ({"pagination": "page"}, [[1, 2, 3], [4], []], True),
        ({"pagination": "page"}, [[1, 2, 3], [4], 404], True),
        ({"pagination": "page"}, [[1, 2, 3], [], [4]], False),
        ({"pagination": "page"}, [[1, 2, 3], 404], False),
        ({"pagination": "page"}, [[1], []], False),
        ({"pagination": "page", "size_parameter": "size", "page_size": 3}, [[1, 2], []], True),
        ({"pagination": "page", "size_parameter": "size", "page_size": 2}, [[1, 2], []], False),
        ({"pagination": "page", "total": "total"}, [([1, 2], 3), ([3], 3)], True),
        ({"pagination": "page", "total": "total"}, [([1, 2], 4), ([3], 3)], False),
        ({"pagination": "page", "total": "total"}, [([1, 2], 3), ([3, 4], 4)], True),
        ({"pagination": "page", "page_count": "total"}, [([1, 2], 2), ([3, 4], 2)], True),
        ({"pagination": "page", "page_count": "total"}, [([1, 2], 3), ([3], 3), ([], 3)], False),
        ({"pagination": "cursor", "next_cursor": "next"}, [([1, 2], "a"), ([3, 4], None)], True),
        ({"pagination": "cursor", "next_cursor": "next"}, [([1, 2], "a"), ([], "b"), ([3], None)], True),
        ({"pagination": "cursor", "next_cursor": "next"}, [([1, 2], "a"), ([], None)], False),
        ({"pagination": "page"}, [[]], True),
    ],
)
def test_a_list_read_in_full_is_swept_only_when_its_end_is_sure(
    entry: dict[str, Any], answers: list[Any], complete: bool
) -> None:
    """The engine then marks deleted what two such reads did not show; an empty list counts for nothing there."""
    waiting = iter(answers)

    def things(_asked: dict[str, str], _environ: Any) -> Any:
        answer = next(waiting)
        if answer == 404:
            return 404, {}, {}
        found, more = answer if isinstance(answer, tuple) else (answer, None)
        headers = more if isinstance(more, dict) else {}
        body = {"items": [{"id": number} for number in found], "total": more, "next": more}
        return 200, {name: value for name, value in body.items() if value != headers}, headers

    context = QuickContext()
    with serve({"/things": things}) as api:
        pages = read(connector(api.url, {"name": "things", "records": "items", **entry}), context)
    assert [page.sweep and page.sweep.begins for page in pages[:-1]] == [True, *[False] * (len(pages) - 2)]
    assert bool(pages[-1].sweep and pages[-1].sweep.complete) is complete
    assert ("list_end_unclear" in [event for _level, event, _params in context.events]) is not complete


@pytest.mark.parametrize(
    "entry",
    [{"missing": "keep"}, {"incremental": True, "since_parameter": "since", "change_field": "at"}],
)
def test_lists_that_show_only_some_records_are_not_swept(entry: dict[str, Any]) -> None:
    with serve({"/things": lambda asked, environ: [{"id": 1, "at": "2026-01-01T00:00:00Z"}]}) as api:
        pages = read(connector(api.url, {"name": "things", **entry}))
    assert [page.sweep for page in pages] == [None, None]
