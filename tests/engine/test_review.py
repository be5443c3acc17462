"""What people decide about quarantined records is loaded safely, and holds for as long as it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from connections.models import AuditEvent, Connection
from connections.sdk.context import Context
from connections.sdk.declare import Page
from syncruns.chores import _remove_quarantine
from syncruns.models import Checkpoint, QuarantinedRecord, SyncRun
from syncruns.review.records import discard, reopen, retry
from tests.engine.scripted import items, pages, sweep

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
Rows = Callable[..., list[tuple[Any, ...]]]


def record(key: str = "2") -> QuarantinedRecord:
    return QuarantinedRecord.objects.select_related("connection").get(record_key=key)


def prices(rows: Rows) -> list[tuple[int, str, Decimal]]:
    return [(id, name, Decimal(str(price))) for id, name, price in rows("items", "id, name, price")]


@pytest.fixture
def dear(sync_now: Sync) -> QuarantinedRecord:
    """Item 2, of which the source sends a price that is none; item 1 is loaded."""
    assert sync_now({"items": pages(items((1, "a", "1"), (2, "b", "dear"), checkpoint={"id": 2}))}).state == "partial"
    return record()


def test_a_correction_is_loaded_as_a_run_and_moves_no_checkpoint(
    dear: QuarantinedRecord, rows: Rows, shop: Connection, operator: User
) -> None:
    outcome = retry([dear], user=operator, corrections={dear.pk: {"price": "9.90"}})
    assert (outcome.loaded, outcome.refused, outcome.decided) == (1, {}, 0)
    assert prices(rows) == [(1, "a", Decimal(1)), (2, "b", Decimal("9.90"))]
    run = outcome.runs[0]
    run.refresh_from_db()
    assert (run.trigger, run.state, run.requested_by, run.read, run.inserted) == ("review", "succeeded", operator, 1, 1)
    checkpoint = Checkpoint.objects.get(connection=shop, stream="items")
    assert (checkpoint.state, checkpoint.token) == ({"id": 2}, None)
    closed = record()
    assert (closed.state, closed.decided_by, closed.corrections) == ("fixed", "operator", {"price": "9.90"})
    assert [change.kind for change in run.changes.all()] == ["inserted"]
    event = AuditEvent.objects.get(action="records.loaded")
    assert (event.user, event.params["count"], event.params["fields"]) == (operator, 1, ["price"])


def test_a_correction_holds_while_the_source_repeats_its_value_and_ends_when_it_sends_a_good_one(
    dear: QuarantinedRecord, sync_now: Sync, rows: Rows
) -> None:
    retry([dear], corrections={dear.pk: {"price": "9.90"}})
    again = sync_now({"items": pages(items((1, "a", "1"), (2, "renamed", "dear")))})
    assert (again.state, again.quarantined, again.updated) == ("succeeded", 0, 1)
    assert prices(rows)[1] == (2, "renamed", Decimal("9.90"))
    assert record().state == "fixed"
    sync_now({"items": pages(items((2, "b", "12")))})
    assert prices(rows)[1] == (2, "b", Decimal(12))


def test_another_wrong_value_waits_for_review_again(dear: QuarantinedRecord, sync_now: Sync, rows: Rows) -> None:
    retry([dear], corrections={dear.pk: {"price": "9.90"}})
    assert sync_now({"items": pages(items((2, "b", "cheap")))}).state == "partial"
    assert prices(rows)[1] == (2, "b", Decimal("9.90"))
    reopened = record()
    assert (reopened.state, reopened.corrections, reopened.decided_by) == ("open", {}, "")


def test_a_wrong_correction_changes_nothing(dear: QuarantinedRecord, rows: Rows) -> None:
    outcome = retry([dear], corrections={dear.pk: {"price": "ten"}})
    assert outcome.refused == {dear.pk: {"price": {"code": "not_a_number", "params": {}}}}
    assert len(prices(rows)) == 1
    assert (record().state, record().record["price"]) == ("open", "dear")
    assert not SyncRun.objects.filter(trigger="review").exists()


def test_a_discarded_record_is_left_out_quietly_until_it_changes(dear: QuarantinedRecord, sync_now: Sync) -> None:
    assert discard([dear], "A test order.") == 1
    run = sync_now({"items": pages(items((1, "a", "1"), (2, "b", "dear")))})
    assert (run.state, run.quarantined) == ("succeeded", 1)
    assert run.logs.get(event="records_left_out").params == {"count": 1}
    assert (record().state, record().note) == ("discarded", "A test order.")
    assert sync_now({"items": pages(items((1, "a", "1"), (2, "B", "dear")))}).state == "partial"
    assert record().state == "open"


def test_a_discarded_record_shows_a_sweep_that_it_exists(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "2"), (3, "c", "3")))})
    again = pages(Page(items((1, "a", "1"), (2, "b", "dear")).rows, sweep=sweep().sweep))
    sync_now({"items": again})
    discard([record()], "The price is settled elsewhere.")
    for _time in range(2):
        run = sync_now({"items": again})
    assert (run.state, run.read, run.unchanged, run.quarantined) == ("succeeded", 2, 1, 1)
    assert [row[0] for row in rows("items", "id, name")] == [1, 2]


def test_discarded_records_do_not_count_towards_the_brake(sync_now: Sync, rows: Rows) -> None:
    bad = [(number, "x", "dear") for number in range(2, 40)]
    assert sync_now({"items": pages(items((1, "a", "1"), *bad))}).error_code == "too_many_bad_records"
    discard(list(QuarantinedRecord.objects.select_related("connection")), "Tests")
    run = sync_now({"items": pages(items((1, "a", "1"), *bad))})
    assert (run.state, run.quarantined, rows("items", "id, name")) == ("succeeded", 38, [(1, "a")])


def test_a_decision_taken_back_waits_again(dear: QuarantinedRecord) -> None:
    assert not reopen(dear)
    discard([dear], "By mistake")
    assert reopen(record())
    assert (record().state, record().note, record().decided_by) == ("open", "", "")


def test_nothing_is_written_while_a_run_is_active(dear: QuarantinedRecord, rows: Rows, shop: Connection) -> None:
    SyncRun.objects.create(connection=shop, trigger="schedule")
    outcome = retry([dear], corrections={dear.pk: {"price": "9.90"}})
    assert (outcome.loaded, outcome.busy) == (0, {shop})
    assert (len(prices(rows)), record().state) == (1, "open")


def test_of_two_people_the_first_decides(dear: QuarantinedRecord, rows: Rows) -> None:
    retry([dear], corrections={dear.pk: {"price": "1.00"}})
    outcome = retry([dear], corrections={dear.pk: {"price": "2.00"}})
    assert (outcome.loaded, outcome.decided) == (0, 1)
    assert prices(rows)[1] == (2, "b", Decimal(1))
    assert SyncRun.objects.filter(trigger="review").count() == 1
    assert discard([dear], "Too late") == 0


def test_a_worker_thought_lost_cannot_write_after_a_review(
    sync_now: Sync, rows: Rows, shop: Connection, dear: QuarantinedRecord
) -> None:
    def script(state: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        # While this worker hangs, its run is reaped and a person corrects the record.
        run = SyncRun.objects.get(state="running")
        SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        run.refresh_from_db()
        assert run.lose(timezone.now())
        assert retry([dear], corrections={dear.pk: {"price": "9.90"}}).loaded == 1
        yield items((2, "older", "3"))

    sync_now({"items": script})
    assert prices(rows)[1] == (2, "b", Decimal("9.90"))


def test_a_record_gone_at_the_source_is_not_brought_back(dear: QuarantinedRecord, sync_now: Sync) -> None:
    sync_now({"items": pages(Page(deletes={"items": [(2,)]}))})
    assert (record().state, record().decided_by) == ("discarded", "")
    gone = record()
    assert retry([gone], corrections={gone.pk: {"price": "1"}}).decided == 1


def test_many_are_tried_again_as_they_are_and_keep_the_reasons_that_count_now(sync_now: Sync, rows: Rows) -> None:
    sync_now({"items": pages(items((1, "a", "1"), (2, "b", "dear"), (3, "c", 1.5), (4, {"a": 1}, "dear")))})
    QuarantinedRecord.objects.filter(record_key="2").update(record={"id": 2, "name": "b", "price": "2"})
    outcome = retry(QuarantinedRecord.objects.select_related("connection"))
    assert (outcome.loaded, len(outcome.refused)) == (1, 2)
    assert rows("items", "id, name") == [(1, "a"), (2, "b")]
    assert record("3").reason == "not_exact"
    assert record("4").inexact == ["name"]


@pytest.fixture
def order(sync_now: Sync) -> Callable[..., SyncRun]:
    def read(id: Any, *skus: Any) -> SyncRun:
        lines = [{"order_id": 1, "position": number, "sku": sku} for number, sku in enumerate(skus, 1)]
        return sync_now({"orders": pages(Page({"orders": [{"id": 1, "status": id}], "order_lines": lines}))})

    return read


def test_the_lines_of_a_rejected_order_go_with_it(order: Callable[..., SyncRun], rows: Rows) -> None:
    order("new", "old a", "old b", "old c")
    assert order(["?"], "a", "b").quarantined == 3
    lines = QuarantinedRecord.objects.filter(table="order_lines").select_related("connection")
    outcome = retry(lines)
    assert outcome.loaded == 0
    assert {why["order_id"]["code"] for why in outcome.refused.values()} == {"parent_rejected"}
    parent = QuarantinedRecord.objects.select_related("connection").get(table="orders")
    assert retry([parent], corrections={parent.pk: {"status": "paid"}}).loaded == 3
    assert rows("orders", "id, status") == [(1, "paid")]
    assert rows("order_lines", "position, sku") == [(1, "a"), (2, "b")]
    assert order(["?"], "a", "b", "c").state == "succeeded"
    assert rows("order_lines", "position, sku") == [(1, "a"), (2, "b"), (3, "c")]


def test_a_line_that_stays_bad_is_not_taken_for_gone(order: Callable[..., SyncRun], rows: Rows) -> None:
    order("new", "old a", "old b")
    order(["?"], "a", ["?"])
    parent = QuarantinedRecord.objects.select_related("connection").get(table="orders")
    assert retry([parent], corrections={parent.pk: {"status": "paid"}}).loaded == 2
    assert rows("order_lines", "position, sku") == [(1, "a"), (2, "old b")]
    assert QuarantinedRecord.objects.get(state="open").reason == "not_text"


def test_discarding_an_order_discards_its_lines(order: Callable[..., SyncRun]) -> None:
    order(["?"], "a", "b")
    parent = QuarantinedRecord.objects.select_related("connection").get(table="orders")
    assert discard([parent], "A test") == 3
    assert order(["?"], "a", "b").state == "succeeded"


def test_decisions_in_use_outlive_their_retention(dear: QuarantinedRecord, sync_now: Sync) -> None:
    discard([dear], "A test")
    long_ago = timezone.now() - timedelta(days=4000)
    QuarantinedRecord.objects.update(closed_at=long_ago, last_seen_at=long_ago)
    sync_now({"items": pages(items((2, "b", "dear")))})
    _remove_quarantine(timezone.now())
    assert QuarantinedRecord.objects.count() == 1
    QuarantinedRecord.objects.update(last_seen_at=long_ago)
    _remove_quarantine(timezone.now())
    assert QuarantinedRecord.objects.count() == 0
