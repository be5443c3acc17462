"""Steps: after the streams, on what is loaded, with counts and errors of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sdk.context import PlainStepContext, StepContext
from connections.sdk.declare import Document, Page, Step, Table, Within
from connections.sdk.errors import SyncError
from connections.services import open_connector, set_stream, streams_of
from syncruns import dispatch
from syncruns.checkup.syncing import _rests
from syncruns.engine.dry_run import dry_run
from syncruns.models import Checkpoint, StreamRun, SyncRun
from syncruns.models import Document as Kept
from syncruns.services import request_sync, retry_run
from syncruns.stopping import clear_stop_mark, set_stop_mark
from syncruns.tasks import execute_run
from tests.bills.connector import BILLS, READINGS, BillsConnector
from tests.bills.fixtures import Run, Select
from tests.bills.vendor import Bills, bill, pdf, text_of
from tests.engine.scripted import ScriptedConnector

pytestmark = pytest.mark.django_db(transaction=True)


def states(run: SyncRun) -> dict[str, str]:
    return {row.stream: row.state for row in run.streams.all()}


def test_steps_follow_the_streams_with_counts_of_their_own(sync_bills: Run, select: Select) -> None:
    run = sync_bills()

    assert (run.state, run.error_code) == ("succeeded", "")
    rows = list(run.streams.all())
    assert [(row.stream, row.kind, row.state) for row in rows] == [
        ("bills", "stream", "succeeded"), ("files", "step", "succeeded"),
        ("readings", "step", "succeeded"), ("months", "step", "succeeded"),
    ]  # fmt: skip
    assert [(row.read, row.inserted) for row in rows] == [(3, 3), (3, 3), (3, 3), (3, 3)]
    assert select("bill_readings", "bill, due, kwh") == [
        (1, date(2026, 1, 10), 251), (2, date(2026, 2, 10), 252), (3, date(2026, 3, 10), 253),
    ]  # fmt: skip


def test_a_second_run_of_steps_writes_nothing_and_fetches_no_file_again(sync_bills: Run, sandbox: Sandbox) -> None:
    sync_bills()
    sandbox.requests.clear()

    run = sync_bills()

    assert (run.inserted, run.updated, run.deleted, run.unchanged) == (0, 0, 0, 9)
    assert not any("document" in request for request in sandbox.requests)


def test_what_a_step_no_longer_works_out_goes(sync_bills: Run, vendor: Bills, select: Select) -> None:
    sync_bills()
    vendor.bills[3]["month"] = "2026-02-01"

    sync_bills()

    assert select("bill_months", "month, bills") == [(date(2026, 1, 1), 1), (date(2026, 2, 1), 2)]


def test_step_is_not_run_when_what_it_needs_failed_and_says_so(sync_bills: Run, sandbox: Sandbox) -> None:
    sandbox.faults.order("404,path=/bills/2")

    run = sync_bills()

    assert (run.state, run.error_code) == ("partial", "not_found")
    assert states(run) == {
        "bills": "succeeded", "files": "failed", "readings": "not_started", "months": "not_started",
    }  # fmt: skip
    left_out = run.streams.get(stream="readings")
    assert (left_out.error_code, left_out.error_params) == ("needs_failed", {"needs": ["Bills as PDF"]})
    # What was fetched before the failure is kept, and only the rest is fetched by the next run.
    assert Kept.objects.count() == 1


def test_stream_that_failed_keeps_its_steps_from_running(sync_bills: Run, sandbox: Sandbox) -> None:
    sandbox.faults.order("404,path=/bills")

    assert states(sync_bills())["files"] == "not_started"


def test_step_is_retried_alone_and_takes_along_what_builds_on_it(sync_bills: Run, sandbox: Sandbox) -> None:
    sandbox.faults.order("404,path=/bills/2")
    failed = sync_bills()
    sandbox.faults.order("")
    sandbox.requests.clear()

    queued, _created = retry_run(failed, only_unfinished=True)
    queued.cancel_queued()
    assert queued.options["streams"] == ["files", "readings", "months"]

    run = sync_bills(streams=["files"])
    assert (run.state, states(run)) == (
        "succeeded", {"files": "succeeded", "readings": "succeeded", "months": "succeeded"},
    )  # fmt: skip
    assert [request for request in sandbox.requests if "document" in request] == [
        "/bills/2/document", "/bills/3/document",
    ]  # fmt: skip


def test_only_the_stream_named_and_what_builds_on_it_are_done(sync_bills: Run, bills: Connection) -> None:
    set_stream(bills, "months", enabled=False)

    assert list(states(sync_bills(streams=["bills"]))) == ["bills", "files", "readings"]
    assert list(states(sync_bills(streams=["months"]))) == ["months"]


def test_step_rests_while_nothing_that_it_needs_was_read_and_catches_up(sync_bills: Run, bills: Connection) -> None:
    set_stream(bills, "bills", every_minutes=60)
    sync_bills()

    def scheduled() -> dict[str, str]:
        queued, _created = request_sync(bills, call_worker=False)
        SyncRun.objects.filter(pk=queued.pk).update(priority=0)
        assert execute_run(queued.pk) is not None
        return states(queued)

    assert set(scheduled().values()) == {"not_started"}
    StreamRun.objects.filter(stream="months").update(state="failed")
    assert scheduled() == {
        "bills": "not_started", "files": "not_started", "readings": "not_started", "months": "succeeded",
    }  # fmt: skip


def test_unknown_step_is_refused_by_name(bills: Connection) -> None:
    with pytest.raises(SyncError) as caught:
        request_sync(bills, streams=["dre"], call_worker=False)
    assert (caught.value.code, caught.value.params) == ("not_found", {"stream": "dre"})


def test_step_that_raises_anything_ends_with_a_code(sync_bills: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(self: Any, step: Step, state: Any, context: StepContext) -> Iterator[Page]:
        yield Page()
        raise ZeroDivisionError

    monkeypatch.setattr(BillsConnector, "perform", perform)
    run = sync_bills()
    assert (run.state, run.error_code) == ("partial", "internal")
    assert run.streams.get(stream="files").error_code == "internal"


def test_step_that_is_declared_but_not_written_ends_with_a_code(sync_now: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("sums", "Sums", (Table("sums", BILLS.columns, ("id",)),))
    monkeypatch.setattr(ScriptedConnector, "steps", classmethod(lambda cls, config: (step,)))
    run = sync_now({})
    assert (states(run)["sums"], run.error_code) == ("failed", "internal")


@pytest.mark.parametrize("needs", [("files",), ("nothing",)])
def test_step_that_needs_what_does_not_stand_before_it_is_no_declaration(
    needs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step("files", "Files", (Table("files", BILLS.columns, ("id",)),), needs=needs)
    monkeypatch.setattr(BillsConnector, "steps", classmethod(lambda cls, config: (step,)))
    with pytest.raises(ValueError, match="step files"):
        BillsConnector.parts({})


def test_dry_run_leaves_steps_out_unless_they_are_named(sync_bills: Run, bills: Connection, select: Select) -> None:
    sync_bills()
    assert [row.stream for row in dry_run(bills)] == ["bills"]
    (row,) = dry_run(bills, streams=["months"])
    assert (row.state, row.kind, row.read, row.unchanged) == ("succeeded", "step", 3, 3)


def test_worker_that_lost_its_run_within_a_step_writes_no_more_and_another_goes_on(
    sync_bills: Run, bills: Connection, monkeypatch: pytest.MonkeyPatch, select: Select
) -> None:
    """The step is frozen after its second file is out; meanwhile the run is taken away."""
    fetch = BillsConnector._fetch

    def freezing(self: BillsConnector, context: StepContext) -> Iterator[Page]:
        for number, page in enumerate(fetch(self, context), 1):
            yield page
            if number == 1:
                while Kept.objects.count() < 1:
                    threading.Event().wait(0.02)
                ended = timezone.now() - timedelta(seconds=1)
                SyncRun.objects.filter(connection=bills, state="running").update(lease_until=ended)
                assert dispatch.reap(timezone.now()) == 1

    monkeypatch.setattr(BillsConnector, "_fetch", freezing)
    lost = sync_bills()
    assert (lost.state, lost.streams.get(stream="files").state) == ("lost", "failed")
    assert (Kept.objects.count(), select("bill_files", "bill")) == (1, [(1,)])
    assert Checkpoint.objects.get(stream="files").token is None

    monkeypatch.setattr(BillsConnector, "_fetch", fetch)
    assert sync_bills().state == "succeeded"
    assert select("bill_files", "bill") == [(1,), (2,), (3,)]


def test_cancel_is_seen_within_a_step(sync_bills: Run, bills: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: BillsConnector, context: StepContext) -> Iterator[Page]:
        SyncRun.objects.get(connection=bills, state="running").request_cancel()
        while True:
            context.wait(0.05)
        yield Page()

    monkeypatch.setattr(BillsConnector, "_extract", endless)
    run = sync_bills()
    assert (run.state, states(run)) == (
        "cancelled",
        {"bills": "succeeded", "files": "succeeded", "readings": "cancelled", "months": "not_started"},
    )


def endless(self: BillsConnector, context: StepContext) -> Iterator[Page]:
    while True:
        context.wait(0.05)
    yield Page()


def test_worker_that_stops_within_a_step_hands_the_run_back_and_another_goes_on_with_the_step(
    sync_bills: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract = BillsConnector._extract

    def stopping(self: BillsConnector, context: StepContext) -> Iterator[Page]:
        set_stop_mark()
        yield from endless(self, context)

    monkeypatch.setattr(BillsConnector, "_extract", stopping)
    try:
        run = sync_bills()
    finally:
        clear_stop_mark()
    assert (run.state, list(states(run).values())) == ("queued", ["succeeded", "succeeded", "waiting", "waiting"])
    monkeypatch.setattr(BillsConnector, "_extract", extract)
    sandbox.requests.clear()
    assert execute_run(run.pk) is not None
    run.refresh_from_db()
    assert (run.state, set(states(run).values()), list(sandbox.requests)) == ("succeeded", {"succeeded"}, [])


def test_deadline_ends_a_step_and_what_is_done_stays(
    sync_bills: Run, monkeypatch: pytest.MonkeyPatch, settings: Any, select: Select
) -> None:
    monkeypatch.setattr(BillsConnector, "_extract", endless)
    settings.RUN_DEADLINE = 2
    run = sync_bills()
    assert (run.state, run.streams.get(stream="readings").error_code) == ("timed_out", "timed_out")
    assert select("bill_files", "bill") == [(1,), (2,), (3,)]
    assert SyncRun.objects.filter(state="queued", trigger="retry").count() == 1


def test_rows_come_typed_in_batches_by_key_and_as_far_as_asked(
    sync_bills: Run, bills: Connection, vendor: Bills, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.bills = {number: bill(number) for number in (3, 1, 2, 5, 4)}
    met: list[list[dict[str, Any]]] = []

    def look(self: BillsConnector, context: StepContext) -> Iterator[Page]:
        within = (Within("month", at_least=date(2026, 2, 1)), Within("id", values=(2, 3, 5)))
        met.extend(context.rows("bills", ["total", "month"], within=within))
        met.extend(context.rows("bills", ["id"]))
        met.extend(context.rows("bills", ["id"], changed_since=timezone.now() + timedelta(hours=1)))
        with pytest.raises(KeyError):
            next(context.rows("passwords"))
        yield Page()

    monkeypatch.setattr(BillsConnector, "_fetch", look)
    monkeypatch.setattr("syncruns.engine.warehouse.reading.BATCH", 2)
    assert sync_bills().state == "succeeded"
    assert met[0] == [
        {"month": date(2026, 2, 1), "total": Decimal("200.50")},
        {"month": date(2026, 3, 1), "total": Decimal("300.50")},
    ]  # fmt: skip
    assert met[1] == [{"month": date(2026, 5, 1), "total": Decimal("500.50")}]
    assert met[2:] == [[{"id": 1}, {"id": 2}], [{"id": 3}, {"id": 4}], [{"id": 5}]]


def test_step_can_be_tried_without_an_engine(bills: Connection) -> None:
    document = Document(pdf(text_of(bill(1))), "application/pdf")
    context = PlainStepContext({"bill_files": [{"bill": 1, "file": document.sha256}]}, [document])
    step = next(step for step in BillsConnector.steps({}) if step.key == "readings")
    (page,) = open_connector(bills).perform(step, None, context)
    assert page.rows[READINGS.name][0]["kwh"] == "251"


def test_step_with_a_rhythm_of_its_own_rests_and_catches_up(sync_bills: Run, bills: Connection) -> None:
    set_stream(bills, "months", every_minutes=60)
    sync_bills()

    def scheduled() -> str:
        queued, _created = request_sync(bills, call_worker=False)
        SyncRun.objects.filter(pk=queued.pk).update(priority=0)
        assert execute_run(queued.pk) is not None
        return states(queued)["months"]

    assert scheduled() == "not_started"
    StreamRun.objects.filter(stream="months").update(started_at=timezone.now() - timedelta(minutes=61))
    assert scheduled() == "succeeded"
    assert states(sync_bills())["months"] == "succeeded"  # whom a person asks for has no rhythm


def test_doctor_expects_a_step_no_more_often_than_what_it_works_on(bills: Connection) -> None:
    set_stream(bills, "bills", every_minutes=600)
    set_stream(bills, "months", every_minutes=60)
    assert _rests(streams_of(bills)) == {"bills": 600, "files": 600, "readings": 600, "months": 600}
    set_stream(bills, "files", enabled=False)
    assert _rests(streams_of(Connection.objects.get())) == {"bills": 600, "months": 600}
