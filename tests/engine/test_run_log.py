"""What a run leaves in its log: events once, and no more than the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connections.sdk.context import Context
from connections.sdk.declare import Page
from connections.sdk.errors import SyncError
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


def test_failure_keeps_its_code_whatever_letters_the_source_says_it_with(sync_now: Sync) -> None:
    odd = "no\0 \ud800 such \N{PILE OF POO} thing"

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        context.log("info", "http_retry", number=1, said=odd)
        raise SyncError("contract_changed", detail=odd, reason="records", path=[odd, {odd: 1}])
        yield

    run = sync_now({"items": script}, streams=["items"])
    said = "no\ufffd ? such \N{PILE OF POO} thing"
    row = run.streams.get(stream="items")
    assert (run.error_code, row.error_code, row.error_detail) == ("contract_changed", "contract_changed", said)
    assert row.error_params["path"] == [said, {said: 1}]
    assert run.logs.get(event="http_retry").params["said"] == said
