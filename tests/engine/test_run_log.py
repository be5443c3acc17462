"""What a run leaves in its log: events once, and no more than the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connections.sdk.context import Context
from connections.sdk.declare import Page
from syncruns.models import SyncRun
from tests.engine.scripted import items, pages

Sync = Callable[..., SyncRun]
pytestmark = pytest.mark.django_db(transaction=True)


def test_repeated_events_are_one_log_row(sync_now: Sync) -> None:
    run = sync_now({"items": pages(*(items((number, "a", "1")) for number in range(1, 30)))})
    loaded = run.logs.get(event="page_loaded")
    assert loaded.repeats == 29


def test_the_log_is_bounded_and_says_how_much_it_left_out(sync_now: Sync, settings: Any) -> None:
    settings.RUN_LOG_LIMIT = 50

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        for number in range(200):
            context.log("info", "http_retry", number=number)
        yield items((1, "a", "1"))

    run = sync_now({"items": script})
    assert run.logs.count() <= 55
    assert run.logs.get(event="log_full").params["count"] > 100
