"""A connection is deleted with its rows or without them, and never under a running sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import AuditEvent, Connection
from connections.sdk.context import Context
from connections.sdk.declare import Page
from syncruns import chores
from syncruns.deletion import delete_connection, finish_deletions, rows_of
from syncruns.models import StreamRun, SyncLog, SyncRun
from syncruns.stored import Stored
from tests.engine.scripted import items, pages

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]


def test_with_its_data_every_row_goes(shop: Connection, sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "2")), Page(deletes={"items": [(1,)]}))})
    assert rows_of(shop) == {"items": 2}
    delete_connection(shop, keep_data=False)
    assert finish_deletions() == 1
    assert rows("items", "id, name") == []
    assert not Connection.objects.exists()
    assert AuditEvent.objects.get(action="connection.deleted").params == {"rows": 2}


def test_rows_of_a_kind_that_is_no_longer_installed_are_found_and_go(
    shop: Connection, sync_now: Sync, rows: Rows
) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "2")))})
    Connection.objects.filter(pk=shop.pk).update(kind="no-longer-installed")
    shop.refresh_from_db()
    assert Stored.of(shop).rows == 2
    delete_connection(shop, keep_data=False)
    assert finish_deletions() == 1
    assert rows("items", "id, name") == []


def test_long_history_goes_in_small_transactions(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "BATCH", 10)
    for _number in range(3):
        run = SyncRun.objects.create(connection=shop, trigger="cli", state="failed", finished_at=timezone.now())
        SyncLog.objects.bulk_create(SyncLog(run=run, event="page_loaded") for _line in range(25))
        StreamRun.objects.create(run=run, stream="items", label="Items")
    delete_connection(shop, keep_data=True)
    with CaptureQueriesContext(database) as queries:
        finish_deletions()
    assert not (SyncRun.objects.exists() or SyncLog.objects.exists() or Connection.objects.exists())
    deletes = [query["sql"] for query in queries if query["sql"].startswith('DELETE FROM "syncruns_synclog"')]
    assert len([sql for sql in deletes if sql.count(",") < 10]) >= 8


def test_without_its_data_every_row_stays(shop: Connection, sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items((1, "a", "1")))})
    delete_connection(shop, keep_data=True)
    finish_deletions()
    assert rows("items", "id, name") == [(1, "a")]
    assert not Connection.objects.exists()


def test_a_running_sync_is_cancelled_first_and_nothing_of_it_stays(
    shop: Connection, sync_now: Sync, rows: Rows
) -> None:
    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"))
        delete_connection(shop, keep_data=False)
        assert finish_deletions() == 0
        context.wait(60)

    run = sync_now({"items": script})
    assert run.state == "cancelled"
    assert finish_deletions() == 1
    assert rows("items", "id, name") == []


def test_what_is_being_deleted_is_not_synced_again(shop: Connection) -> None:
    delete_connection(shop, keep_data=True)
    shop.refresh_from_db()
    assert (shop.auto_sync, shop.next_sync_at, shop.status) == (False, None, "inactive")
