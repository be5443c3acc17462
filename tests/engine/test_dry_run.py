"""A dry run tells what a sync would change, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database

from connections.models import Connection
from connections.sdk.declare import Page
from syncruns.engine.dry_run import dry_run
from syncruns.models import SyncRun
from tests.engine.scripted import ScriptedConnector, fails, items, pages

pytestmark = pytest.mark.django_db(transaction=True)


def everything() -> dict[str, Any]:
    """Return every table of the database with its rows."""
    with database.cursor() as cursor:
        names = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
        if database.vendor == "postgresql":
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'scripted'")
            names += [f"scripted.{row[0]}" for row in cursor.fetchall()]
        else:
            names += [name for name in database.introspection.table_names(cursor) if name.startswith("scripted_")]
        contents = {}
        for name in names:
            cursor.execute(f"SELECT * FROM {name}")
            contents[name] = sorted(map(str, cursor.fetchall()))
        return contents


def test_a_dry_run_before_the_first_sync_counts_all_as_new_and_leaves_no_table(shop: Connection) -> None:
    ScriptedConnector.scripts = {"items": pages(items((1, "a", "1"), (2, "b", "2"), checkpoint={"id": 2}))}
    before = everything()
    result = dry_run(shop, streams=["items"])[0]
    assert (result.read, result.inserted, result.error_code) == (2, 2, "")
    assert everything() == before


def test_a_dry_run_tells_new_changed_deleted_and_bad_apart(shop: Connection, sync_now: Callable[..., SyncRun]) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "2"), (3, "c", "3")))})
    page = items((1, "a", "1"), (2, "B", "2"), (4, "d", "4"), (5, "e", "dear"))
    ScriptedConnector.scripts = {"items": pages(page, Page(deletes={"items": [(3,)]}))}
    before = everything()
    row = dry_run(shop, streams=["items"])[0]
    assert [getattr(row, name) for name in ("inserted", "updated", "unchanged", "deleted", "quarantined")] == [1] * 5
    assert everything() == before


def test_a_failing_stream_carries_its_error_and_the_next_goes_on(shop: Connection) -> None:
    order = Page({"orders": [{"id": 1}], "order_lines": []})
    ScriptedConnector.scripts = {"items": fails("not_found"), "orders": pages(order)}
    failed, done = dry_run(shop)
    assert (failed.state, failed.error_code) == ("failed", "not_found")
    assert done.inserted == 1
