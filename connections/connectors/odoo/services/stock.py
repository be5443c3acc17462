"""Entradas de materiais: receipts that are done."""

from __future__ import annotations

from connections.connectors.odoo.services.declare import (
    ID,
    ODOO_WRITE_DATE,
    WRITTEN,
    Lines,
    Mapped,
    Service,
    Source,
    fields,
    line_table,
    moment,
    parent_table,
    person,
    quantity,
    text,
    whole,
)
from connections.sdk.text import gettext_noop as _

RECEIPT: Mapped = {
    ID: "id",
    text("numero"): "name",
    whole("fornecedor_id"): "partner_id",
    person("fornecedor_nome"): "partner_id",
    text("origem"): "origin",
    whole("pedido_compra_id"): "purchase_id",
    moment("data_prevista"): "scheduled_date",
    moment("data_conclusao"): "date_done",
    whole("local_origem_id"): "location_id",
    whole("local_destino_id"): "location_dest_id",
    whole("pendencia_de_id"): "backorder_id",
    whole("empresa_id"): "company_id",
    ODOO_WRITE_DATE: WRITTEN,
}
RECEIPT_LINE: Mapped = {
    ID: "id",
    whole("entrada_id"): "picking_id",
    whole("produto_id"): "product_id",
    quantity("quantidade"): ("quantity", "quantity_done"),
    whole("unidade_id"): "product_uom",
    whole("pedido_item_id"): "purchase_line_id",
    whole("local_destino_id"): "location_dest_id",
    moment("data"): "date",
    ODOO_WRITE_DATE: WRITTEN,
}

_ENTRADA = parent_table("entrada", RECEIPT)
ENTRADAS = Service(
    "entradas", _("Goods received"), 7 * 24 * 60, _ENTRADA, window_env="DIAS_ENTRADAS", window_env_unit="days",
    items=line_table("entrada_item", RECEIPT_LINE, _ENTRADA, "entrada_id"), whole_window="data_conclusao",
    sources=(
        Source(
            "stock.picking", "stock", fields(RECEIPT),
            [["picking_type_id.code", "=", "incoming"], ["state", "=", "done"]], window_on="date_done",
            lines=Lines(
                "stock.move", "picking_id", "move_ids", fields(RECEIPT_LINE), [["state", "=", "done"]],
                in_window=False,
            ),
        ),
    ),
)  # fmt: skip
