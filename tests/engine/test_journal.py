"""The application log tells of every run what is in force, how each try ended and what moved; never a secret."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.destination import table_name
from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns import dispatch, services
from syncruns.models import SyncRun
from syncruns.tasks import claim_next, execute
from syncruns.timewords import exact
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
    assert new_table == f"items: Table {table_name('scripted', 'items')} created"
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


def test_what_was_read_is_the_sum_of_what_became_of_it(sync_now: Sync, told: Any) -> None:
    rows = pages(items((1, "a", "1"), (2, "b", "2"), (2, "b", "2"), (3, "c", "x")))
    sync_now({"items": rows})
    sync_now({"items": rows})
    (line,) = [line for line in told()[-4:] if "Items, attempt" in line]
    assert "4 read  New: 0  Updated: 0  Removed: 0  Unchanged: 2  Repeated: 1  In quarantine: 1" in line


def test_run_names_its_slot_and_a_missed_one_is_another(shop: Connection, told: Any) -> None:
    late = timezone.now() - timedelta(minutes=70)
    Connection.objects.update(schedule_kind="interval", interval_minutes=30, next_sync_at=late)
    dispatch.tick()
    run = claim_next()
    assert run is not None
    execute(run)
    missed, started = told()[0], next(line for line in told() if "started: " in line)
    assert exact(late) in missed and "Catch-up, slot of " in started and exact(late) not in started


def test_dry_run_says_that_it_wrote_nothing(sync_now: Sync, told: Any) -> None:
    sync_now({"items": pages(items((1, "a", "1")))}, dry=True)
    read, *_others, ended = told()[-3:]
    assert "Items, attempt 1/1: 1 read  New: 1" in read
    assert "dry run, nothing was written: ended: Succeeded" in ended


def test_run_that_is_cancelled_before_it_starts_is_told(shop: Connection, told: Any) -> None:
    run, _created = services.request_sync(shop, call_worker=False)
    services.cancel_run(run)
    assert told() == [f"run {run} of shop-1: not started: Cancelled"]


def test_stream_that_was_interrupted_says_what_it_had_loaded(sync_now: Sync, shop: Connection, told: Any) -> None:
    def script(checkpoint: Any, context: Any) -> Any:
        yield items((1, "a", "1"))
        run = SyncRun.objects.get(state="running")
        services.cancel_run(run)
        while True:
            context.wait(0.05)

    run = sync_now({"items": script})
    assert run.state == "cancelled"
    assert any("Items, attempt 1/3 interrupted (cancelled): 1 read  New: 1" in line for line in told())
    assert "ended: Cancelled" in told()[-1]


def test_stream_that_a_failure_before_it_kept_from_being_read_is_told(
    sync_now: Sync, shop: Connection, told: Any
) -> None:
    sync_now({"items": fails("credentials_refused", host="shop.example")})
    assert f"run {shop.runs.get()} of shop-1: Orders: Not read: an earlier failure ended the run" in told()


def test_stopped_connection_that_syncs_again_is_told(sync_now: Sync, shop: Connection, told: Any) -> None:
    sync_now({"items": fails("credentials_refused", host="shop.example")})
    sync_now({"items": pages(items((1, "a", "1")))})
    assert "shop-1: Runs again" in told()


def test_schedule_that_never_comes_again_is_told_as_a_stop(shop: Connection, told: Any) -> None:
    never = {"schedule_kind": "cron", "cron": "0 0 31 2 *", "next_sync_at": timezone.now()}
    Connection.objects.update(**never)
    dispatch.tick()
    assert told()[-1].startswith("shop-1: stopped until a person acts: ")


def test_worker_that_comes_back_too_late_says_that_it_wrote_no_end(sync_now: Sync, shop: Connection, told: Any) -> None:
    def script(checkpoint: Any, context: Any) -> Any:
        yield items((1, "a", "1"))
        SyncRun.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))
        dispatch.reap(timezone.now())

    run = sync_now({"items": script})
    assert run.state == "lost"
    own = [line.removeprefix(f"run {run} of shop-1: ") for line in told()]
    assert own.index("lost: its worker " + run.worker + " gives no sign of life; it is not queued again") < len(own) - 1
    assert own[-1] == "this worker no longer holds it; its end was written without it"
