"""The application log tells of every run what is in force, how each try ended and what moved; never a secret."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns import dispatch, services
from syncruns.models import SyncRun
from tests.engine.scripted import fails, items, pages

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
CANARY = "canary-5ecret/value+1"


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, settings: Any) -> Callable[[], list[str]]:
    """Return a function that returns the lines so far, in English."""
    settings.LANGUAGE_CODE = "en"
    caplog.set_level(logging.INFO, logger="sync")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "sync.run"]


def test_run_begins_with_a_banner_and_ends_with_its_counts(sync_now: Sync, shop: Connection, told: Any) -> None:
    run = sync_now({"items": pages(items((1, "a", "1.50"), (2, "b", "2")))}, window_minutes=90)
    head = f"run {run} of {shop.slug}: "
    lines = told()
    assert all(line.startswith(head) and "\n" not in line for line in lines)
    started, in_force, windows, *tables, ended = (line.removeprefix(head) for line in lines)
    new_table, read, *_orders = tables
    assert "streams are tried up to 3 times, 0 s apart; lease 3 s" in started
    assert in_force == "settings: base_url=http://shop.example"
    assert windows == "windows: Items looks back 90 min; Orders looks back 90 min"
    assert new_table == "items: Table scripted_items created"
    assert read.startswith("Items, attempt 1/3: 2 read  New: 2  Updated: 0  Removed: 0  in ")
    assert ended.startswith("ended: Succeeded in ") and "2 read  New: 2" in ended


def test_every_try_of_a_stream_is_a_line_with_its_reason(sync_now: Sync, told: Any, caplog: Any) -> None:
    sync_now({"items": fails("connection_failed", host="shop.example", reason="refused")})
    tries = [record for record in caplog.records if "Items, attempt" in record.getMessage()]
    assert [record.levelname for record in tries] == ["WARNING", "WARNING", "ERROR"]
    for number, record in enumerate(tries, start=1):
        said = record.getMessage()
        assert f"attempt {number}/3 failed: " in said
        assert "(connection_failed, host=shop.example, reason=refused)" in said
        assert ("; next try in 0 s" in said) == (number < 3)
    assert told()[-1].count("ended: Partial") == 1


def test_secret_is_in_no_line_however_it_got_there(
    sync_now: Sync, shop: Connection, caplog: pytest.LogCaptureFixture, told: Any
) -> None:
    shop.secrets = {"token": CANARY}
    shop.secrets_set_at = {"token": "2026-01-01T00:00:00+00:00"}
    shop.config = {"base_url": f"http://shop.example/{CANARY}/v1"}
    shop.save()

    def script(checkpoint: Any, context: Any) -> Any:
        yield items((1, "a", "1"))
        raise SyncError("server_error", detail=f"they said {CANARY}", host="shop.example")

    sync_now({"items": script})
    assert "token=***" in caplog.text
    assert "they said ***" in caplog.text
    assert CANARY not in caplog.text


def test_names_with_line_ends_forge_no_line(sync_now: Sync, told: Any) -> None:
    sync_now({"items": fails("bad_response", host="shop.example\n2026-01-01 INFO forged")})
    assert all("\n" not in line for line in told())


def test_long_wait_for_the_source_is_told_and_a_short_one_is_not(sync_now: Sync, told: Any) -> None:
    def script(checkpoint: Any, context: Any) -> Any:
        for seconds in (0.5, 45.0):
            context.log(
                "warning", "http_retry", host="shop.example", code="rate_limited", error="HTTP 429", attempt=1, tries=3,
                seconds=seconds,
            )  # fmt: skip
        yield items((1, "a", "1"))

    sync_now({"items": script})
    (wait,) = [line for line in told() if "trying again" in line]
    assert "trying again in 45.0 s (attempt 1 of 3)" in wait


def test_cancelled_run_is_not_told_twice_over(sync_now: Sync, shop: Connection, told: Any) -> None:
    def script(checkpoint: Any, context: Any) -> Any:
        SyncRun.objects.get(connection=shop).request_cancel()
        context.wait(30)
        yield items((1, "a", "1"))

    sync_now({"items": script})
    assert told()[-1].endswith("ended: Cancelled in 1 s: 0 read  New: 0  Updated: 0  Removed: 0")


def test_unexpected_error_is_one_line_that_says_where_and_holds_no_value(sync_now: Sync, told: Any) -> None:
    def script(checkpoint: Any, context: Any) -> Any:
        yield items((1, "a", "1"))
        raise KeyError(CANARY)

    run = sync_now({"items": script})
    assert run.error_detail.startswith("KeyError at syncruns/engine/reader.py:")
    failed = [line for line in told() if "KeyError" in line]
    assert failed and all("\n" not in line and CANARY not in line for line in failed)


def test_connection_that_stops_and_a_source_that_asks_for_patience_are_told(
    sync_now: Sync, shop: Connection, told: Any
) -> None:
    sync_now({"items": fails("credentials_refused", host="shop.example")})
    assert [line for line in told() if line.startswith("shop-1: stopped until a person acts: Credentials refused (")]
    services.block_until(shop, datetime(2027, 1, 1, 12, tzinfo=UTC))
    assert told()[-1] == "shop-1: waits for its source until Jan 1, 2027 09:00:00 (UTC−03:00)"


def test_lost_run_and_what_follows_is_told(shop: Connection, told: Any) -> None:
    for trigger, follows in (("schedule", "it is queued once more"), ("manual", "it is not queued again")):
        SyncRun.objects.all().delete()
        run = SyncRun.objects.create(connection=shop, trigger=trigger)
        assert run.claim("host:7", -1)
        dispatch.reap(timezone.now())
        assert told()[-1] == f"run {run} of shop-1: lost: its worker host:7 gives no sign of life; {follows}"


def test_slots_that_do_not_run_are_told_with_their_reason(shop: Connection, told: Any) -> None:
    Connection.objects.update(next_sync_at=timezone.now(), paused_until=timezone.now() + timedelta(hours=1))
    dispatch.tick()
    assert "slots not run, from " in told()[-1] and told()[-1].endswith(": the connection was paused")


def test_log_speaks_the_consoles_language(sync_now: Sync, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="sync")
    sync_now({"items": pages(items((1, "a", "1.50"), (2, "b", "dear")))})
    assert "Items, tentativa 1/3: 2 lidos  Novos: 1  Atualizados: 0  Removidos: 0  Em quarentena: 1  em " in caplog.text


def test_a_stream_that_is_not_offered_is_a_warning_and_no_error(
    sync_now: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    sync_now({"items": fails("unavailable", reason="module", module="purchase_request", service="purchase.request")})
    [record] = [record for record in caplog.records if "Items, tentativa" in record.getMessage()]
    assert record.levelname == "WARNING"
    assert "Items, tentativa 1/3, indisponível: Falta um módulo na origem (unavailable" in record.getMessage()
