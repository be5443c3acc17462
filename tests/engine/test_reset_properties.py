"""What a reset puts in place is what loading the same pages, and deleting what they did not show, would have left."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connections.sdk.declare import Page
from syncruns.engine.sweep import shown_keys
from syncruns.engine.transform import Typed, key_of, to_rows
from syncruns.engine.warehouse.staging import Staging
from syncruns.engine.warehouse.target import Stamp
from tests.engine.destination import LATER_RUN, NOW, Destination
from tests.engine.scripted import PARTS, TAGS

pytestmark = pytest.mark.django_db
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

NEED = [column.name for column in PARTS.columns].index("need")
ids = st.integers(1, 6)
# id -> the set it belongs to, its quantity (one that cannot be read, too), and its tags
shown = st.dictionaries(
    ids, st.tuples(st.integers(1, 3), st.sampled_from(("1", "2", "many")), st.sets(st.sampled_from("abc"))), max_size=5
)
pages = st.lists(st.tuples(shown, st.booleans(), st.sets(st.integers(1, 3)), st.sets(ids, max_size=2)), max_size=5)


def page(parts: dict[int, tuple[int, str, set[str]]], has_tags: bool, sets: set[int], gone: set[int]) -> Page:
    rows: dict[str, Any] = {
        "parts": [{"id": number, "need": need, "quantity": much} for number, (need, much, _tags) in parts.items()]
    }
    if has_tags:
        rows["tags"] = [
            {"part_id": number, "tag": tag} for number, (_need, _much, tags) in parts.items() for tag in sorted(tags)
        ]
    return Page(rows, deletes={"parts": [(number,) for number in gone]}, sets={"parts": [(one,) for one in sets]})


@pytest.fixture
def parts() -> Destination:
    return Destination(PARTS, TAGS, schema="scripted")


@few
@given(before=pages, read=pages)
@example(before=[({2: (1, "1", set())}, True, {1}, set())], read=[({1: (1, "many", set())}, True, {1}, set())])
def test_reset_leaves_what_loading_and_comparing_would_have_left(
    parts: Destination, before: list[Any], read: list[Any]
) -> None:
    typed = [to_rows(page(*shape), parts.stream) for shape in read]
    parts.connection_id += 1
    for shape in before:
        parts.load_page(page(*shape))
    loaded_then_compared(parts, typed)
    wanted = {name: parts.live(name) for name in ("parts", "tags")}
    parts.connection_id += 1
    for shape in before:
        parts.load_page(page(*shape))
    put_in_place(parts, typed)
    assert {name: parts.live(name) for name in ("parts", "tags")} == wanted


def loaded_then_compared(parts: Destination, typed: list[Typed]) -> None:
    met = set()
    for each in typed:
        met |= set(shown_keys(PARTS, each))
        # Of a set of which a record could not be read none is removed, whether the read showed it or not.
        met |= {key_of(PARTS)(row) for row in parts.live("parts") if (row[NEED],) in each.incomplete["parts"]}
        parts.load_typed(each, run=LATER_RUN)
    missed = [key for key in map(key_of(PARTS), parts.live("parts")) if key not in met]
    with transaction.atomic():
        parts.warehouse.delete(
            "scripted", PARTS, missed, parts.stream.tables,
            connection_id=parts.connection_id, run_id=LATER_RUN, now=NOW,
        )  # fmt: skip


def put_in_place(parts: Destination, typed: list[Typed]) -> None:
    stamp = Stamp(parts.connection_id, LATER_RUN, NOW)
    before = {name: parts.live(name) for name in ("parts", "tags")}
    staging = Staging(parts.warehouse, "scripted", parts.stream, parts.connection_id)
    staging.drop()
    staging.prepare()
    beside = Destination.__new__(Destination)
    beside.__dict__ = {**parts.__dict__, "warehouse": staging.beside}
    for each in typed:
        with transaction.atomic():
            staging.shadow(each, stamp)
            beside.load_typed(each, run=LATER_RUN)
    assert {name: parts.live(name) for name in ("parts", "tags")} == before
    scratch = staging.scratch(PARTS)
    scratch.compare(NOW.replace(year=2100), ())
    missed = [row[0] for row in scratch._rows(f"SELECT key FROM {scratch.missed}")]
    staging.compare()
    with transaction.atomic():
        staging.swap(stamp, 0)
        parts.warehouse.delete_missed(
            "scripted", PARTS, versions(parts, missed), parts.stream.tables,
            connection_id=parts.connection_id, run_id=LATER_RUN, now=NOW,
        )  # fmt: skip
    staging.close()
    staging.drop()


def versions(parts: Destination, missed: list[str]) -> list[tuple[list[Any], str]]:
    """Return missed keys with the version that their rows have now: here nobody writes between the two."""
    from syncruns.engine.warehouse.base import VERSION
    from syncruns.engine.warehouse.scratch import stored_key

    keys = [stored_key(text) for text in missed]
    if not keys:
        return []
    found = parts.warehouse._matching(
        parts.warehouse._target("scripted", PARTS), f"k.n, {VERSION}", PARTS.key, keys, parts.connection_id,
        are_stored=True,
    )  # fmt: skip
    return [(keys[place], version) for place, version in found]
