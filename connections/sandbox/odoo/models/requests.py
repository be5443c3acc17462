"""The OCA module purchase_request: internal requests, their lines and how orders and receipts cover them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connections.sandbox.odoo.fields import (
    Model,
    Row,
    boolean,
    char,
    choice,
    day,
    many2many,
    many2one,
    money,
    number,
    one2many,
    text,
)
from connections.sandbox.odoo.models.purchase import STATES_17, STATES_19

if TYPE_CHECKING:
    from connections.sandbox.odoo.store import Store

V17, V19 = (17,), (19,)
GROUPS = ("request", "purchase", "stock")
STATES = "draft=Draft|to_approve=To be approved|approved=Approved|in_progress=In progress|done=Done|rejected=Rejected"


def purchased(store: Store, row: Row) -> float:
    """Return the quantity on the order lines of a request line, cancelled ones left out."""
    lines = store.rows("purchase.order.line")
    orders = store.rows("purchase.order")
    found = (lines[line_id] for line_id in row["purchase_lines"] if line_id in lines)
    return float(sum(line["product_qty"] for line in found if orders[line["order_id"]]["state"] != "cancel"))


def order_state(store: Store, row: Row) -> str | None:
    """Return the state of the order an allocation leads to."""
    line = store.rows("purchase.order.line").get(row["purchase_line_id"])
    return store.rows("purchase.order")[line["order_id"]]["state"] if line else None


def requested_product(store: Store, row: Row) -> int | None:
    line = store.rows("purchase.request.line").get(row["purchase_request_line_id"])
    return line["product_id"] if line else None


REQUEST = Model(
    name="purchase.request",
    label="Purchase Request",
    order="id desc",
    module="purchase_request",
    groups=GROUPS,
    fields=(
        char("name", required=True),
        char("origin"),
        day("date_start"),
        many2one("requested_by", "res.users", required=True),
        many2one("assigned_to", "res.users"),
        text("description"),
        many2one("company_id", "res.company"),
        one2many("line_ids", "purchase.request.line", "request_id"),
        choice("state", STATES, required=True, default="draft"),
    ),
)

LINE = Model(
    name="purchase.request.line",
    label="Purchase Request Line",
    order="id desc",
    module="purchase_request",
    groups=GROUPS,
    fields=(
        char("name"),
        many2one("product_uom_id", "uom.uom"),
        number("product_qty"),
        many2one("request_id", "purchase.request", readonly=True, cascade=True),
        many2one("company_id", "res.company", readonly=True, related="request_id.company_id"),
        day("date_required", required=True),
        choice("request_state", STATES, readonly=True, related="request_id.state"),
        many2one("supplier_id", "res.partner", readonly=True),
        boolean("cancelled", readonly=True),
        number("purchased_qty", readonly=True, store=False, compute=purchased),
        many2many("purchase_lines", "purchase.order.line", readonly=True),
        choice("purchase_state", STATES_17, readonly=True, versions=V17),
        choice("purchase_state", STATES_19, readonly=True, versions=V19),
        one2many("purchase_request_allocation_ids", "purchase.request.allocation", "purchase_request_line_id"),
        number("qty_in_progress", readonly=True),
        number("qty_done", readonly=True),
        number("pending_qty_to_receive", readonly=True),
        money("estimated_cost"),
        many2one("product_id", "product.product"),
    ),
)

ALLOCATION = Model(
    name="purchase.request.allocation",
    label="Purchase Request Allocation",
    module="purchase_request",
    groups=GROUPS,
    named=lambda _store, row: f"purchase.request.allocation,{row['id']}",
    fields=(
        many2one("purchase_request_line_id", "purchase.request.line", required=True, cascade=True),
        many2one("company_id", "res.company", readonly=True, related="purchase_request_line_id.company_id"),
        many2one("stock_move_id", "stock.move", indexed=True),
        many2one("purchase_line_id", "purchase.order.line", cascade=True),
        many2one("product_id", "product.product", readonly=True, store=False, compute=requested_product),
        number("requested_product_uom_qty", digits=None),
        number("allocated_product_qty", digits=None),
        number(
            "open_product_qty", digits=None, readonly=True, store=False,
            compute=lambda _store, row: row["requested_product_uom_qty"] - row["allocated_product_qty"],
        ),
        choice("purchase_state", STATES_17, readonly=True, store=False, compute=order_state, versions=V17),
        choice("purchase_state", STATES_19, readonly=True, store=False, compute=order_state, versions=V19),
    ),
)  # fmt: skip

WIZARD = Model(
    name="purchase.request.line.make.purchase.order",
    label="Purchase Request Line Make Purchase Order",
    module="purchase_request",
    groups=("request", "purchase"),
    fields=(many2one("supplier_id", "res.partner", required=True),),
)

MODELS = (REQUEST, LINE, ALLOCATION, WIZARD)
