"""How many rows a connection stores, told to who is about to part with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from connections.destination import table_name
from connections.models import Connection
from syncruns import stored
from syncruns.engine.warehouse.tables import Tables
from syncruns.models import SyncRun
from syncruns.resetting import reset_preview
from syncruns.stored import Stored
from tests.engine.scripted import items, pages

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000000) SELECT count(*) FROM n"


def slow(self: Tables, *given: Any) -> int:
    return int(self.select(SLOW, ())[0][0])


def test_counting_ends_in_time_and_what_is_estimated_says_so(
    shop: Connection, sync_now: Callable[..., SyncRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_now({"items": pages(items((1, "a"), (2, "b")))})
    found = Stored.of(shop)
    assert (found.by_table, found.is_exact, found.words) == ({table_name("scripted", "items"): 2}, True, "2")
    preview = reset_preview(shop, "items")
    assert (preview.rows, preview.stored.is_exact) == (2, True)
    for name in ("held_rows", "count"):  # as of a table with a hundred million rows
        monkeypatch.setattr(Tables, name, slow)
    monkeypatch.setattr(stored, "COUNT_SECONDS", 0.05)
    with translation.override("en"):
        assert not Stored.of(shop).is_exact
        assert all(rows.startswith("about ") for _table, rows in reset_preview(shop, "items").tables)
