"""Sale orders and their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connections.sandbox.odoo.fields import (
    Model,
    Row,
    boolean,
    char,
    choice,
    day,
    integer,
    many2many,
    many2one,
    moment,
    money,
    number,
    one2many,
    text,
)

if TYPE_CHECKING:
    from connections.sandbox.odoo.store import Store

V17, V19 = (17,), (19,)
GROUPS = ("sales", "stock", "account")
STATES = "draft=Quotation|sent=Quotation Sent|sale=Sales Order|cancel=Cancelled"
INVOICE_STATES = "upselling=Upselling Opportunity|invoiced=Fully Invoiced|to invoice=To Invoice|no=Nothing to Invoice"
DELIVERY_STATES = "pending=Not Delivered{}|partial=Partially Delivered|full=Fully Delivered"


def line_label(store: Store, row: Row) -> str:
    order = store.rows("sale.order").get(row["order_id"])
    return f"{order['name']} - {row['name']}" if order else str(row["name"])


ORDER = Model(
    name="sale.order",
    label="Sales Order",
    order="date_order desc, id desc",
    module="sale",
    groups=GROUPS,
    fields=(
        char("name", required=True),
        many2one("company_id", "res.company", required=True),
        many2one("partner_id", "res.partner", required=True),
        choice("state", STATES, readonly=True, default="draft"),
        boolean("locked"),
        char("client_order_ref"),
        char("origin"),
        moment("commitment_date"),
        moment("date_order", required=True),
        day("validity_date"),
        many2one("partner_shipping_id", "res.partner", required=True),
        many2one("pricelist_id", "product.pricelist"),
        many2one("currency_id", "res.currency", readonly=True),
        many2one("user_id", "res.users"),
        many2one("team_id", "crm.team"),
        one2many("order_line", "sale.order.line", "order_id"),
        money("amount_untaxed", readonly=True),
        money("amount_tax", readonly=True),
        money("amount_total", readonly=True),
        choice("invoice_status", INVOICE_STATES, readonly=True, default="no"),
        many2many("invoice_ids", "account.move", readonly=True, store=False, module="account"),
        one2many("picking_ids", "stock.picking", "sale_id", module="sale_stock"),
        choice("delivery_status", DELIVERY_STATES.format(""), readonly=True, module="sale_stock", versions=V17),
        choice(
            "delivery_status", DELIVERY_STATES.format("|started=Started"), readonly=True, module="sale_stock",
            versions=V19,
        ),
    ),
)  # fmt: skip

LINE = Model(
    name="sale.order.line",
    label="Sales Order Line",
    order="order_id, sequence, id",
    module="sale",
    groups=GROUPS,
    named=line_label,
    fields=(
        many2one("order_id", "sale.order", required=True, cascade=True),
        integer("sequence", default=10),
        many2one("company_id", "res.company", readonly=True, related="order_id.company_id"),
        many2one("currency_id", "res.currency", readonly=True, related="order_id.currency_id"),
        choice("state", STATES, readonly=True, related="order_id.state"),
        choice("display_type", "line_section=Section|line_note=Note", versions=V17),
        choice("display_type", "line_section=Section|line_subsection=Subsection|line_note=Note", versions=V19),
        many2one("product_id", "product.product"),
        many2one("product_uom", "uom.uom", versions=V17),
        many2one("product_uom_id", "uom.uom", versions=V19),
        text("name", required=True),
        number("product_uom_qty", required=True, default=1.0),
        number("price_unit", required=True),
        number("discount"),
        many2many("tax_id", "account.tax", versions=V17),
        many2many("tax_ids", "account.tax", versions=V19),
        money("price_subtotal", readonly=True),
        money("price_total", readonly=True),
        number("qty_delivered"),
        number("qty_invoiced", readonly=True),
        number("qty_to_invoice", readonly=True),
        choice("invoice_status", INVOICE_STATES, readonly=True, default="no"),
        one2many("move_ids", "stock.move", "sale_line_id", module="sale_stock"),
    ),
)

MODELS = (
    ORDER,
    LINE,
    Model(name="crm.team", label="Sales Team", module="sale", groups=GROUPS, fields=(char("name", required=True),)),
    Model(name="product.pricelist", label="Pricelist", module="sale", fields=(char("name", required=True),)),
)
