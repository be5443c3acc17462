"""A stream that the source does not offer: told once, in the way of nothing, and a decision for a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connections.models import Connection
from connections.sdk.declare import Page
from connections.sdk.errors import SyncError
from connections.services import set_stream
from syncruns.checkup import examine
from syncruns.engine.dry_run import dry_run
from syncruns.listing import Row, load_row
from syncruns.models import SyncRun, SystemJob
from syncruns.tasks import execute_run
from tests.engine.scripted import Script, ScriptedConnector, fails, items, pages

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


def test_a_run_that_another_worker_goes_on_with_keeps_no_old_reason(
    shop: Connection,
) -> None:
    ScriptedConnector.scripts = {"items": pages(items((1, "a", "1"))), "orders": pages()}
    run = SyncRun.objects.create(connection=shop, trigger="manual", fence=1)  # claimed before
    run.streams.create(stream="items", label="Items", state="unavailable", error_code="unavailable")
    execute_run(run.pk)
    row = run.streams.get(stream="items")
    assert (row.state, row.error_code) == ("succeeded", "")


def test_a_dry_run_tells_it_too(shop: Connection) -> None:
    ScriptedConnector.scripts = {"items": missing_module(), "orders": pages(ORDER)}
    assert [row.state for row in dry_run(shop)] == ["unavailable", "succeeded"]


# What people see of it


def row_of(connection: Connection) -> Row:
    connection.plan()
    connection.save()
    return load_row(connection, timezone.now())


@pytest.fixture
def browser(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    SystemJob.objects.update_or_create(name=SystemJob.DISPATCH, defaults={"last_at": timezone.now()})
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def test_it_waits_for_a_decision_and_one_click_settles_it(sync_now: Sync, shop: Connection, browser: Client) -> None:
    run = sync_now({"items": missing_module(), "orders": pages(ORDER)})
    shop.plan()
    shop.save()
    for page in ("/", f"/connections/{shop.slug}/", f"/runs/{run.pk}/"):
        shown = browser.get(page).content.decode()
        assert "A module is missing in the source" in shown, page
        assert "purchase_request" in shown
        assert f'action="/connections/{shop.slug}/streams/items/"' in shown
    assert "waits for a decision of yours" in browser.get("/").content.decode()
    browser.post(f"/connections/{shop.slug}/streams/items/", {"next": "/"})
    assert not shop.stream_settings.get(stream="items").enabled
    overview = browser.get("/").content.decode()
    assert "A module is missing" not in overview
    assert "Your connection is up to date." in overview
    assert "has been switched off since" in browser.get(f"/runs/{run.pk}/").content.decode()


def test_health_says_which_streams_and_is_well_again_once_decided(sync_now: Sync, shop: Connection) -> None:
    sync_now({"items": missing_module(), "orders": pages(ORDER)})
    health = row_of(shop).health
    assert (health.state, health.sentence) == ("partial", "Não oferecidos pela origem: Items. Decida o que fazer.")
    assert [check.params["missing"] for check in examine() if check.code == "runs_undecided"] == [["items"]]
    set_stream(shop, "items", enabled=False)
    assert row_of(shop).health.state == "ok"


def test_what_else_went_wrong_is_not_hidden_by_the_decision(sync_now: Sync, shop: Connection) -> None:
    bad = Page({"orders": [{"id": "none", "status": "new"}, {"id": 1}]})
    sync_now({"items": missing_module(), "orders": pages(bad)})
    set_stream(shop, "items", enabled=False)
    assert row_of(shop).health.state == "partial"


def test_one_off_runs_of_a_stream_that_is_off_ask_for_no_decision(sync_now: Sync, shop: Connection) -> None:
    set_stream(shop, "items", enabled=False)
    sync_now({"items": missing_module()}, streams=["items"])
    assert not row_of(shop).decisions
