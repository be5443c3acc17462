"""Faturamento (customer invoices) and Carteira (sale orders)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
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

UNNUMBERED = "/"  # what Odoo up to 18 calls a draft invoice; later ones have no number either

INVOICE: Mapped = {
    ID: "id",
    text("numero"): (),
    text("tipo"): "move_type",
    text("situacao"): "state",
    text("situacao_pagamento"): "payment_state",
    whole("cliente_id"): "partner_id",
    person("cliente_nome"): "partner_id",
    whole("empresa_id"): "company_id",
    whole("diario_id"): "journal_id",
    text("moeda"): "currency_id",
    day("data_emissao"): "invoice_date",
    day("data_vencimento"): "invoice_date_due",
    day("data_contabil"): "date",
    text("origem"): "invoice_origin",
    person("vendedor_nome"): "invoice_user_id",
    money("valor_liquido"): "amount_untaxed",
    money("valor_imposto"): "amount_tax",
    money("valor_total"): "amount_total",
    money("valor_aberto"): "amount_residual",
    whole("estorno_de_id"): "reversed_entry_id",
    text("tipo_documento"): "l10n_latam_document_type_id",
    text("numero_documento"): "l10n_latam_document_number",
    moment("criado_em"): "create_date",
    moment("alterado_em"): WRITTEN,
    ODOO_WRITE_DATE: WRITTEN,
}
INVOICE_LINE: Mapped = {
    ID: "id",
    whole("fatura_id"): "move_id",
    whole("sequencia"): "sequence",
    whole("produto_id"): "product_id",
    text("descricao"): "name",
    quantity("quantidade"): "quantity",
    quantity("preco_unitario"): "price_unit",
    quantity("desconto_pct"): "discount",
    money("valor_liquido"): "price_subtotal",
    money("valor_total"): "price_total",
    whole("conta_id"): "account_id",
    ODOO_WRITE_DATE: WRITTEN,
}
ORDER: Mapped = {
    ID: "id",
    text("numero"): "name",
    text("situacao"): "state",
    whole("cliente_id"): "partner_id",
    person("cliente_nome"): "partner_id",
    person("vendedor_nome"): "user_id",
    whole("empresa_id"): "company_id",
    text("moeda"): "currency_id",
    text("ref_cliente"): "client_order_ref",
    moment("data_pedido"): "date_order",
    moment("data_prometida"): "commitment_date",
    text("situacao_fatura"): "invoice_status",
    text("situacao_entrega"): "delivery_status",
    money("valor_liquido"): "amount_untaxed",
    money("valor_imposto"): "amount_tax",
    money("valor_total"): "amount_total",
    flag("em_aberto"): (),
    ODOO_WRITE_DATE: WRITTEN,
}
ORDER_LINE: Mapped = {
    ID: "id",
    whole("pedido_id"): "order_id",
    whole("sequencia"): "sequence",
    whole("produto_id"): "product_id",
    text("descricao"): "name",
    quantity("qtd_pedida"): "product_uom_qty",
    quantity("qtd_entregue"): "qty_delivered",
    quantity("qtd_faturada"): "qty_invoiced",
    quantity("qtd_a_faturar"): "qty_to_invoice",
    quantity("qtd_saldo"): (),
    quantity("preco_unitario"): "price_unit",
    quantity("desconto_pct"): "discount",
    money("valor_liquido"): "price_subtotal",
    money("valor_total"): "price_total",
    ODOO_WRITE_DATE: WRITTEN,
}


def _number(invoice: Record, lines: Sequence[Record]) -> dict[str, Any]:
    name = invoice.get("name")
    return {"numero": None if name in (False, UNNUMBERED) else name}


def _undelivered(line: Record) -> Decimal:
    return Decimal(line.get("product_uom_qty") or 0) - Decimal(line.get("qty_delivered") or 0)


def _balance(line: Record, lines: Sequence[Record]) -> dict[str, Any]:
    return {"qtd_saldo": _undelivered(line)}


def _is_open(order: Record, lines: Sequence[Record]) -> dict[str, Any]:
    """An order is open while something is to be invoiced or, once confirmed, to be delivered."""
    to_deliver = order.get("state") == "sale" and any(_undelivered(line) > 0 for line in lines)
    return {"em_aberto": to_deliver or order.get("invoice_status") == "to invoice"}


_FATURAMENTO = parent_table("faturamento", INVOICE)
FATURAMENTO = Service(
    "faturamento", _("Invoicing"), 5760, _FATURAMENTO,
    items=line_table("faturamento_item", INVOICE_LINE, _FATURAMENTO, "fatura_id"), window_env="STATUS_FATURAMENTO",
    sources=(
        Source(
            "account.move", "account", fields(INVOICE), [["move_type", "in", ["out_invoice", "out_refund"]]],
            needed=("move_type",), derive=_number, also_read=("name",),
            # Its lines are closed once it is posted, and their table is the largest of all: its own date is enough.
            lines=Lines(
                "account.move.line", "move_id", "invoice_line_ids", fields(INVOICE_LINE),
                [["display_type", "=", "product"]], in_window=False,
                older=(16, [["exclude_from_invoice_tab", "=", False], ["display_type", "=", False]]),
            ),
        ),
    ),
)  # fmt: skip

_CARTEIRA = parent_table("carteira", ORDER)
CARTEIRA = Service(
    "carteira", _("Order book"), 40, _CARTEIRA, window_env="JANELA_CARTEIRA",
    items=line_table("carteira_item", ORDER_LINE, _CARTEIRA, "pedido_id"),
    sources=(
        Source(
            "sale.order", "sale", fields(ORDER), derive=_is_open, also_read=("state", "invoice_status"),
            lines=Lines(
                "sale.order.line", "order_id", "order_line", fields(ORDER_LINE), [["display_type", "=", False]],
                derive=_balance, also_read=("product_uom_qty", "qty_delivered"),
            ),
        ),
    ),
)  # fmt: skip
