"""One run from its claim to its end: rows and checkpoint together, failures told, nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.destination import table_name
from connections.models import Connection
from connections.sdk.context import Context
from connections.sdk.declare import Page, Stream
from connections.sdk.errors import SyncError
from connections.sdk.settings import Setting
from connections.services import set_stream
from syncruns.engine.load import StreamLoad
from syncruns.engine.sync import _StreamSync
from syncruns.models import Checkpoint, QuarantinedRecord, SyncLog, SyncRun
from syncruns.services import request_sync
from syncruns.tasks import execute_run
from tests.engine.scripted import ITEMS, ScriptedConnector, fails, items, pages

pytestmark = pytest.mark.django_db(transaction=True)

MOST_STATEMENTS = 45  # of a run of one stream, BEGIN and COMMIT among them

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]


def checkpoint(connection: Connection, stream: str = "items") -> Any:
    return Checkpoint.objects.get(connection=connection, stream=stream).state


def counts(run: SyncRun) -> tuple[int, ...]:
    return (run.read, run.inserted, run.updated, run.unchanged, run.deleted, run.quarantined)


def test_a_first_run_loads_every_row_and_says_so(sync_now: Sync, rows: Rows, shop: Connection) -> None:
    run = sync_now(
        {
            "items": pages(
                items((1, "Pão", "0.50"), (2, "Café", "12.90")), items((3, "Leite", "5"), checkpoint={"id": 3})
            )
        }
    )
    assert run.state == "succeeded"
    assert counts(run) == (3, 3, 0, 0, 0, 0)
    assert [(id, name, Decimal(str(price))) for id, name, price in rows("items", "id, name, price")] == [
        (1, "Pão", Decimal("0.5")), (2, "Café", Decimal("12.9")), (3, "Leite", Decimal(5)),
    ]  # fmt: skip
    assert checkpoint(shop) == {"id": 3}
    assert shop.last_sync_at is not None
    assert shop.first_loaded_at is not None


def test_a_second_run_counts_what_changed_exactly(sync_now: Sync) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "2"), (3, "c", "3")))})
    run = sync_now({"items": pages(items((1, "a", "1"), (2, "B", "2"), (3, "c", "3.00"), (4, "d", "4")))})
    assert counts(run) == (4, 1, 1, 2, 0, 0)


def test_a_run_that_changes_nothing_asks_the_database_little(sync_now: Sync, shop: Connection) -> None:
    scripts = {"items": pages(items((1, "a", "1"), checkpoint={"id": 1}))}
    sync_now(scripts, streams=["items"])
    queued, _created = request_sync(shop, call_worker=False, streams=["items"])
    with CaptureQueriesContext(database) as captured:
        execute_run(queued.pk)
    assert len(captured) <= MOST_STATEMENTS, "\n".join(query["sql"] for query in captured)


def test_start_of_a_run_is_in_its_log_before_anything_is_read(sync_now: Sync, shop: Connection) -> None:
    seen: list[str] = []

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        seen.extend(SyncLog.objects.filter(run__connection=shop).values_list("event", flat=True))
        yield items((1, "a", "1"))

    sync_now({"items": script})
    assert seen == ["run_started"]


def test_the_read_starts_from_the_checkpoint(sync_now: Sync) -> None:
    seen: list[Any] = []

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        seen.append(state)
        yield items((1, "a", "1"), checkpoint={"id": 1})

    sync_now({"items": script})
    sync_now({"items": script})
    assert seen == [None, {"id": 1}]


def test_failed_page_keeps_earlier_checkpoint_and_rows(sync_now: Sync, rows: Rows, shop: Connection) -> None:
    run = sync_now(
        {"items": fails("server_error", items((1, "a", "1"), checkpoint={"id": 1}), status=500)}, streams=["items"]
    )
    assert run.state == "failed"
    assert run.error_code == "server_error"
    assert rows("items", "id, name") == [(1, "a")]
    assert checkpoint(shop) == {"id": 1}
    assert shop.status == "active"  # it retries by itself


def test_a_transient_failure_is_tried_again_with_a_fresh_session(sync_now: Sync) -> None:
    tries = []

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        tries.append(state)
        if len(tries) < 3:
            raise SyncError("connection_failed", host="shop.example")
        yield items((1, "a", "1"))

    run = sync_now({"items": script})
    assert run.state == "succeeded"
    assert len(tries) == 3
    assert ScriptedConnector.opened >= 3
    assert run.logs.filter(event="stream_retry").exists()


def test_a_connection_s_own_number_of_attempts_counts(sync_now: Sync, shop: Connection) -> None:
    shop.config |= {"max_retries": 2, "retry_delay": 0}
    shop.save()
    run = sync_now({"items": fails("connection_failed", host="shop.example")}, streams=["items"])
    assert (run.state, run.streams.get().attempt) == ("failed", 2)


def test_one_failing_stream_does_not_stop_the_next(sync_now: Sync) -> None:
    order = Page({"orders": [{"id": 1, "status": "new"}]})
    run = sync_now({"items": fails("not_found"), "orders": pages(order)})
    assert run.state == "partial"
    assert run.error_code == "not_found"
    assert [row.state for row in run.streams.all()] == ["failed", "succeeded"]


def test_refused_credentials_end_the_run_and_wait_for_a_person(sync_now: Sync, shop: Connection) -> None:
    run = sync_now({"items": fails("credentials_refused"), "orders": pages()})
    assert run.state == "failed"
    assert [row.state for row in run.streams.all()] == ["failed", "not_started"]
    assert (shop.status, shop.status_code, shop.next_sync_at) == ("error", "credentials_refused", None)


def test_a_refusal_after_the_secrets_end_date_is_told_as_expired(
    sync_now: Sync, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = Setting("token_ends", "The token ends on", type="date", expires="token")
    monkeypatch.setattr(ScriptedConnector, "settings", (*ScriptedConnector.settings, ends))
    shop.config |= {"token_ends": "2020-01-31"}
    shop.secrets_set_at = {"token": "2019-01-01T00:00:00+00:00"}
    shop.save()
    sync_now({"items": fails("credentials_refused", host="shop.example")})
    assert (shop.status, shop.status_code) == ("error", "credentials_expired")
    assert shop.status_params["on"] == "2020-01-31"


def test_refused_halfway_still_waits_for_a_person(sync_now: Sync, shop: Connection) -> None:
    run = sync_now({"items": pages(items((1, "a", "1"))), "orders": fails("credentials_refused")})
    assert run.state == "partial"
    assert (shop.status, shop.status_code) == ("error", "credentials_refused")


def test_success_clears_the_error_of_a_connection(sync_now: Sync, shop: Connection) -> None:
    sync_now({"items": fails("credentials_refused")})
    sync_now({"items": pages(items((1, "a", "1")))})
    assert shop.status == "active"
    assert shop.next_sync_at is not None


def test_a_quota_blocks_until_the_vendor_says(sync_now: Sync, shop: Connection) -> None:
    until = timezone.now() + timedelta(hours=1)

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        raise SyncError("quota_blocked", until=until)
        yield

    sync_now({"items": script})
    assert shop.blocked_until == until
    assert shop.status == "active"


def test_a_short_wait_that_the_source_asks_for_is_part_of_the_run(sync_now: Sync, shop: Connection) -> None:
    tries = []

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        tries.append(state)
        if len(tries) == 1:
            raise SyncError("rate_limited", until=timezone.now() + timedelta(seconds=1))
        yield items((1, "a", "1"))

    run = sync_now({"items": script})
    assert (run.state, len(tries), shop.blocked_until) == ("succeeded", 2, None)


def test_a_record_that_cannot_be_typed_waits_for_review_and_the_rest_goes_on(
    sync_now: Sync, rows: Rows, shop: Connection
) -> None:
    run = sync_now({"items": pages(items((1, "a", "1"), (2, "b", "dear"), (None, "c", "3")))})
    assert run.state == "partial"
    assert counts(run) == (3, 1, 0, 0, 0, 2)
    assert rows("items", "id, name") == [(1, "a")]
    assert QuarantinedRecord.objects.filter(connection=shop, state="open").count() == 2


def test_run_with_every_stream_switched_off_says_so_and_a_stream_switched_on_lets_it_go_on(
    sync_now: Sync, shop: Connection
) -> None:
    for stream in ("items", "orders"):
        set_stream(shop, stream, enabled=False)
    run = sync_now({}, trigger="schedule")
    assert (run.state, run.error_code, run.error_params["reason"]) == ("failed", "config_invalid", "no_streams")
    assert (shop.status, shop.status_code) == ("error", "config_invalid")
    set_stream(shop, "items", enabled=True)
    shop.refresh_from_db()
    assert shop.status == "active" and shop.next_sync_at is not None


def test_log_names_the_table_as_the_database_does_and_no_personal_key(
    sync_now: Sync, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sync_now({"items": pages(items((1, "a", "dear")))})
    logged = run.logs.get(event="records_quarantined").params
    assert (logged["table"], logged["key"]) == (table_name("scripted", "items"), "1")
    assert run.logs.filter(event="schema.created", params__table=table_name("scripted", "items")).exists()
    personal = replace(ITEMS, columns=(replace(ITEMS.columns[0], personal=True), *ITEMS.columns[1:]))
    monkeypatch.setattr(ScriptedConnector, "streams", lambda config: (Stream("items", "Items", (personal,)),))
    again = sync_now({"items": pages(items((2, "a", "dear")))})
    assert again.logs.get(event="records_quarantined").params["key"] == "•••"


def test_a_quarantined_record_is_closed_when_its_key_loads(sync_now: Sync, shop: Connection) -> None:
    sync_now({"items": pages(items((1, "a", "dear"), (2, "b", "1")))})
    run = sync_now({"items": pages(items((1, "a", "9.90"), (2, "b", "1")))})
    assert run.state == "succeeded"
    assert QuarantinedRecord.objects.get(connection=shop).state == "fixed"


def test_a_quarantined_record_is_closed_when_its_source_deletes_it(sync_now: Sync, shop: Connection) -> None:
    sync_now({"items": pages(items((1, "a", "dear"), (2, "b", "1")))})
    run = sync_now({"items": pages(Page(deletes={"items": [(1,)]}))})
    assert run.state == "succeeded"
    assert QuarantinedRecord.objects.get(connection=shop).state == "discarded"
    sync_now({"items": pages(items((1, "a", "dear")))})
    again = QuarantinedRecord.objects.get(connection=shop)
    assert (again.state, again.closed_at) == ("open", None)


def test_too_many_bad_records_stop_the_stream_before_its_checkpoint_moves(
    sync_now: Sync, rows: Rows, shop: Connection
) -> None:
    good = items((1, "a", "1"), checkpoint={"page": 1})
    bad = items(*((number, "x", "dear") for number in range(2, 40)), checkpoint={"page": 2})

    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield good
        released.wait(5)
        yield bad

    released = threading.Event()
    threading.Timer(1, released.set).start()
    run = sync_now({"items": script})
    assert run.error_code == "too_many_bad_records"
    assert checkpoint(shop) == {"page": 1}
    assert rows("items", "id, name") == [(1, "a")]
    assert QuarantinedRecord.objects.filter(connection=shop).count() == 38  # a person can see what was wrong


def test_children_are_replaced_as_a_set(sync_now: Sync, rows: Rows) -> None:
    def order(*skus: str) -> Page:
        lines = [{"order_id": 1, "position": number, "sku": sku} for number, sku in enumerate(skus, 1)]
        return Page({"orders": [{"id": 1, "status": "new"}], "order_lines": lines})

    sync_now({"orders": pages(order("a", "b", "c"))})
    run = sync_now({"orders": pages(order("a", "x"))})
    assert rows("order_lines", "position, sku") == [(1, "a"), (2, "x")]
    assert (run.updated, run.deleted) == (1, 1)


def test_named_deletes_take_the_children_along(sync_now: Sync, rows: Rows) -> None:
    lines = [{"order_id": number, "position": 1, "sku": "a"} for number in (1, 2)]
    sync_now({"orders": pages(Page({"orders": [{"id": 1}, {"id": 2}], "order_lines": lines}))})
    run = sync_now({"orders": pages(Page(deletes={"orders": [(1,)]}))})
    assert rows("orders", "id, status") == [(2, None)]
    assert rows("order_lines", "order_id, sku") == [(2, "a")]
    assert run.deleted == 2


def test_a_one_off_window_does_not_move_the_checkpoint(sync_now: Sync, shop: Connection) -> None:
    sync_now({"items": pages(items((1, "a", "1"), checkpoint={"id": 1}))})
    since = datetime(2026, 1, 1, tzinfo=UTC)
    sync_now({"items": pages(items((2, "b", "2"), checkpoint={"id": 2}))}, since=since)
    assert checkpoint(shop) == {"id": 1}


def test_cancel_is_seen_while_the_source_hangs_and_keeps_what_was_loaded(
    sync_now: Sync, rows: Rows, shop: Connection
) -> None:
    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"), checkpoint={"id": 1})
        while checkpoint(shop) != {"id": 1}:
            context.wait(0.05)
        SyncRun.objects.get(connection=shop, state="running").request_cancel()
        context.wait(60)
        yield items((2, "b", "2"), checkpoint={"id": 2})

    run = sync_now({"items": script, "orders": pages()})
    assert run.state == "cancelled"
    assert [row.state for row in run.streams.all()] == ["cancelled", "not_started"]
    assert checkpoint(shop) == {"id": 1}
    assert rows("items", "id, name") == [(1, "a")]


def test_a_run_that_was_taken_over_writes_nothing_more(sync_now: Sync, rows: Rows, shop: Connection) -> None:
    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield items((1, "a", "1"), checkpoint={"id": 1})
        while checkpoint(shop) != {"id": 1}:
            context.wait(0.05)
        Checkpoint.objects.filter(connection=shop).update(token=None)
        yield items((2, "b", "2"), checkpoint={"id": 2})

    run = sync_now({"items": script})
    assert run.state == "lost"
    assert checkpoint(shop) == {"id": 1}
    assert rows("items", "id, name") == [(1, "a")]


def test_a_database_error_in_the_middle_undoes_the_page_and_is_tried_again(
    sync_now: Sync, rows: Rows, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, broken = StreamLoad._count, []

    def once_broken(self: StreamLoad, *arguments: Any) -> None:
        if not broken:
            broken.append(True)
            raise DatabaseError("the server closed the connection")
        note(self, *arguments)

    monkeypatch.setattr(StreamLoad, "_count", once_broken)
    run = sync_now({"items": pages(items((1, "a", "1"), checkpoint={"id": 1}))})
    assert run.state == "succeeded"
    assert counts(run) == (1, 1, 0, 0, 0, 0)
    assert rows("items", "id, name") == [(1, "a")]


def test_a_database_that_is_still_away_at_the_next_attempt_is_waited_for(
    sync_now: Sync, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, broken = _StreamSync._begin, []

    def twice_broken(self: _StreamSync, attempt: int) -> Checkpoint:
        if len(broken) < 2:
            broken.append(attempt)
            raise DatabaseError("could not connect")
        return begin(self, attempt)

    monkeypatch.setattr(_StreamSync, "_begin", twice_broken)
    run = sync_now({"items": pages(items((1, "a", "1")))}, streams=["items"])
    assert (run.state, run.inserted, broken) == ("succeeded", 1, [1, 2])


def test_a_bug_in_a_connector_is_an_internal_error_without_its_text(sync_now: Sync) -> None:
    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        raise RuntimeError("canary-secret-in-text")
        yield

    run = sync_now({"items": script}, streams=["items"])
    stream = run.streams.get(stream="items")
    assert (run.state, run.error_code) == ("failed", "internal")
    assert "canary" not in f"{run.error_detail}{run.error_params}{stream.error_detail}{list(run.logs.values())}"


def test_a_bad_record_that_a_later_one_with_its_key_replaces_does_not_wait_for_review(
    sync_now: Sync, rows: Rows, shop: Connection
) -> None:
    run = sync_now({"items": pages(items((1, "a", "dear"), (1, "b", "2"), (2, "c", "3"), (2, "d", "dear")))})
    assert rows("items", "id, name") == [(1, "b"), (2, "c")]
    assert list(QuarantinedRecord.objects.filter(connection=shop).values_list("record_key", flat=True)) == ["2"]
    assert (run.read, run.inserted, run.deduplicated, run.quarantined) == (4, 2, 1, 1)
