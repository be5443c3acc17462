"""Reads since a moment that a person chose: a stream's first one is where its checkpoint begins, others are one-off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings

from connections.models import Connection, StreamSetting
from connections.sdk.context import Context
from connections.sdk.declare import Page
from connections.sdk.errors import SyncError
from connections.services import create_connection
from syncruns.models import Checkpoint, SyncRun
from syncruns.tasks import execute_run
from tests.engine.scripted import ScriptedConnector, items, pages

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
SINCE = datetime(2024, 1, 1, 3, tzinfo=UTC)
EARLIER = datetime(2020, 1, 1, 3, tzinfo=UTC)


class Reads:
    """A script that notes what it was asked for: the checkpoint and the moment."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, datetime | None]] = []

    def __call__(self, state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        self.asked.append((state, context.options.since))
        yield from self.pages(len(self.asked), context)

    def pages(self, read: int, context: Context) -> Iterator[Page]:
        yield items((read, "a", "1"), checkpoint={"id": read})


def checkpoint(connection: Connection) -> Any:
    return Checkpoint.objects.get(connection=connection, stream="items").state


def pending(connection: Connection) -> datetime | None:
    return StreamSetting.objects.get(connection=connection, stream="items").first_since


def test_a_first_read_since_a_moment_leaves_a_checkpoint_from_which_later_runs_go_on(
    sync_now: Sync, shop: Connection
) -> None:
    script = Reads()
    run = sync_now({"items": script}, since=SINCE)
    assert run.logs.filter(event="stream_started_since", stream="items").exists()
    assert checkpoint(shop) == {"id": 1}
    sync_now()
    assert script.asked == [(None, SINCE), ({"id": 1}, None)]
    assert pending(shop) is None


def test_a_stream_that_was_read_before_is_read_once_since_then_and_its_checkpoint_stays(
    sync_now: Sync, shop: Connection
) -> None:
    script = Reads()
    sync_now({"items": script})
    sync_now(since=SINCE)
    assert script.asked[1] == ({"id": 1}, SINCE)
    assert checkpoint(shop) == {"id": 1}
    sync_now(since=SINCE)
    assert script.asked[2] == ({"id": 1}, SINCE)  # asked for again, it is read again


def test_a_first_read_that_breaks_off_goes_on_from_where_it_was(sync_now: Sync, shop: Connection) -> None:
    class Breaking(Reads):
        def pages(self, read: int, context: Context) -> Iterator[Page]:
            yield items((read, "a", "1"), checkpoint={"id": read})
            if read < 3:
                raise SyncError("not_found" if read == 2 else "connection_failed")

    script = Breaking()
    assert sync_now({"items": script}, since=SINCE).state == "partial"
    assert pending(shop) == SINCE
    assert sync_now().state == "succeeded"  # a run of the schedule takes part in it
    assert script.asked == [(None, SINCE), ({"id": 1}, None), ({"id": 2}, None)]
    assert pending(shop) is None


def test_a_first_read_longer_than_the_deadline_goes_on_in_the_next_run(
    sync_now: Sync, shop: Connection, settings: LazySettings
) -> None:
    class Long(Reads):
        def pages(self, read: int, context: Context) -> Iterator[Page]:
            yield items((read, "a", "1"), checkpoint={"id": read})
            if read == 1:
                context.wait(30)

    script = Long()
    settings.RUN_DEADLINE = 1
    assert sync_now({"items": script}, since=SINCE).state == "timed_out"
    settings.RUN_DEADLINE = 60
    following = SyncRun.objects.get(connection=shop, state="queued")
    assert following.options == {"since": SINCE.isoformat(), "streams": ["items", "orders"]}
    execute_run(following.pk)
    assert script.asked == [(None, SINCE), ({"id": 1}, None)]
    assert (checkpoint(shop), pending(shop)) == ({"id": 2}, None)


def test_a_one_off_read_longer_than_the_deadline_is_not_begun_again_and_again(
    sync_now: Sync, shop: Connection, settings: LazySettings
) -> None:
    class Long(Reads):
        def pages(self, read: int, context: Context) -> Iterator[Page]:
            yield items((read, "a", "1"), checkpoint={"id": read})
            if read > 1:
                context.wait(30)

    sync_now({"items": Long()})
    settings.RUN_DEADLINE = 1
    assert sync_now(since=SINCE).state == "timed_out"
    assert not SyncRun.objects.filter(connection=shop, state="queued").exists()


def test_a_source_with_nothing_to_show_yet_is_asked_from_the_same_moment_again(
    sync_now: Sync, shop: Connection
) -> None:
    class Empty(Reads):
        def pages(self, read: int, context: Context) -> Iterator[Page]:
            yield Page()

    script = Empty()
    sync_now({"items": script}, since=SINCE)
    sync_now()
    assert script.asked == [(None, SINCE), (None, SINCE)]


def test_another_moment_or_window_is_a_read_of_its_own(sync_now: Sync, shop: Connection) -> None:
    script = Reads()
    shop.stream_settings.create(stream="items", first_since=SINCE)
    sync_now({"items": script}, window_minutes=60)
    assert script.asked == [(None, None)]
    assert (checkpoint(shop), pending(shop)) == (None, SINCE)
    sync_now(since=EARLIER)  # nothing was read yet, so the first read may still begin elsewhere
    assert script.asked[1] == (None, EARLIER)
    assert (checkpoint(shop), pending(shop)) == ({"id": 2}, None)


def test_a_new_connection_may_say_where_its_first_reads_begin(sync_now: Sync, clean_tables: None) -> None:
    fresh = create_connection(
        kind="scripted", name="Fresh", values={"base_url": "http://shop.example"}, first_since=SINCE
    )
    assert list(fresh.stream_settings.values_list("stream", "enabled", "first_since")) == [("items", True, SINCE)]
    ScriptedConnector.scripts = {"items": pages(items((1, "a", "1"), checkpoint={"id": 1}))}
    run = SyncRun.objects.create(connection=fresh, trigger="schedule")
    execute_run(run.pk)
    assert (checkpoint(fresh), pending(fresh)) == ({"id": 1}, None)
