"""The six services against what real Odoo 17 and 19 servers answered, and every failure they were recorded with."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors.odoo import OdooConnector
from connections.sandbox.server import Sandbox
from syncruns.engine.transform import to_rows
from tests.connectors.odoo.reader import connector, last_checkpoint, read, rows, stream_of
from tests.connectors.odoo.replay import API_KEY, PASSWORD, Replay

# What the recordings looked back: their windows end at 23:00.
LOOK_BACK = {"faturamento": 5760, "entradas": 7 * 24 * 60}
RECENT = {"to": "2026-11-22T23:00:00+00:00", "swept_at": "2026-11-22T22:00:00+00:00"}

Replayed = tuple[int, Replay, OdooConnector]


@pytest.fixture(scope="module", params=[17, 19])
def replayed(request: pytest.FixtureRequest) -> Iterator[Replayed]:
    """A server of recordings and a session with it."""
    version: int = request.param
    server = Replay(version)
    secret = {"password": PASSWORD} if version == 17 else {"api_key": API_KEY}
    with Sandbox(server) as sandbox:
        database = "demo" if version == 17 else "demo19"
        yield version, server, connector(sandbox.url, version=version, database=database, **secret)


def service(replayed: Replayed, key: str) -> dict[str, dict[int, dict[str, Any]]]:
    """Read a service's window and return its rows by table and id; every one of them must be typed."""
    _version, server, session = replayed
    server.unknown.clear()
    stream = stream_of(session, key)
    pages = read(session, key, RECENT, page_size=3, window_minutes=LOOK_BACK.get(key, 720))
    assert [reject for page in pages for reject in to_rows(page, stream).rejects] == []
    # Only later pages, their lines, and whether there are more go beyond what was recorded.
    assert {method for _model, method, _domain in server.unknown} <= {"search_read", "search_count"}
    counted = [domain for _model, method, domain in server.unknown if method == "search_count"]
    assert all(domain[-1][:2] == ["id", ">"] for domain in counted)
    assert last_checkpoint(pages)["to"] == "2026-11-22T23:00:00+00:00"
    return {table.name: {row["id"]: row for row in rows(pages, table.name)} for table in stream.tables}


def some(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_invoices_with_their_product_lines(replayed: Replayed) -> None:
    version = replayed[0]
    found = service(replayed, "faturamento")
    tax = Decimal("4762.50") if version == 17 else Decimal("0.00")
    names = (
        "numero",
        "tipo",
        "situacao",
        "situacao_pagamento",
        "cliente_nome",
        "data_emissao",
        "valor_imposto",
        "moeda",
    )
    assert some(found["faturamento"][1], *names) == (
        "INV/2026/00001", "out_invoice", "posted", "not_paid", "Azure Interior", "2026-11-01", tax, "USD"
    )  # fmt: skip
    assert some(found["faturamento"][1], "origem", "estorno_de_id", "tipo_documento") == (None, None, None)
    line = found["faturamento_item"][5]
    assert some(line, "fatura_id", "quantidade", "preco_unitario", "valor_liquido", "conta_id") == (
        1, Decimal("5.000000"), Decimal("4000.000000"), Decimal("20000.00"), 24 if version == 17 else 26
    )  # fmt: skip
    if version == 17:
        assert list(found["faturamento"]) == [1, 2, 3, 4, 8]  # two pages
        assert found["faturamento"][8]["tipo"] == "out_refund"


def test_orders_with_what_is_left_to_deliver(replayed: Replayed) -> None:
    found = service(replayed, "carteira")
    assert some(found["carteira"][1], "numero", "situacao", "situacao_fatura", "em_aberto", "data_prometida") == (
        "S00001", "draft", "no", False, None
    )  # fmt: skip
    assert some(found["carteira_item"][1], "pedido_id", "qtd_pedida", "qtd_entregue", "qtd_saldo") == (
        1, Decimal("3.000000"), Decimal("0.000000"), Decimal("3.000000")
    )  # fmt: skip


def test_requests_with_their_lines(replayed: Replayed) -> None:
    found = service(replayed, "requisicoes")
    assert some(found["requisicao"][1], "numero", "situacao", "solicitante_id", "aprovador_nome") == (
        "PR00001", "in_progress", 2, None
    )  # fmt: skip
    names = (
        "requisicao_id",
        "unidade",
        "situacao_compra",
        "qtd_recebida",
        "qtd_pendente",
        "custo_estimado",
        "cancelado",
    )
    assert some(found["requisicao_item"][1], *names) == (
        1, "Units", "purchase", Decimal("3.000000"), Decimal("2.000000"), Decimal("80.00"), False
    )  # fmt: skip


def test_purchase_orders_with_their_lines(replayed: Replayed) -> None:
    found = service(replayed, "pedidos_compra")
    names = ("numero", "situacao", "fornecedor_nome", "comprador_nome", "data_aprovacao", "situacao_recebimento")
    assert some(found["pedido_compra"][1], *names) == ("P00001", "draft", "Wood Corner", "Mitchell Admin", None, None)
    assert some(found["pedido_compra_item"][1], "pedido_id", "quantidade", "preco_unitario", "valor_liquido") == (
        1, Decimal("15.000000"), Decimal("79.800000"), Decimal("1197.00")
    )  # fmt: skip


def test_allocations_as_whole_sets_of_their_request_lines(replayed: Replayed) -> None:
    version, _server, session = replayed
    found = service(replayed, "alocacoes")["alocacao"]
    names = ("requisicao_item_id", "pedido_item_id", "qtd_solicitada", "qtd_alocada", "qtd_aberta", "situacao_compra")
    assert some(found[1], *names) == (
        2, 32 if version == 17 else 33, Decimal("3.000000"), Decimal("3.000000"), Decimal("0.000000"), "purchase"
    )  # fmt: skip
    assert some(found[3], "requisicao_item_id", "pedido_item_id", "situacao_compra") == (2, None, None)
    pages = read(session, "alocacoes", RECENT, page_size=3, window_minutes=720)
    assert [page.sets["alocacao"] for page in pages if page.sets] == [[(2,), (1,)]]


def test_receipts_with_what_came(replayed: Replayed) -> None:
    version = replayed[0]
    found = service(replayed, "entradas")
    first, line = (28, 50) if version == 17 else (51, 79)
    seconds = 25 if version == 17 else 35
    assert some(found["entrada"][first], "numero", "pedido_compra_id", "data_conclusao", "pendencia_de_id") == (
        "WH/IN/00007", 16, f"2026-11-22 12:45:{seconds}", None
    )  # fmt: skip
    assert some(found["entrada_item"][line], "entrada_id", "quantidade", "pedido_item_id", "unidade_id") == (
        first, Decimal("4.000000"), 27 if version == 17 else 28, 1
    )  # fmt: skip


@pytest.mark.parametrize("key", ["parceiros", "produtos"])
def test_partners_and_products_ask_for_everything_at_first(replayed: Replayed, key: str) -> None:
    _version, server, session = replayed
    server.asked.clear()
    read(session, key)
    own = ["write_date", ">=", "2000-01-01 00:00:00"]
    assert any(own in domain for _model, method, domain in server.asked if method == "search_read")
