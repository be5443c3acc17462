"""Purchase orders and blanket orders (purchase requisitions), with their lines."""

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
GROUPS = ("purchase", "stock", "account", "request")
STATES_17 = "draft=RFQ|sent=RFQ Sent|to approve=To Approve|purchase=Purchase Order|done=Locked|cancel=Cancelled"
STATES_19 = STATES_17.replace("|done=Locked", "")
INVOICE_STATES = "no=Nothing to Bill|to invoice=Waiting Bills|invoiced=Fully Billed"
RECEIPT_STATES = "pending=Not Received|partial=Partially Received|full=Fully Received"
REQUISITION_STATES_17 = (
    "draft=Draft|ongoing=Ongoing|in_progress=Confirmed|open=Bid Selection|done=Closed|cancel=Cancelled"
)
REQUISITION_STATES_19 = "draft=Draft|confirmed=Confirmed|done=Closed|cancel=Cancelled"


def line_label(_store: Store, row: Row) -> str:
    return str(row["name"])


def ordered_quantity(store: Store, row: Row) -> float:
    """Return how much of a blanket order's line confirmed orders have taken."""
    orders = store.rows("purchase.order")
    lines = store.rows("purchase.order.line")
    taken = 0.0
    for order_id in store.children("purchase.order", "requisition_id", row["requisition_id"]):
        if orders[order_id]["state"] in ("purchase", "done"):
            for line_id in store.children("purchase.order.line", "order_id", order_id):
                if lines[line_id]["product_id"] == row["product_id"]:
                    taken += lines[line_id]["product_qty"]
    return taken


def requisition_line_label(store: Store, row: Row) -> str:
    product = store.rows("product.product").get(row["product_id"])
    return store.label("product.product", product) if product else ""


ORDER = Model(
    name="purchase.order",
    label="Purchase Order",
    order="priority desc, id desc",
    module="purchase",
    groups=GROUPS,
    fields=(
        char("name", required=True),
        char("priority", default="0"),
        char("origin"),
        char("partner_ref"),
        moment("date_order", required=True),
        moment("date_approve", readonly=True),
        many2one("partner_id", "res.partner", required=True),
        many2one("currency_id", "res.currency", required=True),
        choice("state", STATES_17, readonly=True, versions=V17, default="draft"),
        choice("state", STATES_19, readonly=True, versions=V19, default="draft"),
        boolean("locked", versions=V19),
        one2many("order_line", "purchase.order.line", "order_id"),
        choice("invoice_status", INVOICE_STATES, readonly=True, default="no"),
        moment("date_planned"),
        money("amount_untaxed", readonly=True),
        money("amount_tax", readonly=True),
        money("amount_total", readonly=True),
        many2one("user_id", "res.users"),
        many2one("company_id", "res.company", required=True),
        many2one("requisition_id", "purchase.requisition", module="purchase_requisition"),
        many2many("picking_ids", "stock.picking", readonly=True, module="purchase_stock"),
        choice("receipt_status", RECEIPT_STATES, readonly=True, module="purchase_stock"),
    ),
)

LINE = Model(
    name="purchase.order.line",
    label="Purchase Order Line",
    order="order_id, sequence, id",
    module="purchase",
    groups=GROUPS,
    named=line_label,
    fields=(
        text("name", required=True),
        integer("sequence", default=10),
        number("product_qty", required=True, default=1.0),
        moment("date_planned"),
        many2one("product_uom", "uom.uom", versions=V17),
        many2one("product_uom_id", "uom.uom", versions=V19),
        many2one("product_id", "product.product"),
        number("price_unit", required=True),
        many2many("taxes_id", "account.tax", versions=V17),
        many2many("tax_ids", "account.tax", versions=V19),
        money("price_subtotal", readonly=True),
        money("price_total", readonly=True),
        many2one("order_id", "purchase.order", required=True, cascade=True),
        many2one("company_id", "res.company", readonly=True, related="order_id.company_id"),
        many2one("partner_id", "res.partner", readonly=True, related="order_id.partner_id"),
        choice("state", STATES_17, readonly=True, related="order_id.state", versions=V17),
        choice("state", STATES_19, readonly=True, related="order_id.state", versions=V19, store=False),
        number("qty_invoiced", readonly=True),
        number("qty_received"),
        many2one("currency_id", "res.currency", readonly=True, related="order_id.currency_id", versions=V17),
        many2one(
            "currency_id", "res.currency", readonly=True, related="order_id.currency_id", versions=V19, store=False
        ),
        choice("display_type", "line_section=Section|line_note=Note", versions=V17),
        choice("display_type", "line_section=Section|line_subsection=Subsection|line_note=Note", versions=V19),
        one2many("move_ids", "stock.move", "purchase_line_id", readonly=True, module="purchase_stock"),
    ),
)

REQUISITION = Model(
    name="purchase.requisition",
    label="Purchase Requisition",
    order="id desc",
    module="purchase_requisition",
    groups=("purchase",),
    fields=(
        char("name", required=True, readonly=True),
        char("origin", versions=V17),
        char("reference", versions=V19),
        choice("requisition_type", "blanket_order=Blanket Order|purchase_template=Purchase Template", versions=V19,
               default="blanket_order"),
        many2one("vendor_id", "res.partner"),
        moment("date_end", versions=V17),
        day("date_end", versions=V19),
        many2one("user_id", "res.users"),
        many2one("company_id", "res.company", required=True),
        one2many("purchase_ids", "purchase.order", "requisition_id"),
        one2many("line_ids", "purchase.requisition.line", "requisition_id"),
        choice("state", REQUISITION_STATES_17, required=True, versions=V17, default="draft"),
        choice("state", REQUISITION_STATES_19, required=True, versions=V19, default="draft"),
        many2one("currency_id", "res.currency", required=True),
    ),
)  # fmt: skip

REQUISITION_LINE = Model(
    name="purchase.requisition.line",
    label="Purchase Requisition Line",
    module="purchase_requisition",
    groups=("purchase",),
    named=requisition_line_label,
    fields=(
        many2one("product_id", "product.product", required=True),
        number("product_qty"),
        number("price_unit"),
        number("qty_ordered", digits=None, readonly=True, store=False, compute=ordered_quantity),
        many2one("requisition_id", "purchase.requisition", required=True, cascade=True),
        many2one("company_id", "res.company", readonly=True, related="requisition_id.company_id"),
    ),
)

MODELS = (ORDER, LINE, REQUISITION, REQUISITION_LINE)
