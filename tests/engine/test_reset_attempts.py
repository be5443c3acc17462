"""A reset that takes several runs goes on where it was, as long as nobody else wrote and nothing else is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.sdk.context import Context
from connections.sdk.declare import Page
from syncruns.chores import _remove_resets
from syncruns.deletion import delete_connection, finish_deletions
from syncruns.engine.warehouse import warehouse
from syncruns.models import QuarantinedRecord, Reset, SyncRun
from syncruns.services import request_sync, retry_run
from syncruns.tasks import execute_run
from tests.engine.scripted import Script, ScriptedConnector, fails, items, pages
from tests.engine.test_reset import FORTY, loaded, names, reset_now, state

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["loaded"]  # a fixture

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]


def noting(seen: list[Any], *given: Page) -> Script:
    """Return a script that notes the checkpoint it starts from and yields the pages."""

    def script(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        seen.append(checkpoint)
        yield from given

    return script


def half(connection: Connection) -> SyncRun:
    """Reset items, and fail for good after the first twenty, all new."""
    return reset_now(connection, fails("bad_response", items(*new(1, 21), checkpoint={"id": 20})))


def new(start: int, end: int) -> list[tuple[int, str, str]]:
    return [(number, "new", "1") for number in range(start, end)]


def test_reset_longer_than_a_run_may_take_ends_in_a_later_one(loaded: Connection, rows: Rows, settings: Any) -> None:
    settings.RUN_DEADLINE = 1.0

    def slow(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        first = checkpoint["id"] + 1 if checkpoint else 1
        yield items(*new(first, first + 20), checkpoint={"id": first + 19})
        context.wait(60 if first < 21 else 0)

    first = reset_now(loaded, slow)
    assert (first.state, first.read, first.unchanged, names(rows)[1]) == ("timed_out", 20, 20, "old")
    again = SyncRun.objects.get(state="queued")
    assert (again.options, again.attempt) == (first.options, 2)
    settings.RUN_DEADLINE = 60
    execute_run(again.pk)
    again.refresh_from_db()
    assert (again.state, again.read, again.updated) == ("succeeded", 40, 40)
    assert (names(rows), state(loaded)) == (dict.fromkeys(range(1, 41), "new"), {"id": 40})


def test_failed_reset_is_taken_up_when_a_person_tries_again(loaded: Connection, rows: Rows) -> None:
    failed = half(loaded)
    assert (failed.state, names(rows)[1], state(loaded)) == ("failed", "old", {"id": 40})
    seen: list[Any] = []
    ScriptedConnector.scripts = {"items": noting(seen, items(*new(21, 41), checkpoint={"id": 40}))}
    again, _created = retry_run(failed)
    execute_run(again.pk)
    assert (seen, names(rows)) == ([{"id": 20}], dict.fromkeys(range(1, 41), "new"))
    done, _created = retry_run(again)
    assert done.options["reset"] != again.options["reset"], "what is done is not taken up"


@pytest.mark.parametrize("meanwhile", ["a sync", "another order", "other settings"])
def test_reset_starts_over_after(loaded: Connection, rows: Rows, sync_now: Sync, meanwhile: str) -> None:
    failed = half(loaded)
    if meanwhile == "a sync":
        sync_now({"items": pages(items((1, "newest", "1"), checkpoint={"id": 41}))})
    elif meanwhile == "other settings":
        Connection.objects.filter(pk=loaded.pk).update(config={**loaded.config, "base_url": "http://other.example"})
    seen: list[Any] = []
    script = noting(seen, items((1, "newest", "1"), *new(2, 41), checkpoint={"id": 41}))
    if meanwhile == "another order":
        reset_now(loaded, script)
    else:
        ScriptedConnector.scripts = {"items": script}
        again, _created = retry_run(failed)
        execute_run(again.pk)
    assert seen == [None]
    assert names(rows) == {1: "newest"} | dict.fromkeys(range(2, 41), "new")


def test_records_are_settled_when_the_rows_are_in_place_and_not_before(
    loaded: Connection, rows: Rows, sync_now: Sync
) -> None:
    sync_now({"items": pages(items((1, "x", "dear"), (2, "x", "dear"), checkpoint={"id": 41}))})
    waiting = QuarantinedRecord.objects.filter(connection=loaded, state="open")
    assert waiting.count() == 2
    failed = half(loaded)
    assert waiting.count() == 2
    ScriptedConnector.scripts = {"items": pages(items((2, "x", "dear"), *new(21, 41), checkpoint={"id": 40}))}
    again, _created = retry_run(failed)
    execute_run(again.pk)
    again.refresh_from_db()
    assert waiting.get().record_key == "2", "it was loaded first, and is crooked now"
    assert again.read == again.updated + again.unchanged + again.deduplicated + again.quarantined


def test_what_nobody_goes_on_with_is_dropped(loaded: Connection) -> None:
    half(loaded)
    beside = warehouse(beside=loaded.pk)
    assert beside._tables_beside("scripted") and loaded.pk in {one.connection_id for one in Reset.objects.all()}
    assert "_reset_" not in str(warehouse().holdings("scripted", loaded.pk))
    assert not _remove_resets(timezone.now())
    assert _remove_resets(timezone.now() + timedelta(days=3))
    assert not beside._tables_beside("scripted") and not Reset.objects.exists()
    half(loaded)
    delete_connection(loaded, keep_data=True)
    finish_deletions()
    assert not beside._tables_beside("scripted")


def test_ordinary_sync_meanwhile_is_not_overwritten_by_a_reset_that_was_never_ended(
    loaded: Connection, rows: Rows
) -> None:
    half(loaded)
    ScriptedConnector.scripts = {"items": pages(items((1, "newest", "1"), checkpoint={"id": 41}))}
    run, _created = request_sync(loaded, call_worker=False)
    execute_run(run.pk)
    assert names(rows) == {number: name for number, name, _price in FORTY} | {1: "newest"}
