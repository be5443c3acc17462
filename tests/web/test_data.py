"""The data pages: found, filtered, sorted, paged, masked, exported, and each only by who may."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections import connectors
from connections.models import AuditEvent, Connection
from connections.sdk.declare import MASK
from syncruns.browser import export
from syncruns.browser.workbook import Cell, workbook_chunks
from syncruns.models import Change, SyncRun
from tests.web.console_pages import make_run
from tests.web.data_shop import LINES, ORDERS, PEOPLE, WIDE, LedgerConnector, drop_tables, load

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
CELLS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}c"


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()  # counts are kept for a minute
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, LedgerConnector))


@pytest.fixture
def shop(make_connection: Callable[..., Connection]) -> Connection:
    return make_connection(kind="ledger", name="Loja", slug="loja", config={})


@pytest.fixture
def run(shop: Connection) -> SyncRun:
    """A run that wrote four orders, the lines of one, and a person."""
    run = make_run(shop)
    load(shop, run, ORDERS, [
        {"id": 1, "customer": "Ana Moura", "note": "=1+1", "total": "1284.90", "day": "2026-11-24",
         "made_at": "2026-11-24T17:22:00Z", "is_paid": True, "extra": {"k": "ç", "n": 1}},
        {"id": 2, "customer": "Bruno", "note": "long " * 60, "total": "-5.00", "day": "2026-11-23",
         "made_at": "2026-11-25T02:59:59Z", "is_paid": False},
        {"id": 3, "customer": "Ana Lima", "note": None},
        {"id": 48211, "note": "last", "total": "10.00", "day": "2026-11-24", "made_at": "2026-11-25T03:00:00Z"},
    ])  # fmt: skip
    load(shop, run, LINES, [{"order_id": 1, "line": line, "product": f"P{line}"} for line in range(1, 13)])
    load(shop, run, PEOPLE, [{"cpf": "529.982.247-25", "city": "Recife", "phone": "+5581999990000"}])
    return run


@pytest.fixture
def ask(signed_in: SignIn, run: SyncRun) -> Callable[..., str]:
    """Return a function that returns the text of a page as a person sees it."""

    def ask(user: User, name: str, *args: str, language: str = "en", **query: Any) -> str:
        response = signed_in(user).get(reverse(name, args=args), query, HTTP_ACCEPT_LANGUAGE=language)
        assert response.status_code == 200, response.status_code
        return response.content.decode()

    return ask


def orders(page: str) -> list[int]:
    """Return the ids of the orders listed, in their order."""
    rows = re.findall(r'<th scope="row"><a href="/data/ledger/orders/row/\?of=\d+&amp;key=(\d+)"', page)
    return [int(key) for key in rows]


def next_page(page: str, rel: str = "next") -> str:
    (address,) = re.findall(rf'rel="{rel}" href="([^"]*)"', page)
    return unescape(address)


def test_tables_are_listed_with_their_rows_and_those_of_one_connection_alone(
    ask: Callable[..., str], viewer: User, shop: Connection, make_connection: Callable[..., Connection]
) -> None:
    make_connection(name="Outra", kind="ledger", config={})
    page = ask(viewer, "data")
    assert re.search(r"Orders</a>.*?ledger.orders</code>.*?Loja, Outra.*?>4</td>", page, re.S)
    assert "Orders: lines</a>" in page and "Wide rows" in page and ">never<" in page
    assert "Orders" not in ask(viewer, "data", q="peop") and "People" in ask(viewer, "data", q="ledger")
    assert f"?connection={shop.pk}" in ask(viewer, "data", connection="loja")
    assert "No table fits these filters." in ask(viewer, "data", q="nothing")


def test_list_costs_as_many_queries_whatever_the_number_of_connections(
    ask: Callable[..., str], viewer: User, make_connection: Callable[..., Connection]
) -> None:
    counts = []
    for _ in range(2):
        cache.clear()
        with CaptureQueriesContext(database) as queries:
            ask(viewer, "data")
        counts.append(len(queries))
        for number in range(20):
            make_connection(name=f"Filial {number}", kind="ledger", config={})
    assert counts[0] == counts[1]
    assert "No sync has written into this table yet." in ask(viewer, "data_table", "ledger", "wide")


def test_empty_console_says_where_tables_come_from(
    viewer: User, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectors, "REGISTRY", (LedgerConnector,))  # other tests left tables of other kinds
    drop_tables()
    page = signed_in(viewer).get(reverse("data"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "the first sync of a connection makes them" in page


def test_cells_are_typed_in_the_readers_language_and_zone(ask: Callable[..., str], viewer: User) -> None:
    page = ask(viewer, "data_table", "ledger", "orders", language="pt-br")
    for words in ("1.284,90", "24/11/2026", "24/11/2026 14:22:00", ">Sim\n<", ">vazio<", "48211", "2 campos"):
        assert words in page, words
    assert "Ana Moura" not in page and MASK in page
    assert "long " * 60 not in page and "long long" in page and "…" in page
    english = ask(viewer, "data_table", "ledger", "orders")
    assert "1,284.90" in english and "Nov 24, 2026" in english


def test_filters_sort_and_search_narrow_the_rows_down(ask: Callable[..., str], viewer: User, shop: Connection) -> None:
    cases: list[tuple[dict[str, str], list[int]]] = [
        ({"from:total": "1.284,90"}, [1]), ({"from:total": "0", "to:total": "10"}, [48211]), ({"eq:id": "2"}, [2]),
        ({"is:total": "empty"}, [3]), ({"is:is_paid": "no"}, [2]), ({"is:extra": "filled"}, [1]),
        ({"has:note": "LONG"}, [2]), ({"has:extra": "ç"}, [1]), ({"from:day": "24/11/2026"}, [1, 48211]),
        ({"to:made_at": "2026-11-24"}, [1, 2]), ({"from:made_at": "2026-11-25"}, [48211]),
        ({"q": "LAST"}, [48211]), ({"q": "48211"}, [48211]), ({"q": "' OR 1=1 --"}, []),
        ({"sort": "-total"}, [1, 48211, 2, 3]), ({"sort": "total"}, [2, 48211, 1, 3]),
        ({"sort": "-id"}, [48211, 3, 2, 1]),
        ({"sort": "-_changed_at"}, [1, 2, 3, 48211]), ({"from:_changed_at": "2026-11-25"}, []),
        ({"run": str(SyncRun.objects.get().pk)}, [1, 2, 3, 48211]), ({"run": shop.slug}, [1, 2, 3, 48211]),
        ({"sort": 'id"; DROP TABLE x'}, [1, 2, 3, 48211]), ({"has:nothing": "x", "eq:_hash": "y"}, [1, 2, 3, 48211]),
        ({"connection": str(shop.pk + 1)}, []), ({"deleted": "only"}, []), ({"from:total": "dear"}, [1, 2, 3, 48211]),
    ]  # fmt: skip
    for query, wanted in cases:
        page = ask(viewer, "data_table", "ledger", "orders", **query)
        assert orders(page) == wanted, query
    assert "does not count: it is not a number" in page
    assert "2 rows fit:" in ask(viewer, "data_table", "ledger", "orders", **{"from:day": "2026-11-24"})


def test_pages_lead_on_and_back(ask: Callable[..., str], viewer: User, shop: Connection, signed_in: SignIn) -> None:
    load(shop, make_run(shop), ORDERS, [{"id": 1000 + number, "note": "same"} for number in range(120)])
    address, client, met = reverse("data_table", args=["ledger", "orders"]), signed_in(viewer), []
    page = client.get(address, {"has:note": "same", "sort": "-note"}).content.decode()
    first = orders(page)
    for _ in range(2):
        page = client.get(address + next_page(page)).content.decode()
        met += orders(page)
    assert first + met == list(range(1000, 1120)) and 'rel="next"' not in page
    for _ in range(2):
        page = client.get(address + next_page(page, "prev")).content.decode()
    assert orders(page) == first
    for forged in ("f1:AAAA", "x", "é"):
        assert orders(client.get(address, {"after": forged}).content.decode())[:3] == [1, 2, 3]


def test_personal_columns_are_masked_and_cannot_be_asked_for_until_they_are_shown(
    ask: Callable[..., str], viewer: User, operator: User, signed_in: SignIn
) -> None:
    asked = {"has:customer": "Bruno", "sort": "-customer", "q": "Bruno"}
    for user in (viewer, operator):
        page = ask(user, "data_table", "ledger", "orders", **asked)
        assert "Bruno</" not in page and orders(page) == [], "the search does not look there"
        assert orders(ask(user, "data_table", "ledger", "orders", **{"has:customer": "Bruno"})) == [1, 2, 3, 48211]
    address = reverse("data_personal", args=["ledger", "orders"])
    assert signed_in(viewer).post(address).status_code == 403
    assert not AuditEvent.objects.filter(action="data.revealed").exists()

    client = signed_in(operator)
    back = reverse("data_table", args=["ledger", "orders"])
    assert client.post(address, {"act": "show", "next": back}).headers["Location"] == back
    event = AuditEvent.objects.get(action="data.revealed")
    assert event.actor == "operator" and event.params["table"].endswith("orders")
    page = client.get(back, {"q": "bruno"}, HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert orders(page) == [2] and "Bruno</" in page and "Personal data are shown to you until" in page
    other = client.get(reverse("data_table", args=["ledger", "people"])).content.decode()
    assert "529.982" not in other, "only of the table that was asked for"
    client.post(address, {"act": "hide", "next": "https://example.com/"})
    assert "Ana Moura" not in client.get(back).content.decode()


def test_personal_key_is_in_no_address_and_is_not_tried_out(
    ask: Callable[..., str], viewer: User, signed_in: SignIn, shop: Connection
) -> None:
    page = ask(viewer, "data_table", "ledger", "people")
    (address,) = re.findall(r'<th scope="row"><a href="([^"]+)"', page)
    assert "529" not in address and "Recife" in page
    client = signed_in(viewer)
    row = client.get(unescape(address))
    assert row.status_code == 200 and "529.982" not in row.content.decode() and "Recife" in row.content.decode()
    guessed = client.get(reverse("data_row", args=["ledger", "people"]), {"of": shop.pk, "key": "529.982.247-25"})
    assert guessed.status_code == 404


def test_row_page_has_every_value_its_run_changes_parent_and_children(
    ask: Callable[..., str], operator: User, shop: Connection, run: SyncRun
) -> None:
    for key, before, after in ((2, "1", "-5"), (1, "8", "9")):
        Change.objects.create(
            run=run, stream="orders", table="orders", kind="updated", key=[key], columns=[["total", before, after]]
        )
    page = ask(operator, "data_row", "ledger", "orders", of=shop.pk, key="2")
    assert "long " * 59 in page and reverse("run", args=[run.pk]) in page and "-5" in page
    assert 'class="old">8<' not in page and "Ana Moura" not in page
    changed = ask(operator, "run_changes", str(run.pk))
    assert f'href="/data/ledger/orders/row/?of={shop.pk}&amp;key=2"' in changed
    parent = ask(operator, "data_row", "ledger", "orders", of=shop.pk, key="1")
    assert "P1<" not in parent or "P10" in parent
    assert f"?connection={shop.pk}&amp;eq%3Aorder_id=1" in parent and "There are more." in parent
    child = ask(operator, "data_row", "ledger", "order_lines", of=shop.pk, key="[1, 12]")
    assert "P12" in child and f"/data/ledger/orders/row/?of={shop.pk}&amp;key=1" in child
    lines = ask(operator, "data_table", "ledger", "order_lines", **{"eq:order_id": "1"})
    assert "12 rows fit:" in lines


def test_row_that_is_not_there_is_not_found(run: SyncRun, viewer: User, signed_in: SignIn) -> None:
    client, address, of = signed_in(viewer), reverse("data_row", args=["ledger", "orders"]), run.connection_id
    for query in ({}, {"of": "x", "key": "1"}, {"of": of, "key": "no"}, {"of": of, "key": "99"}, {"of": 0, "key": "1"}):
        assert client.get(address, query).status_code == 404, query


def test_only_tables_of_ours_are_looked_at(viewer: User, signed_in: SignIn, run: SyncRun) -> None:
    theirs = (("public", "auth_user"), ("ledger", "auth_user"), ("ledger", 'orders"'), ("main", "django_session"))
    for schema, table in theirs:
        for name in ("data_table", "data_row"):
            assert signed_in(viewer).get(reverse(name, args=[schema, table])).status_code == 404


def test_table_that_no_connection_declares_any_more_keeps_its_rows_masked(
    ask: Callable[..., str], viewer: User, operator: User, shop: Connection, signed_in: SignIn
) -> None:
    shop.delete()
    cache.clear()
    assert "none any more" in ask(viewer, "data", q="orders")
    page = ask(viewer, "data_table", "ledger", "orders")
    assert "No connection writes into this table any more" in page and "1,284.90" not in page and MASK in page
    client = signed_in(operator)
    client.post(reverse("data_personal", args=["ledger", "orders"]))
    shown = client.get(reverse("data_table", args=["ledger", "orders"]), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "1,284.90" in shown and "Ana Moura" in shown


def test_rows_of_a_deleted_connection_stay_beside_those_of_others(
    ask: Callable[..., str], viewer: User, shop: Connection, make_connection: Callable[..., Connection]
) -> None:
    other, gone = make_connection(name="Outra", kind="ledger", config={}), shop.pk
    load(other, make_run(other), ORDERS, [{"id": 1, "note": "of the other"}])
    shop.delete()
    page = ask(viewer, "data_table", "ledger", "orders")
    assert f"deleted connection {gone}" in page and orders(page) == [1, 2, 3, 48211, 1]
    assert orders(ask(viewer, "data_table", "ledger", "orders", connection=str(other.pk))) == [1]
    row = ask(viewer, "data_row", "ledger", "orders", of=gone, key="1")
    assert f"deleted connection {gone}" in row and "no longer kept" in row


def test_wide_table_shows_some_columns_and_those_that_are_chosen(
    ask: Callable[..., str], viewer: User, shop: Connection, run: SyncRun
) -> None:
    load(shop, run, WIDE, [{"id": 1, **{f"c{number:02}": f"v{number:02}" for number in range(50)}}])
    page = ask(viewer, "data_table", "ledger", "wide")
    assert "8 of 51 columns" in page and "v06" in page and "v07" not in page
    chosen = ask(viewer, "data_table", "ledger", "wide", col=["id", "c49"])
    assert "2 of 51 columns" in chosen and "v49" in chosen and "v06" not in chosen
    assert "Filter by c49" in ask(viewer, "data_table", "ledger", "wide", add="c49")


def test_page_that_takes_too_long_is_given_up_and_says_how_to_ask_for_less(
    transactional_db: None, shop: Connection, operator: User, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(shop)
    load(shop, run, ORDERS, [{"id": number, "note": f"{number} " * 60} for number in range(4000)])
    for name in ("syncruns.views.data.PAGE_SECONDS", "syncruns.views.data.COUNT_SECONDS",
                 "syncruns.views.data_export.COUNT_SECONDS"):  # fmt: skip
        monkeypatch.setattr(name, 0.0)
    client, asked = signed_in(operator), {"q": "no such words", "sort": "-note"}
    for name, words in (
        ("data_table", ("Finding these rows takes too long.", "sort them by their key", "Show all")),
        ("data_export", ('value="xlsx" disabled',)),
    ):
        page = client.get(reverse(name, args=["ledger", "orders"]), asked, HTTP_ACCEPT_LANGUAGE="en")
        assert page.status_code == 200 and all(one in page.content.decode() for one in words), name


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


@pytest.fixture(autouse=True)
def clean_tables(db: None) -> Iterator[None]:
    """Remove what the tests wrote, where a transaction does not."""
    yield
    drop_tables()
