"""What changes, appears late, goes in silence or belongs to others: against a small Odoo of both versions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors.odoo import OdooConnector
from connections.sandbox.odoo import Odoo
from connections.sandbox.server import Sandbox
from connections.sdk.declare import Within
from connections.sdk.errors import SyncError
from tests.connectors.apis import QuickContext
from tests.connectors.odoo.reader import Mirror, connector, ids, last_checkpoint, read, rows, stream_of

SERVICES = ["faturamento", "carteira", "requisicoes", "pedidos_compra", "alocacoes", "entradas"]
# Labels are worked out when they are read: a renamed partner does not move what names it.
LABELS = ("_nome", "nome_completo", "moeda", "unidade", "tipo_documento", "situacao_compra")
LINE = {"product_id": 1, "product_uom_qty": 2.0, "price_unit": 10.0}


@pytest.fixture(scope="module", params=[17, 19])
def version(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def odoo(version: int) -> Iterator[tuple[Odoo, str]]:
    """An Odoo in which nothing happens by itself, and its address."""
    server = Odoo(version=version, business=False)
    with Sandbox(server) as sandbox:
        yield server, sandbox.url


def order(server: Odoo, *names: str, company: int = 1) -> int:
    lines = [[0, 0, {**LINE, "name": name, "price_unit": 0.0 if name == "free" else 10.0}] for name in names]
    return server.create("sale.order", {"partner_id": 10, "company_id": company, "order_line": lines})


def line_ids(server: Odoo, number: int) -> list[int]:
    return [line for line, row in server.rows("sale.order.line").items() if row["order_id"] == number]


def test_rows_of_one_stamp_come_once_each_over_all_pages(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    with server.lock:
        made = [server.create("res.partner", {"name": f"P{number}"}) for number in range(250)]
        moment = server.rows("res.partner")[made[0]]["write_date"]
        for number in made:
            server.store.rows("res.partner")[number]["write_date"] = moment
    pages = read(connector(url, version=version), "parceiros", page_size=30)
    found = ids(pages, "parceiro")
    assert {page.expected for page in pages if page.rows} == {len(server.rows("res.partner"))}
    assert len(found) == len(set(found)) == len(server.rows("res.partner"))
    assert set(made) <= set(found)


def test_transaction_that_becomes_visible_late_is_read_by_the_next_window(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    session = connector(url, version=version)
    number = order(server, "a")
    server.pass_time(timedelta(hours=1))
    state = last_checkpoint(read(session, "carteira"))
    with server.lock:  # it began ten minutes before that window ended
        server.store.moment = server.now - timedelta(minutes=10)
        server.store.write("sale.order", [number], {"state": "sale"})
    server.pass_time(timedelta(minutes=30))
    (row,) = rows(read(session, "carteira", state, window_minutes=1), "carteira")
    assert (row["id"], row["situacao"]) == (number, "sale")


def test_line_that_changed_brings_its_order_with_all_lines(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    session = connector(url, version=version)
    number = order(server, "a", "b")
    state = last_checkpoint(read(session, "carteira"))
    server.pass_time(timedelta(hours=2))
    server.write("sale.order.line", line_ids(server, number)[0], {"name": "a, but better"})
    found = read(session, "carteira", state)
    assert (ids(found, "carteira"), found[0].expected) == ([number], 3)  # lines count as well
    assert [row["descricao"] for row in rows(found, "carteira_item")] == ["a, but better", "b"]


def test_line_deleted_without_a_trace_leaves_the_set_and_the_sweep(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    session = connector(url, version=version)
    number = order(server, "a", "free")
    kept, gone = line_ids(server, number)
    mirror = Mirror(stream_of(session, "carteira"))
    mirror.read(session)
    server.unlink("sale.order.line", gone)
    mirror.read(session)  # the order is still within the look-back
    assert list(mirror.tables["carteira_item"]) == [(number, kept)]
    server.pass_time(timedelta(days=2))
    swept = [page.sweep for page in read(session, "carteira", mirror.checkpoint) if page.sweep]
    lines = next(sweep for sweep in swept if sweep.table == "carteira_item")
    assert (lines.keys, lines.begins, lines.complete) == ([(number, kept)], True, True)
    assert lines.within == (Within("pedido_id", values=(number,)),)


def test_order_that_is_over_comes_with_its_new_state(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    session = connector(url, version=version)
    number = order(server, "a")
    server.write("sale.order", number, {"state": "sale"})
    before = read(session, "carteira")
    assert [row["em_aberto"] for row in rows(before, "carteira")] == [True]
    server.write("sale.order", number, {"state": "cancel"})
    (row,) = rows(read(session, "carteira", last_checkpoint(before)), "carteira")
    assert (row["situacao"], row["em_aberto"]) == ("cancel", False)


def test_archived_records_are_read(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    server.write("res.partner", 10, {"active": False})
    found = {row["id"]: row["ativo"] for row in rows(read(connector(url, version=version), "parceiros"), "parceiro")}
    assert found[10] is False and found[11] is True


@pytest.mark.parametrize("companies", [["2"], ["Rota Sul Logística Ltda"], ["rota sul logística ltda "]])
def test_only_the_chosen_companies_are_read(odoo: tuple[Odoo, str], version: int, companies: list[str]) -> None:
    server, url = odoo
    order(server, "a")
    other = order(server, "b", company=2)
    found = read(connector(url, version=version, companies=companies), "carteira")
    assert ids(found, "carteira") == [other]
    sweep = next(page.sweep for page in found if page.sweep and page.sweep.table == "carteira")
    assert sweep.within == (Within("empresa_id", values=(2,)),)
    partners = next(
        page.sweep for page in read(connector(url, version=version, companies=companies), "parceiros") if page.sweep
    )
    assert partners.within == (Within("empresa_id", values=(2, None)),)


@pytest.mark.parametrize("company", ["3", "Elsewhere"])
def test_company_that_the_user_lacks_is_a_wrong_setting(odoo: tuple[Odoo, str], version: int, company: str) -> None:
    with pytest.raises(SyncError) as caught:
        read(connector(odoo[1], version=version, companies=[company]), "carteira")
    assert (caught.value.code, caught.value.params["field"]) == ("config_invalid", "companies")


def test_draft_invoice_has_no_number_on_any_version(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    name = "/" if version == 17 else False
    server.create("account.move", {"move_type": "out_invoice", "partner_id": 10, "company_id": 1, "name": name})
    (row,) = rows(read(connector(url, version=version), "faturamento"), "faturamento")
    assert row["numero"] is None


def test_request_line_brings_its_whole_set_and_an_empty_one_is_told(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    session = connector(url, version=version)
    request = server.create(
        "purchase.request",
        {"name": "PR1", "company_id": 1, "line_ids": [[0, 0, {"product_id": 9, "name": "x", "product_qty": 4.0}]]},
    )
    (line,) = [number for number, row in server.rows("purchase.request.line").items() if row["request_id"] == request]
    first, second = (
        server.create(
            "purchase.request.allocation", {"purchase_request_line_id": line, "requested_product_uom_qty": 2.0}
        )
        for _ in range(2)
    )
    mirror = Mirror(stream_of(session, "alocacoes"))
    mirror.read(session)
    assert list(mirror.tables["alocacao"]) == [(first,), (second,)]
    server.pass_time(timedelta(hours=3))
    server.unlink("purchase.request.allocation", [first, second])
    server.write("purchase.request.line", line, {"name": "y"})
    mirror.read(session)
    assert mirror.tables["alocacao"] == {}


def test_read_killed_between_the_sets_of_one_page_brings_the_others_later(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    line = [0, 0, {"product_id": 9, "name": "x", "product_qty": 4.0}]
    server.create("purchase.request", {"name": "PR1", "company_id": 1, "line_ids": [line] * 300})
    owners = list(server.rows("purchase.request.line"))
    made = server.bulk("purchase.request.allocation", [{"purchase_request_line_id": owner} for owner in owners])
    for owner in owners:  # older than what is asked for
        server.store.rows("purchase.request.line")[owner]["write_date"] -= timedelta(days=9)
    server.pass_time(timedelta(hours=5))
    session = connector(url, version=version)
    mirror = Mirror(stream_of(session, "alocacoes"))
    mirror.read(session, pages=1, window_minutes=600)
    assert 0 < len(mirror.tables["alocacao"]) < 300
    mirror.read(session)
    assert {key[0] for key in mirror.tables["alocacao"]} == set(made)


def test_sweep_waits_for_its_own_rhythm(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    session = connector(url, version=version, sweep_hours=6)
    number = order(server, "a")
    state: dict[str, Any] | None = None
    swept = []
    for _run in range(4):
        pages = read(session, "carteira", state)
        state = last_checkpoint(pages)
        swept.append([sweep.keys for page in pages if (sweep := page.sweep) and sweep.table == "carteira"])
        server.pass_time(timedelta(hours=3))
    assert swept == [[[(number,)]], [], [[(number,)]], []]


def test_page_too_heavy_for_the_server_is_halved(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    for number in range(240):
        server.create("res.partner", {"name": f"P{number}"})
    server.faults.order("reset:2,after=4")  # version, sign-in, companies and fields come before
    context = QuickContext(page_size=1000)
    found = ids(read(connector(url, version=version), "parceiros", context=context), "parceiro")
    assert set(found) == set(server.rows("res.partner"))
    assert [params["size"] for _level, event, params in context.events if event == "page_halved"] == [500, 250]
    server.faults.order("reset,after=4")
    with pytest.raises(SyncError) as caught:
        read(connector(url, version=version), "parceiros")
    assert caught.value.code == "connection_failed"


def test_empty_page_before_the_end_is_not_taken_for_the_end(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    server.bulk("res.partner", [{"name": f"P{number}"} for number in range(150)])
    server.faults.order("empty-page:1,after=1,path=/jsonrpc" if version == 17 else "empty-page:1,after=1")
    session, mirror = connector(url, version=version), Mirror(stream_of(connector(url, version=version), "parceiros"))
    with pytest.raises(SyncError) as caught:
        mirror.read(session, page_size=100)
    assert (caught.value.code, caught.value.info.retryable) == ("bad_response", True)
    assert len(mirror.tables["parceiro"]) == 100
    mirror.read(session, page_size=100)  # goes on where it was
    assert {key[0] for key in mirror.tables["parceiro"]} == set(server.rows("res.partner"))


def test_field_that_the_server_loses_meanwhile_is_left_out(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    server.bulk("res.partner", [{"name": f"P{number}", "phone": "1"} for number in range(60)])
    session = connector(url, version=version)
    pages = session.read(stream_of(session, "parceiros"), None, QuickContext(page_size=30))
    first = next(pages)
    del server.store.schema.fields["res.partner"]["phone"]
    found = rows([first, *pages], "parceiro")
    assert {row["id"] for row in found} == set(server.rows("res.partner"))
    assert "telefone" in found[0] and "telefone" not in found[-1]


def test_question_that_stays_wrong_is_asked_no_third_time(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    server.bulk("res.partner", [{"name": f"P{number}"} for number in range(60)])
    session = connector(url, version=version)
    pages = session.read(stream_of(session, "parceiros"), None, QuickContext(page_size=30))
    next(pages)
    del server.store.schema.fields["res.partner"]["write_date"]  # without it no window can be asked for
    with pytest.raises(SyncError) as caught:
        list(pages)
    assert (caught.value.code, caught.value.params["reason"]) == ("contract_changed", "question")


def test_clock_of_the_server_counts_and_its_distance_is_said(odoo: tuple[Odoo, str], version: int) -> None:
    server, url = odoo
    server.pass_time(timedelta(minutes=10))
    number = order(server, "a")
    context = QuickContext(window_minutes=5)
    assert ids(read(connector(url, version=version), "carteira", context=context), "carteira") == [number]
    (skew,) = [params["seconds"] for _level, event, params in context.events if event == "source_clock"]
    assert 590 < skew < 610


def test_module_or_right_that_is_missing_ends_its_service_alone(version: int) -> None:
    server = Odoo(version=version, business=False, lacking={"purchase_request", "purchase_requisition"})
    purchase = server.create(
        "purchase.order",
        {"partner_id": 10, "company_id": 1, "order_line": [[0, 0, {"product_id": 9, "name": "x", "product_qty": 4.0}]]},
    )
    (line,) = [number for number, row in server.rows("purchase.order.line").items() if row["order_id"] == purchase]
    move = {"product_id": 9, "company_id": 1, "purchase_line_id": line, "product_uom_qty": 4.0, "state": "assigned"}
    server.create("stock.move", {**move, "quantity": 3.0})
    server.create("stock.move", {**move, "quantity": 4.0, "state": "done"})
    with Sandbox(server) as sandbox:
        session = connector(sandbox.url, version=version)
        error = refused(session, "requisicoes")
        assert (error.code, error.params["reason"], error.params["module"]) == (
            "unavailable",
            "module",
            "purchase_request",
        )
        # Without allocations, the moves of purchase lines say what was asked for and what came.
        moves = rows(read(session, "alocacoes"), "alocacao")
        assert [(row["pedido_item_id"], int(row["qtd_alocada"]), int(row["qtd_aberta"])) for row in moves] == [
            (line, 0, 4), (line, 4, 0)
        ]  # fmt: skip
        limited = {"username": "limitado"} if version == 17 else {"api_key": "sandbox-odoo-key-limited"}
        error = refused(connector(sandbox.url, version=version, **limited), "faturamento")
        assert (error.code, error.params["reason"], error.params["service"]) == ("unavailable", "right", "account.move")


def test_requests_keep_to_the_model_they_came_from(version: int) -> None:
    server = Odoo(version=version, business=False, lacking={"purchase_request"})
    lines = [[0, 0, {"product_id": 9, "product_qty": 4.0, "price_unit": 2.5}]]
    server.create("purchase.requisition", {"name": "BO1", "vendor_id": 10, "company_id": 1, "line_ids": lines})
    with Sandbox(server) as sandbox:
        session = connector(sandbox.url, version=version)
        pages = read(session, "requisicoes")
        state = last_checkpoint(pages)
        assert state["source"] == "purchase.requisition"
        assert [row["numero"] for row in rows(pages, "requisicao")] == ["BO1"]
        assert [row["custo_estimado"] for row in rows(pages, "requisicao_item")] == [Decimal("10.00")]
        error = refused(
            session, "requisicoes", {**state, "source": "purchase.request"}
        )  # their ids are of another kind
    assert error.code == "unavailable"


def refused(session: OdooConnector, key: str, checkpoint: dict[str, Any] | None = None) -> SyncError:
    with pytest.raises(SyncError) as caught:
        read(session, key, checkpoint)
    return caught.value


def comparable(table: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {
        key: {name: value for name, value in row.items() if not name.endswith(LABELS)} for key, row in table.items()
    }


@pytest.fixture(scope="module")
def company(version: int) -> Iterator[tuple[Odoo, OdooConnector]]:
    """An Odoo whose business goes on, on a day when its books are still short."""
    server = Odoo(version=version, seed=3, clock=lambda: datetime(2026, 10, 8, 6, tzinfo=UTC))
    with Sandbox(server) as sandbox:
        yield server, connector(sandbox.url, version=version, sweep_hours=720)


def test_receipts_window_is_a_sweep_of_its_own(company: tuple[Odoo, OdooConnector]) -> None:
    pages = read(company[1], "entradas", {"swept_at": "2999-01-01T00:00:00+00:00"})
    swept = [page.sweep for page in pages]
    assert all(swept) and len(swept) > 1
    assert ([sweep.begins for sweep in swept].count(True), swept[0].begins, swept[-1].complete) == (1, True, True)
    by_name = {within.column: within for within in swept[-1].within}
    assert by_name["data_conclusao"].below - by_name["data_conclusao"].at_least == timedelta(days=7)
    assert by_name["empresa_id"].values == (1, 2)


def test_no_change_is_lost_by_reads_that_are_killed_anywhere(company: tuple[Odoo, OdooConnector]) -> None:
    server, session = company
    randomness = random.Random(server.version)
    mirrors = [Mirror(stream_of(session, key)) for key in SERVICES]
    everything = {"window_minutes": 60 * 24 * 60}
    for _run in range(4):
        for mirror in mirrors:
            size = randomness.choice((40, 150, 300))
            mirror.read(session, pages=randomness.randrange(5), page_size=size, **everything)
        server.pass_time(timedelta(minutes=randomness.randrange(5, 120)))
    for _run in range(2):
        for mirror in mirrors:
            mirror.read(session)
        server.pass_time(timedelta(minutes=randomness.randrange(5, 120)))
    for mirror in mirrors:
        mirror.read(session)
        truth = Mirror(mirror.stream)
        truth.read(session, **everything)
        for table, held in truth.tables.items():
            known = comparable(mirror.tables[table])
            lost = {key: row for key, row in comparable(held).items() if known.get(key) != row}
            assert (lost, bool(held)) == ({}, True), table
