"""Requisições, Pedidos de compra and Alocações."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connections.connectors.odoo.services.declare import (
    ID,
    ODOO_WRITE_DATE,
    WRITTEN,
    Lines,
    Mapped,
    Record,
    Service,
    Source,
    day,
    fields,
    flag,
    line_table,
    moment,
    money,
    parent_table,
    person,
    quantity,
    text,
    whole,
)
from connections.sdk.text import gettext_noop as _

REQUEST: Mapped = {
    ID: "id",
    text("numero"): "name",
    text("situacao"): "state",
    whole("solicitante_id"): "requested_by",
    person("solicitante_nome"): "requested_by",
    person("aprovador_nome"): "assigned_to",
    whole("empresa_id"): "company_id",
    day("data_requisicao"): "date_start",
    text("origem"): "origin",
    text("descricao"): "description",
    ODOO_WRITE_DATE: WRITTEN,
}
REQUEST_LINE: Mapped = {
    ID: "id",
    whole("requisicao_id"): "request_id",
    whole("produto_id"): "product_id",
    text("descricao"): "name",
    quantity("quantidade"): "product_qty",
    text("unidade"): "product_uom_id",
    text("situacao_compra"): "purchase_state",
    quantity("qtd_comprada"): "purchased_qty",
    quantity("qtd_recebida"): "qty_done",
    quantity("qtd_em_andamento"): "qty_in_progress",
    quantity("qtd_pendente"): "pending_qty_to_receive",
    money("custo_estimado"): "estimated_cost",
    day("data_necessaria"): "date_required",
    flag("cancelado"): "cancelled",
    whole("fornecedor_id"): "supplier_id",
    ODOO_WRITE_DATE: WRITTEN,
}
# The same tables filled from Odoo's own agreements; what they do not have stays empty.
AGREEMENT = {
    "id": ("id",),
    "numero": ("name",),
    "situacao": ("state",),
    "solicitante_id": ("user_id",),
    "solicitante_nome": ("user_id",),
    "empresa_id": ("company_id",),
    "data_requisicao": ("date_start", "ordering_date"),
    "origem": ("reference", "origin"),
    "descricao": ("description",),
    "odoo_write_date": (WRITTEN,),
}
AGREEMENT_LINE = {
    "id": ("id",),
    "requisicao_id": ("requisition_id",),
    "produto_id": ("product_id",),
    "descricao": ("product_description_variants",),
    "quantidade": ("product_qty",),
    "unidade": ("product_uom_id",),
    "qtd_comprada": ("qty_ordered",),
    "custo_estimado": (),
    "fornecedor_id": ("supplier_id",),
    "odoo_write_date": (WRITTEN,),
}
PURCHASE: Mapped = {
    ID: "id",
    text("numero"): "name",
    text("situacao"): "state",
    whole("fornecedor_id"): "partner_id",
    person("fornecedor_nome"): "partner_id",
    text("ref_fornecedor"): "partner_ref",
    person("comprador_nome"): "user_id",
    whole("empresa_id"): "company_id",
    text("moeda"): "currency_id",
    moment("data_pedido"): "date_order",
    moment("data_aprovacao"): "date_approve",
    moment("data_prevista"): "date_planned",
    text("origem"): "origin",
    text("situacao_fatura"): "invoice_status",
    text("situacao_recebimento"): "receipt_status",
    money("valor_liquido"): "amount_untaxed",
    money("valor_imposto"): "amount_tax",
    money("valor_total"): "amount_total",
    ODOO_WRITE_DATE: WRITTEN,
}
PURCHASE_LINE: Mapped = {
    ID: "id",
    whole("pedido_id"): "order_id",
    whole("sequencia"): "sequence",
    whole("produto_id"): "product_id",
    text("descricao"): "name",
    quantity("quantidade"): "product_qty",
    quantity("qtd_recebida"): "qty_received",
    quantity("qtd_faturada"): "qty_invoiced",
    quantity("preco_unitario"): "price_unit",
    money("valor_liquido"): "price_subtotal",
    money("valor_total"): "price_total",
    moment("data_prevista"): "date_planned",
    ODOO_WRITE_DATE: WRITTEN,
}
ALLOCATION: Mapped = {
    ID: "id",
    whole("requisicao_item_id"): "purchase_request_line_id",
    whole("pedido_item_id"): "purchase_line_id",
    whole("movimento_id"): "stock_move_id",
    whole("produto_id"): "product_id",
    quantity("qtd_solicitada"): "requested_product_uom_qty",
    quantity("qtd_alocada"): "allocated_product_qty",
    quantity("qtd_aberta"): "open_product_qty",
    text("situacao_compra"): "purchase_state",
    whole("empresa_id"): "company_id",
    ODOO_WRITE_DATE: WRITTEN,
}
# Where nothing allocates, the stock moves of purchase lines say what was asked for and what came.
MOVE = {
    "id": ("id",),
    "pedido_item_id": ("purchase_line_id",),
    "movimento_id": ("id",),
    "produto_id": ("product_id",),
    "qtd_solicitada": ("product_uom_qty",),
    "qtd_alocada": (),
    "qtd_aberta": (),
    "empresa_id": ("company_id",),
    "odoo_write_date": (WRITTEN,),
}


def _moved(move: Record, lines: Sequence[Record]) -> dict[str, Any]:
    """Before a move is done its quantity is only reserved; a cancelled one leaves nothing open."""
    done = (move.get("quantity") or move.get("quantity_done") or 0) if move.get("state") == "done" else 0
    is_over = move.get("state") in ("done", "cancel")
    return {"qtd_alocada": done, "qtd_aberta": 0 if is_over else move.get("product_uom_qty") or 0}


def _cost(line: Record, lines: Sequence[Record]) -> dict[str, Any]:
    return {"custo_estimado": (line.get("price_unit") or 0) * (line.get("product_qty") or 0)}


REQUESTS = "purchase.request"
AGREEMENTS = "purchase.requisition"

_REQUISICAO = parent_table("requisicao", REQUEST)
REQUISICOES = Service(
    "requisicoes", _("Purchase requests"), 90, _REQUISICAO, window_env="JANELA_REQUISICOES",
    items=line_table("requisicao_item", REQUEST_LINE, _REQUISICAO, "requisicao_id"),
    sources=(
        Source(
            REQUESTS, "purchase_request", fields(REQUEST),
            lines=Lines("purchase.request.line", "request_id", "line_ids", fields(REQUEST_LINE)),
        ),
        Source(
            AGREEMENTS, "purchase_requisition", AGREEMENT,
            lines=Lines(
                "purchase.requisition.line", "requisition_id", "line_ids", AGREEMENT_LINE,
                derive=_cost, also_read=("price_unit", "product_qty"),
            ),
        ),
    ),
)  # fmt: skip

_PEDIDO = parent_table("pedido_compra", PURCHASE)
PEDIDOS_COMPRA = Service(
    "pedidos_compra", _("Purchase orders"), 90, _PEDIDO, window_env="JANELA_PEDIDOS",
    items=line_table("pedido_compra_item", PURCHASE_LINE, _PEDIDO, "pedido_id"),
    sources=(
        Source(
            "purchase.order", "purchase", fields(PURCHASE),
            lines=Lines(
                "purchase.order.line", "order_id", "order_line", fields(PURCHASE_LINE), [["display_type", "=", False]],
            ),
        ),
    ),
)  # fmt: skip

ALOCACOES = Service(
    "alocacoes", _("Allocations"), 90, parent_table("alocacao", ALLOCATION, set_key=("requisicao_item_id",)),
    window_env="JANELA_ALOCACOES", sets_of="purchase.request.line",
    sources=(
        Source(
            "purchase.request.allocation", "purchase_request", fields(ALLOCATION),
            moved_by=("purchase_line_id", "purchase_request_line_id"),
        ),
        Source(
            "stock.move", "purchase_stock", MOVE, [["purchase_line_id", "!=", False]], needed=("purchase_line_id",),
            derive=_moved, also_read=("state", "quantity", "quantity_done", "product_uom_qty"),
        ),
    ),
)  # fmt: skip
