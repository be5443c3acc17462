"""The data pages: found, filtered, sorted, paged, masked, exported, and each only by who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections import connectors
from connections.models import AuditEvent, Connection
from connections.sdk.declare import MASK
from syncruns.models import Change, SyncRun
from tests.web.console_pages import make_run
from tests.web.data_fixtures import clean_tables, ledger, run, shop
from tests.web.data_shop import ORDERS, WIDE, LedgerConnector, drop_tables, load

__all__ = ["clean_tables", "ledger", "run", "shop"]  # fixtures

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


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
        ({"connection": str(shop.pk + 1)}, [1, 2, 3, 48211]), ({"deleted": "only"}, []),
            ({"from:total": "dear"}, [1, 2, 3, 48211]),
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
