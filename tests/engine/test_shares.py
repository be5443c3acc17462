"""Pages become transactions: small ones share one, large ones take several, and nothing is lost or torn apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from connections.sdk.declare import Page, Stream, Sweep
from syncruns.engine.shares import Share, shares
from syncruns.engine.transform import key_of, parent_key_of, to_rows
from tests.engine.scripted import ITEMS, LINES, ORDERS, PARTS

STREAM = Stream("orders", "Orders", (ORDERS, LINES, ITEMS, PARTS))
# An order may lack its id, a line its order: such records are rejected.
ORDER = st.fixed_dictionaries({"id": st.one_of(st.none(), st.integers(1, 30)), "status": st.just("open")})
LINE = st.fixed_dictionaries(
    {"order_id": st.one_of(st.none(), st.integers(1, 35)), "position": st.integers(1, 5), "sku": st.just("a")}
)
ITEM = st.fixed_dictionaries({"id": st.integers(1, 40), "name": st.just("n"), "price": st.sampled_from(["1", "?"])})
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "orders": st.lists(ORDER, max_size=40),
        "order_lines": st.lists(LINE, max_size=60),
        "items": st.lists(ITEM, max_size=40),
    },
)


def divide(pages: list[Page], rows: int, *, divides: bool = True) -> list[Share]:
    typed = [to_rows(page, STREAM) for page in pages]
    return list(shares(pages, typed, STREAM, rows=lambda: rows, divides=divides))


def orders(*numbers: int, **page: Any) -> Page:
    return Page({"orders": [{"id": number, "status": "open"} for number in numbers]}, **page)


ORPHAN = {"order_id": 1, "position": 1, "sku": "a"}
TWO_ITEMS = [{"id": number, "name": "n", "price": "1"} for number in (1, 2)]


@given(records=RECORDS, rows=st.integers(1, 20), deleted=st.lists(st.integers(1, 30), max_size=3), odd=st.booleans())
@example(records={"order_lines": [ORPHAN], "items": TWO_ITEMS}, rows=1, deleted=[], odd=False)
def test_divided_page_holds_what_the_whole_page_held(
    records: dict[str, Any], rows: int, deleted: list[int], odd: bool
) -> None:
    page = Page(records, deletes={"orders": [(number,) for number in deleted]}, checkpoint={"at": 1})
    whole = to_rows(page, STREAM)
    whole.discarded, whole.rejects = whole.rejects[odd::2], whole.rejects[not odd :: 2]  # as people decided
    whole.held = set(range(len(whole.discarded)))
    found = list(shares([page], [whole], STREAM, rows=lambda: rows, divides=True))
    parts = [typed for share in found for typed in share.typed]

    assert [share.pages for share in found] == [()] * (len(found) - 1) + [(page,)]
    assert [share.begun for share in found] == [((page, whole),)] + [()] * (len(found) - 1)
    for name in whole.rows:
        assert sorted(row for part in parts for row in part.rows.get(name, ())) == sorted(whole.rows[name])
    for name in whole.sets:
        assert [key for part in parts for key in part.sets.get(name, ())] == whole.sets[name]
        assert set().union(*(part.incomplete.get(name, set()) for part in parts)) == whole.incomplete[name]
    for part in parts:
        assert part.read == sum(map(len, part.rows.values())) + part.deduplicated + len(part.rejects + part.discarded)
        if "order_lines" in part.sets:
            here = {key_of(ORDERS)(row) for row in part.rows.get("orders", ())}
            assert here == set(part.sets["order_lines"])
            lines = {parent_key_of(LINES)(row) for row in part.rows["order_lines"]}
            assert not (lines - here) & set(whole.sets["order_lines"])  # only orphans may stand apart
            assert part.incomplete["order_lines"] <= here
    assert sum(part.read for part in parts) == whole.read
    last = parts[-1]
    assert (last.deletes, last.rejects, last.deduplicated) == (whole.deletes, whole.rejects, whole.deduplicated)
    assert (last.discarded, last.held) == (whole.discarded, whole.held)
    assert not any(part.deletes or part.rejects or part.discarded or part.held for part in parts[:-1])


def test_parts_are_about_as_large_as_asked_for() -> None:
    sizes = [len(typed.rows["orders"]) for share in divide([orders(*range(1, 26))], 10) for typed in share.typed]
    assert sizes == [10, 10, 5]


def test_small_pages_share_a_transaction_up_to_its_size_and_each_checkpoint_stays_with_its_page() -> None:
    pages = [orders(*range(at, at + 4), checkpoint={"at": at}) for at in (1, 5, 9, 13)]
    assert [share.pages for share in divide(pages, 10)] == [tuple(pages[:2]), tuple(pages[2:])]


def test_large_page_between_small_ones_keeps_the_order() -> None:
    pages = [orders(1, 2), orders(*range(3, 26)), orders(26)]
    found = divide(pages, 10)
    keys = [row[0] for share in found for typed in share.typed for row in typed.rows["orders"]]
    assert keys == list(range(1, 27))
    assert [page for share in found for page in share.pages] == pages


def test_page_that_holds_all_rows_of_sets_stays_whole() -> None:
    assert len(divide([orders(*range(1, 26), sets={"parts": [("a",)]})], 10)) == 1


def test_sweep_is_told_of_a_page_before_any_row_of_it_is_loaded() -> None:
    pages = [orders(1), orders(*range(2, 26), sweep=Sweep("orders", complete=True))]
    found = divide(pages, 10)
    assert [[page for page, _whole in share.begun] for share in found] == [[pages[0]], [pages[1]], [], []]
    assert len(found[1].begun[0][1].rows["orders"]) == 24


def test_parts_grow_smaller_when_the_one_before_took_long() -> None:
    page, room, sizes = orders(*range(1, 26)), [10], []
    for share in shares([page], [to_rows(page, STREAM)], STREAM, rows=lambda: room[0], divides=True):
        sizes.append(len(share.typed[0].rows["orders"]))
        room[0] = 5
    assert sizes == [10, 10, 5]  # the second was begun when the first ended


def test_no_page_is_divided_where_the_database_wants_it_whole() -> None:
    pages = [orders(*range(1, 26)), orders(*range(26, 51))]
    assert [share.pages for share in divide(pages, 10, divides=False)] == [(page,) for page in pages]


def test_empty_pages_still_move_their_checkpoint() -> None:
    pages = [Page(checkpoint={"at": number}) for number in range(3)]
    (share,) = divide(pages, 10)
    assert share.pages == tuple(pages)
    assert all(before != after for before, after in pairwise(pages))
