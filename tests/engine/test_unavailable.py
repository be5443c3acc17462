"""A stream that the source does not offer: told once, in the way of nothing, and a decision for a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connections.models import Connection
from connections.sdk.declare import Page
from connections.sdk.errors import SyncError
from syncruns.engine.dry_run import dry_run
from syncruns.models import SyncRun
from tests.engine.scripted import Script, ScriptedConnector, fails, pages

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
ORDER = Page({"orders": [{"id": 1, "status": "new"}]})


def missing_module() -> Script:
    return fails("unavailable", reason="module", module="purchase_request", service="purchase.request")


def test_a_stream_that_is_not_offered_ends_with_its_reason_and_the_others_run(sync_now: Sync) -> None:
    run = sync_now({"items": missing_module(), "orders": pages(ORDER)})
    assert (run.state, run.error_code) == ("partial", "unavailable")
    assert [(row.state, row.attempt) for row in run.streams.all()] == [("unavailable", 1), ("succeeded", 1)]
    assert run.streams.get(stream="items").error_params["module"] == "purchase_request"
    assert run.logs.get(event="failed.unavailable").level == "warning"
    assert not run.logs.filter(event="stream_retry").exists()


def test_a_real_failure_says_more_than_a_stream_that_is_not_offered(sync_now: Sync) -> None:
    run = sync_now({"items": missing_module(), "orders": fails("not_found")})
    assert (run.state, run.error_code) == ("failed", "not_found")


def test_with_nothing_else_to_read_the_run_fails_and_nobody_is_stopped(sync_now: Sync, shop: Connection) -> None:
    run = sync_now({"items": missing_module()}, streams=["items"])
    assert (run.state, run.error_code, shop.status) == ("failed", "unavailable", "active")


def test_what_stood_in_the_way_before_does_so_no_longer(sync_now: Sync, shop: Connection) -> None:
    shop.mark_error(SyncError("credentials_refused"))
    sync_now({"items": missing_module(), "orders": pages(ORDER)})
    assert shop.status == "active"


def test_a_dry_run_tells_it_too(shop: Connection) -> None:
    ScriptedConnector.scripts = {"items": missing_module(), "orders": pages(ORDER)}
    assert [row.state for row in dry_run(shop)] == ["unavailable", "succeeded"]
