"""Exports of the data pages: CSV and XLSX, with formulas guarded and personal columns only for who may."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from connections.models import AuditEvent, Connection
from syncruns.browser import export
from syncruns.browser.workbook import Cell, workbook_chunks
from syncruns.models import SyncRun
from tests.web.data_fixtures import clean_tables, ledger, run, shop
from tests.web.data_shop import ORDERS, load

__all__ = ["clean_tables", "ledger", "run", "shop"]  # fixtures

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
CELLS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}c"


def exported(client: Client, kind: str, table: str = "orders", query: str = "", **data: str) -> bytes:
    address = reverse("data_export", args=["ledger", table]) + query
    response = client.post(address, {"format": kind, **data}, HTTP_ACCEPT_LANGUAGE="pt-br")
    assert response.status_code == 200 and response.headers["Content-Disposition"].startswith("attachment")
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def read_csv(data: bytes, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_csv_for_spreadsheets_opens_in_the_readers_language_and_runs_nothing(
    run: SyncRun, operator: User, signed_in: SignIn
) -> None:
    data = exported(signed_in(operator), "csv", query="?from:day=2026-11-23&sort=-total")
    assert data.startswith(b"\xef\xbb\xbf")
    head, first, second, _third = read_csv(data, ";")
    assert head == ["_connection", "id", "note", "total", "day", "made_at", "is_paid", "extra", "_changed_at"]
    assert first == [
        "Loja", "1", "'=1+1", "1284,90", "24/11/2026", "24/11/2026 14:22:00", "sim", '{"k":"ç","n":1}',
        "24/11/2026 14:30:00",
    ]  # fmt: skip
    assert second[3] == "-5,00", "a number is no formula"
    event = AuditEvent.objects.get(action="data.exported")
    assert (event.actor, event.params["rows"], event.params["fields"]) == ("operator", 3, ["day"])


def test_csv_for_programs_is_plain_and_personal_columns_come_only_when_asked_for(
    run: SyncRun, operator: User, viewer: User, signed_in: SignIn
) -> None:
    rows = read_csv(exported(signed_in(operator), "plain", personal="1"), ",")
    assert rows[1][:7] == ["Loja", "1", "Ana Moura", "'=1+1", "1284.90", "2026-11-24", "2026-11-24T17:22:00Z"]
    assert rows[3][4:9] == ["", "", "", "", ""]
    assert AuditEvent.objects.get(action="data.exported_personal").params["rows"] == 4
    address = reverse("data_export", args=["ledger", "orders"])
    assert signed_in(viewer).get(address).status_code == 403 == signed_in(viewer).post(address).status_code
    viewer.user_permissions.add(Permission.objects.get(codename="export_rows"))
    client = signed_in(User.objects.get(pk=viewer.pk))
    assert "these columns are left out" in client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert b"Ana" not in exported(client, "plain", personal="1")
    assert exported(client, "plain", "people").splitlines()[0] == b"_connection,city,_changed_at"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1"])
def test_text_that_could_be_a_formula_is_guarded(text: str) -> None:
    assert export.guarded(text) == f"'{text}"
    assert export.guarded(f"a{text}") == f"a{text}"


def test_xlsx_has_numbers_dates_and_texts_as_such_and_no_formula(
    run: SyncRun, operator: User, signed_in: SignIn, shop: Connection
) -> None:
    load(shop, run, ORDERS, [{"id": 2**60, "note": "x" * 40_000, "total": "0.10", "day": "0800-01-01"}])
    data = exported(signed_in(operator), "xlsx")
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        cells = {cell.get("r"): cell for cell in ElementTree.fromstring(sheet).iter(CELLS)}  # noqa: S314 - ours
        styles = book.read("xl/styles.xml").decode()
    text = {place: "".join(cell.itertext()) for place, cell in cells.items()}
    assert "<f>" not in sheet and 'quotePrefix="1"' in styles
    assert text["C2"] == "=1+1" and cells["C2"].get("t") == "inlineStr"
    assert float(text["D2"]) == 1284.9 and cells["D2"].get("t") is None
    assert float(text["F2"]) == pytest.approx(46350.5986, abs=1e-3), "24/11/2026 14:22 in the reader's zone"
    assert text["G2"] == "1" and cells["G2"].get("t") == "b"
    assert text["B6"] == str(2**60) and cells["B6"].get("t") == "inlineStr", "too long for Excel's numbers"
    assert text["E6"] == "0800-01-01" and len(text["C6"]) == 32_767
    params = AuditEvent.objects.get(action="data.exported").params
    assert (params["format"], params["rows"], params["fields"]) == ("XLSX", 5, [])


def test_workbook_is_sent_while_it_is_made_and_spells_what_xml_cannot() -> None:
    asked: list[int] = []

    def rows() -> Iterator[list[Cell]]:
        for number in range(3000):
            asked.append(number)
            yield [
                f'\x00 _x0041_ \r\n <&"> {number}',
                date(1900, 2, 28),
                datetime(1900, 3, 1, 12),  # noqa: DTZ001 - Excel knows no zones
                *[Decimal("0.1")] * 25,
            ]

    made = workbook_chunks(["a"] * 28, [14] * 28, rows(), day="dd", moment="dd hh", guarded="=")
    chunks = [next(made)]
    assert len(chunks[0]) > 1000 and asked == [], "the first of it before any row is read"
    chunks.append(next(made))
    assert 0 < len(asked) < 3000
    with zipfile.ZipFile(io.BytesIO(b"".join([*chunks, *made]))) as book:
        assert book.testzip() is None
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - ours
    cells = {cell.get("r"): "".join(cell.itertext()) for cell in sheet.iter(CELLS)}
    assert cells["A2"] == '_x0000_ _x005F_x0041_ _x000D_\n <&"> 0'
    assert [cells[f"{letters}3001"] for letters in ("B", "C", "AB")] == ["59", "61.5", "0.1"]


def test_xlsx_says_its_bound_and_is_not_cut_short(
    run: SyncRun, operator: User, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncruns.views.data_export.XLSX_ROWS", 3)
    client, address = signed_in(operator), reverse("data_export", args=["ledger", "orders"])
    page = client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "More than 3 rows." in page and "Up to 3 rows" in page and 'value="xlsx" disabled' in page
    refused = client.post(address, {"format": "xlsx"}, HTTP_ACCEPT_LANGUAGE="en", follow=True).content.decode()
    assert "There are more rows than an XLSX file is made for" in refused
    assert not AuditEvent.objects.filter(action__startswith="data.").exists()
    assert len(read_csv(exported(client, "csv"), ";")) == 5


def test_few_exports_run_at_a_time_and_each_makes_room_however_it_ends(
    run: SyncRun, operator: User, signed_in: SignIn
) -> None:
    client, address = signed_in(operator), reverse("data_export", args=["ledger", "orders"])
    begun = [client.post(address, {"format": "csv"}) for _ in range(3)]
    assert client.post(address, {"format": "csv"}).status_code == 302
    for response in begun:
        for close in response._resource_closers:  # as a server does when the browser is gone; all but its database
            close()
    assert len(exported(client, "csv")) > 100


def test_export_of_deleted_rows_says_when_they_went(run: SyncRun, operator: User, signed_in: SignIn) -> None:
    rows = read_csv(exported(signed_in(operator), "plain", query="?deleted=with"), ",")
    assert rows[0][-1] == "_deleted_at" and rows[1][-1] == ""
