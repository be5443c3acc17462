"""Reading only what changed: what is asked for, and a checkpoint that never passes an unread record."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from connections.connectors.rest import RestConnector
from connections.sdk.errors import SyncError
from tests.connectors.apis import ID, QuickContext, column, connector, ids, read, serve

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
STREAM = {
    "name": "things", "pagination": "page", "incremental": True, "since_parameter": "since", "change_field": "changed",
    "columns": [ID, column("changed", "timestamp")],
}  # fmt: skip


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class Changing:
    """Things with a moment of change in any order; its clock, and what happens between two pages, are the test's."""

    def __init__(self, changes: dict[int, float], *, now: float = 0, order: str = "id") -> None:
        self.order = order
        self.changes = {number: at(minutes) for number, minutes in changes.items()}
        self.now = at(now)
        self.between: list[tuple[int, float]] = []
        self.asked: list[dict[str, str]] = []

    def __call__(self, asked: dict[str, str], _environ: Any) -> Any:
        self.asked.append(asked)
        since = datetime.fromisoformat(asked["since"]) if "since" in asked else datetime.min.replace(tzinfo=UTC)
        found = [
            {"id": number, "changed": moment.isoformat()}
            for number, moment in sorted(self.changes.items()) if moment >= since
        ]  # fmt: skip
        if self.order != "id":
            found.sort(key=lambda thing: str(thing["changed"]), reverse=self.order == "newest first")
        page = int(asked["page"])
        headers = {"Date": format_datetime(self.now, usegmt=True)}
        if self.between:
            number, minutes = self.between.pop(0)
            self.changes[number] = self.now = at(minutes)
        return 200, found[(page - 1) * 2 : page * 2], headers


def test_checkpoint_comes_with_the_last_page_only_and_is_the_newest_change_of_an_unsorted_source() -> None:
    source = Changing({1: -10, 2: -60, 3: -5, 4: -90, 5: -30})
    with serve({"/things": source}) as api:
        pages = read(connector(api.url, STREAM))
    assert [page.checkpoint for page in pages[:-1]] == [None, None, None, None]
    assert pages[-1].checkpoint == {"since": at(-5).isoformat(), "read_at": at(0).isoformat()}


def test_next_read_asks_from_the_checkpoint_less_the_overlap() -> None:
    source = Changing({1: -10, 2: -60})
    with serve({"/things": source}) as api:
        session = connector(api.url, STREAM)
        pages = read(session, checkpoint={"since": at(-10).isoformat()})
    assert source.asked[0] == {"page": "1", "since": "2026-11-22T11:45:00Z"}
    assert ids(pages) == [1]


@pytest.mark.parametrize(
    ("form", "spelled"),
    [("iso", "2026-11-22T11:45:00Z"), ("date", "2026-11-22"), ("epoch", "1795347900"), ("epoch_ms", "1795347900000")],
)
def test_moment_is_written_as_the_source_wants_it(form: str, spelled: str) -> None:
    asked: list[dict[str, str]] = []
    with serve({"/things": lambda query, environ: asked.append(query) or []}) as api:
        session = connector(api.url, {**STREAM, "pagination": "none", "since_format": form})
        read(session, checkpoint={"since": at(-10).isoformat()})
    assert asked == [{"since": spelled}]


def test_failed_page_leaves_no_checkpoint() -> None:
    source = Changing({1: -10, 2: -60, 3: -5})
    with serve({"/things": source}) as api:
        api.faults.order("500,after=1")
        session = connector(api.url, STREAM)
        met = []
        with pytest.raises(SyncError) as caught:
            for page in session.read(session.streams(session.config)[0], None, QuickContext()):
                met.append(page)
    assert caught.value.code == "server_error"
    assert [page.checkpoint for page in met] == [None]


def test_nothing_new_keeps_the_checkpoint_where_it_was() -> None:
    source = Changing({}, now=30)
    with serve({"/things": source}) as api:
        pages = read(connector(api.url, STREAM), checkpoint={"since": at(-10).isoformat()})
    assert pages[-1].checkpoint == {"since": at(-10).isoformat(), "read_at": at(30).isoformat()}


def test_what_changes_while_reading_is_read_again() -> None:
    source = Changing({1: -10, 2: -9, 3: -8, 4: -7})
    source.between = [(1, 1), (4, 2)]  # 1 changes after its page was passed, 4 before its page is asked for
    with serve({"/things": source}) as api:
        session = connector(api.url, {**STREAM, "overlap_minutes": 0})
        first = read(session)
        second = read(session, checkpoint=first[-1].checkpoint)
    assert first[-1].checkpoint is not None
    assert datetime.fromisoformat(first[-1].checkpoint["since"]) <= at(0)
    assert 1 in ids(second)


@pytest.mark.parametrize("order", ["id", "oldest first", "newest first"])
@pytest.mark.parametrize("seed", range(4))
def test_no_change_is_ever_lost_whatever_happens_between_pages(seed: int, order: str) -> None:
    randomness = random.Random(seed)
    source = Changing({number: -randomness.randrange(1, 500) for number in range(1, 25)}, order=order)
    state: dict[str, Any] | None = None
    known: dict[int, str] = {}
    clock = 0.0
    with serve({"/things": source}) as api:
        session = connector(api.url, STREAM)
        for _round in range(3):
            for _change in range(randomness.randrange(10)):
                clock += randomness.random() * 20
                source.between.append((randomness.randrange(1, 28), clock))
            pages = read(session, checkpoint=state)
            state = pages[-1].checkpoint or state
            for page in pages:
                known |= {row["id"]: row["changed"].isoformat() for row in page.rows.get("t_things", ())}
        source.between.clear()
        for page in read(session, checkpoint=state):
            known |= {row["id"]: row["changed"].isoformat() for row in page.rows.get("t_things", ())}
    assert known == {number: moment.isoformat() for number, moment in source.changes.items()}


def test_since_replaces_the_checkpoint_and_moves_none_past_what_it_skips() -> None:
    source = Changing({1: -600, 2: -5})
    with serve({"/things": source}) as api:
        session = connector(api.url, STREAM)
        pages = read(session, QuickContext(since=at(-10)), checkpoint={"since": at(-700).isoformat()})
    assert ids(pages) == [2]
    assert pages[-1].checkpoint is None


def test_window_reaches_back_at_least_so_far_and_never_leaves_a_gap() -> None:
    source = Changing({1: -5})
    with serve({"/things": source}) as api:
        session = connector(api.url, STREAM)
        context = QuickContext(window_minutes=60)
        read(session, context, checkpoint={"since": (context.now() - timedelta(days=3)).isoformat()})
        read(session, context, checkpoint={"since": context.now().isoformat()})
        read(session, context)
    asked = [datetime.fromisoformat(query["since"]) for query in source.asked if query["page"] == "1"]
    ages = [round((context.now() - moment) / timedelta(hours=1)) for moment in asked]
    assert ages == [72, 1, 1]


def test_checkpoint_tells_as_of_when_the_source_was_read() -> None:
    session = RestConnector
    stream = connector("http://127.0.0.1", STREAM).streams({"streams": [STREAM | {"path": "x"}], "table_prefix": "t"})[
        0
    ]
    assert session.as_of(stream, {"since": at(-10).isoformat(), "read_at": at(0).isoformat()}) == at(0)
    assert session.as_of(stream, {}) is None


def test_change_field_that_no_record_has_is_said() -> None:
    with serve({"/things": lambda asked, environ: [{"id": 1}]}) as api, pytest.raises(SyncError) as caught:
        read(connector(api.url, STREAM))
    assert (caught.value.code, caught.value.params["path"]) == ("contract_changed", "changed")
