"""Fifty connections of a kind write one table, under the same keys, and what happens to one happens to it alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database

from connections.models import Connection
from connections.services import update_connection
from syncruns.deletion import delete_connection, finish_deletions, rows_of
from syncruns.models import SyncRun
from syncruns.services import request_reset, request_sync
from syncruns.tasks import execute_run
from tests.engine.scripted import ScriptedConnector, items, pages, sweep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

FIFTY = 50


def ran(run: SyncRun) -> SyncRun:
    done = execute_run(run.pk)
    assert done is not None
    done.refresh_from_db()
    assert done.state == "succeeded", done.error_code
    return done


def stored() -> dict[int, list[tuple[Any, ...]]]:
    """Return connection -> its live rows."""
    name = "scripted.items" if database.vendor == "postgresql" else "scripted_items"
    found: dict[int, list[tuple[Any, ...]]] = {}
    with database.cursor() as cursor:
        cursor.execute(f"SELECT _connection_id, id, name FROM {name} WHERE _deleted_at IS NULL ORDER BY 1, 2")  # noqa: S608 - a constant
        for owner, *row in cursor.fetchall():
            found.setdefault(owner, []).append(tuple(row))
    return found


def test_what_happens_to_one_of_fifty_leaves_the_others_as_they_are(
    clean_tables: None, make_connection: Callable[..., Connection]
) -> None:
    fifty = [make_connection(kind="scripted", config={"base_url": f"http://shop-{n}.example"}) for n in range(FIFTY)]

    def sync(one: Connection, *given: Any) -> SyncRun:
        ScriptedConnector.scripts = {"items": pages(*given)}
        return ran(request_sync(one, call_worker=False, streams=["items"])[0])

    def rows(one: Connection) -> list[tuple[int, str]]:
        return [(number, f"{one.slug} {number}") for number in (1, 2, 3)]

    for one in fifty:
        assert sync(one, items(*rows(one)), sweep(1, 2, 3)).inserted == 3
    expected = {one.pk: rows(one) for one in fifty}
    assert stored() == expected
    assert all(sync(one, items(*rows(one))).unchanged == 3 for one in fifty[::10])

    swept, reset, turned, dropped, kept = fifty[:5]
    for _twice in range(2):
        sync(swept, items(*rows(swept)[:2]), sweep(1, 2))
    expected[swept.pk] = rows(swept)[:2]

    ScriptedConnector.scripts = {"items": pages(items((2, "again"), (3, "again")))}
    ran(request_reset(reset, "items", rows=3, actor="cli", call_worker=False)[0])
    expected[reset.pk] = [(2, "again"), (3, "again")]

    update_connection(turned, values={"base_url": "http://elsewhere.example"}, start_over=True)
    sync(turned, items((3, "elsewhere")))
    expected[turned.pk] = [(3, "elsewhere")]

    delete_connection(dropped, keep_data=False)
    delete_connection(kept, keep_data=True)
    assert finish_deletions() == 2
    del expected[dropped.pk]
    assert stored() == expected
    assert rows_of(fifty[-1]) == {"items": 3}
