"""Documents: kept with the rows that name them, once, and gone with them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sdk.context import StepContext
from connections.sdk.declare import Column, Document, Page, Stream, Table
from syncruns import dispatch
from syncruns.chores import CHORES
from syncruns.deletion import delete_connection, finish_deletions
from syncruns.engine import documents
from syncruns.engine.documents import kept_document
from syncruns.engine.load import StreamLoad
from syncruns.models import Document as Kept
from syncruns.models import QuarantinedRecord, SyncRun
from syncruns.services import request_sync
from tests.bills.connector import BillsConnector
from tests.bills.fixtures import Run, Select
from tests.bills.vendor import Bills, bill, pdf, text_of
from tests.cli.conftest import shell_environment
from tests.console import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def test_document_is_kept_compressed_and_given_back_as_it_came(
    sync_bills: Run, bills: Connection, vendor: Bills, select: Select
) -> None:
    run = sync_bills()
    (number, named) = select("bill_files", "bill, file")[0]
    kept = Kept.objects.get(sha256=named)
    body = pdf(text_of(vendor.bills[number]))
    assert (kept.content, kept.size, kept.content_type, kept.name) == (
        body,
        len(body),
        "application/pdf",
        "fatura-1.pdf",
    )
    assert kept.stored_size < kept.size and kept.run_id == run.pk
    given = kept_document(bills.pk, named)
    assert given == Document(body, "application/pdf", "fatura-1.pdf") and given is not None and given.sha256 == named
    assert run.logs.filter(event="documents_kept").exists()


def test_one_content_is_kept_once_for_all_rows_that_name_it(sync_bills: Run, vendor: Bills, select: Select) -> None:
    vendor.bills = {1: bill(1), 2: {**bill(1), "id": 2}, 3: {**bill(1), "id": 3}}
    vendor.scans = {1, 2, 3}
    sync_bills()
    assert len({named for _bill, named in select("bill_files", "bill, file")}) == Kept.objects.count() == 1


def test_documents_and_rows_commit_together_or_not_at_all(
    sync_bills: Run, monkeypatch: pytest.MonkeyPatch, select: Select
) -> None:
    """What fails after the documents are written takes them back with the rows."""
    count = StreamLoad._count

    def failing(self: StreamLoad, changes: dict[str, int], pages: Any) -> None:
        if self.stream.key == "files":
            raise ZeroDivisionError
        count(self, changes, pages)

    monkeypatch.setattr(StreamLoad, "_count", failing)
    run = sync_bills()
    assert (run.error_code, Kept.objects.count(), select("bill_files", "bill")) == ("internal", 0, [])
    monkeypatch.setattr(StreamLoad, "_count", count)
    assert sync_bills().state == "succeeded"
    assert Kept.objects.count() == len(select("bill_files", "bill")) == 3


@pytest.mark.parametrize(("moment", "files"), [("inside", 1), ("after", 2)])
def test_killed_in_the_middle_of_a_step_files_and_rows_still_agree_and_another_run_goes_on(
    bills: Connection, sync_bills: Run, sandbox: Sandbox, vendor: Bills, select: Select, moment: str, files: int
) -> None:
    queued, _created = request_sync(bills, call_worker=False)
    command = [sys.executable, "-m", "tests.bills.killed", str(queued.pk), moment]
    killed = subprocess.run(command, cwd=ROOT, env=shell_environment(), capture_output=True, timeout=120)  # noqa: S603
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    assert (Kept.objects.count(), len(select("bill_files", "bill"))) == (files, files)
    SyncRun.objects.filter(pk=queued.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert dispatch.reap(timezone.now()) == 1
    sandbox.requests.clear()

    run = sync_bills()

    assert (run.state, run.streams.get(stream="files").inserted) == ("succeeded", 3 - files)
    assert len([request for request in sandbox.requests if "document" in request]) == 3 - files
    named = {named for _bill, named in select("bill_files", "bill, file")}
    assert named == set(Kept.objects.values_list("sha256", flat=True)) and len(named) == 3
    assert [row for (row,) in select("bill_readings", "bill")] == [1, 2, 3]


def test_page_with_documents_is_never_divided(sync_bills: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(self: BillsConnector, context: StepContext) -> Iterator[Page]:
        document = Document(b"x" * 10, "text/plain")
        rows = [{"bill": number, "file": document.sha256} for number in range(50)]
        yield Page({"bill_files": rows}, documents=[document])

    monkeypatch.setattr(BillsConnector, "_fetch", fetch)
    monkeypatch.setattr("syncruns.engine.warehouse.sqlite.SqliteWarehouse.rows_at_once", 10)
    loads: list[int] = []
    commit = StreamLoad._commit

    def counting(self: StreamLoad, share: Any, last: Any) -> None:
        loads.append(sum(len(rows) for typed in share.typed for rows in typed.rows.values()))
        commit(self, share, last)

    monkeypatch.setattr(StreamLoad, "_commit", counting)
    assert sync_bills().streams.get(stream="files").state == "succeeded"
    assert 50 in loads


def test_document_over_the_limit_is_left_out_with_a_word_and_its_row_loaded(
    sync_bills: Run, monkeypatch: pytest.MonkeyPatch, select: Select
) -> None:
    monkeypatch.setattr(documents, "LARGEST", 100)
    run = sync_bills()
    assert (run.state, Kept.objects.count(), len(select("bill_files", "bill"))) == ("succeeded", 0, 3)
    assert run.logs.filter(event="document_too_large").exists()


def test_record_that_cannot_be_read_waits_with_the_hash_of_its_document(
    sync_bills: Run, vendor: Bills, select: Select
) -> None:
    vendor.scans = {2}
    run = sync_bills()
    assert (run.state, run.streams.get(stream="readings").state) == ("partial", "partial")
    record = QuarantinedRecord.objects.get()
    assert (record.stream, record.record_key, list(record.reasons)) == ("readings", "2", ["total"])
    assert Kept.objects.filter(sha256=record.record["file"]).exists()
    assert [number for (number,) in select("bill_readings", "bill")] == [1, 3]


def test_old_documents_go_and_their_rows_stay(
    sync_bills: Run, bills: Connection, settings: Any, select: Select
) -> None:
    sync_bills()
    Kept.objects.filter(name="fatura-1.pdf").update(kept_at=timezone.now() - timedelta(days=40))
    settings.KEEP_DOCUMENTS_DAYS = 30
    assert CHORES["remove_documents"].step(timezone.now()) is False
    assert [one.name for one in Kept.objects.order_by("name")] == ["fatura-2.pdf", "fatura-3.pdf"]
    # The step that reads them goes on with what is left, and what it read before stays.
    assert sync_bills().state == "succeeded"
    assert len(select("bill_readings", "bill")) == 3
    settings.KEEP_DOCUMENTS_DAYS = 0
    Kept.objects.update(kept_at=timezone.now() - timedelta(days=4000))
    CHORES["remove_documents"].step(timezone.now())
    assert Kept.objects.count() == 2


@pytest.mark.parametrize("keep_data", [False, True])
def test_documents_go_with_their_connection_s_data(sync_bills: Run, bills: Connection, keep_data: bool) -> None:
    sync_bills()
    delete_connection(bills, keep_data=keep_data)
    assert finish_deletions() == 1
    assert not Connection.objects.filter(pk=bills.pk).exists()
    kept = list(Kept.objects.values_list("connection", "source"))
    assert kept == ([(None, "Energia")] * 3 if keep_data else [])


@pytest.mark.parametrize(
    ("fault", "code"),
    [("401,path=/bills/", "credentials_refused"), ("truncate,path=/bills/", "bad_response"),
     ("html,path=/bills/", "bad_response"), ("404,path=/bills/", "not_found"), ("503,path=/bills/", "server_error")],
)  # fmt: skip
def test_every_fault_while_a_file_is_fetched_ends_in_its_code_and_keeps_nothing_half(
    sync_bills: Run, bills: Connection, sandbox: Sandbox, settings: Any, fault: str, code: str, select: Select,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settings.RETRY_DELAY, settings.MAX_RETRIES = 0, 1
    monkeypatch.setattr("connections.sdk.http.BACKOFF_SECONDS", 0)
    sandbox.faults.order(fault)
    run = sync_bills()
    assert (run.state, run.streams.get(stream="files").error_code) == ("partial", code)
    assert (Kept.objects.count(), select("bill_files", "bill")) == (0, [])


def test_column_that_names_documents_is_text_that_nobody_corrects() -> None:
    with pytest.raises(ValueError, match="document"):
        Column("file", "integer", document=True)
    with pytest.raises(ValueError, match="document"):
        Column("file", document=True, correctable="always")
    with pytest.raises(ValueError, match="cannot be corrected"):
        Stream("s", "S", (Table("t", (Column("id", correctable="always"),), ("id",)),))
