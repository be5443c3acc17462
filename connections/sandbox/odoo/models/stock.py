"""Pickings, stock moves and the places they lead from and to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connections.sandbox.odoo.fields import (
    Model,
    Row,
    boolean,
    char,
    choice,
    many2one,
    moment,
    number,
    one2many,
    text,
)

if TYPE_CHECKING:
    from connections.sandbox.odoo.store import Store

V17, V19 = (17,), (19,)
GROUPS = ("stock",)
CODES = "incoming=Receipt|outgoing=Delivery|internal=Internal Transfer"
PICKING_STATES = (
    "draft=Draft|waiting=Waiting Another Operation|confirmed=Waiting|assigned=Ready|done=Done|cancel=Cancelled"
)
MOVE_STATES = (
    "draft=New|waiting=Waiting Another Move|confirmed={}|partially_available=Partially Available|assigned=Available"
    "|done=Done|cancel=Cancelled"
)
MOVE_STATES_17, MOVE_STATES_19 = MOVE_STATES.format("Waiting Availability"), MOVE_STATES.format("Waiting")


def bought_with(store: Store, row: Row) -> int | None:
    """Return the purchase order of a picking's moves."""
    moves, lines = store.rows("stock.move"), store.rows("purchase.order.line")
    for move_id in store.children("stock.move", "picking_id", row["id"]):
        line = lines.get(moves[move_id]["purchase_line_id"])
        if line:
            return int(line["order_id"])
    return None


def move_label(store: Store, row: Row) -> str:
    product = store.rows("product.product").get(row["product_id"]) or {}
    places = store.rows("stock.location")
    way = ">".join(str(places[row[end]]["name"]) for end in ("location_id", "location_dest_id"))
    origin = f"{row['origin']}/" if row["origin"] else ""
    return f"{origin}{product.get('default_code') or product.get('name')}: {way}"


def move_line_label(store: Store, row: Row) -> str:
    move = store.rows("stock.move").get(row["move_id"])
    return move_label(store, move) if move else ""


def location_label(store: Store, row: Row) -> str:
    """Return the full path; 19 leaves out what leads to places that hold no stock."""
    if store.version == 19 and row["usage"] != "internal":
        return str(row["name"])
    return str(row["complete_name"])


PICKING = Model(
    name="stock.picking",
    label="Transfer",
    order="priority desc, scheduled_date asc, id desc",
    module="stock",
    groups=GROUPS,
    fields=(
        char("name", readonly=True),
        char("priority", default="0"),
        char("origin"),
        many2one("backorder_id", "stock.picking", readonly=True),
        choice("state", PICKING_STATES, readonly=True, default="draft"),
        moment("scheduled_date"),
        moment("date_done", readonly=True),
        many2one("location_id", "stock.location", required=True),
        many2one("location_dest_id", "stock.location", required=True),
        one2many("move_ids", "stock.move", "picking_id"),
        many2one("picking_type_id", "stock.picking.type", required=True, readonly=True),
        choice("picking_type_code", CODES, readonly=True, store=False, related="picking_type_id.code"),
        many2one("partner_id", "res.partner"),
        many2one("company_id", "res.company", readonly=True),
        many2one("sale_id", "sale.order", module="sale_stock"),
        many2one(
            "purchase_id", "purchase.order", readonly=True, store=False, compute=bought_with, module="purchase_stock"
        ),
    ),
)

MOVE = Model(
    name="stock.move",
    label="Stock Move",
    order="sequence, id",
    module="stock",
    groups=GROUPS,
    named=move_label,
    fields=(
        char("name", required=True, versions=V17),
        text("description_picking", store=False, versions=V19),
        number("sequence", default=10),
        char("origin"),
        moment("date", required=True),
        many2one("company_id", "res.company", required=True),
        many2one("product_id", "product.product", required=True),
        number("product_uom_qty", required=True),
        many2one("product_uom", "uom.uom", required=True),
        many2one("location_id", "stock.location", required=True),
        many2one("location_dest_id", "stock.location", required=True),
        many2one("picking_id", "stock.picking", cascade=True),
        choice("state", MOVE_STATES_17, readonly=True, versions=V17, default="draft"),
        choice("state", MOVE_STATES_19, readonly=True, versions=V19, default="draft"),
        boolean("picked"),
        one2many("move_line_ids", "stock.move.line", "move_id"),
        number("quantity"),
        many2one("purchase_line_id", "purchase.order.line", readonly=True, module="purchase_stock"),
        many2one("sale_line_id", "sale.order.line", module="sale_stock"),
    ),
)

MOVE_LINE = Model(
    name="stock.move.line",
    label="Product Moves (Stock Move Line)",
    order="result_package_id desc, id",
    module="stock",
    groups=GROUPS,
    named=move_line_label,
    fields=(
        many2one("picking_id", "stock.picking", related="move_id.picking_id"),
        many2one("move_id", "stock.move", cascade=True),
        many2one("company_id", "res.company", required=True, readonly=True, related="move_id.company_id"),
        many2one("product_id", "product.product"),
        many2one("product_uom_id", "uom.uom", required=True),
        many2one("result_package_id", "stock.quant.package", versions=V17),
        many2one("result_package_id", "stock.package", versions=V19),
        number("quantity"),
        many2one("lot_id", "stock.lot"),
        moment("date", required=True),
        many2one("location_id", "stock.location", required=True),
        many2one("location_dest_id", "stock.location", required=True),
        choice("state", MOVE_STATES_17, readonly=True, versions=V17, related="move_id.state"),
        choice("state", MOVE_STATES_19, readonly=True, versions=V19, related="move_id.state"),
    ),
)

MODELS = (
    PICKING,
    MOVE,
    MOVE_LINE,
    Model(name="stock.picking.type", label="Picking Type", module="stock", groups=GROUPS, order="id",
          named=lambda store, row: f"{store.rows('stock.warehouse')[row['warehouse_id']]['name']}: {row['name']}",
          fields=(char("name", required=True), choice("code", CODES, required=True),
                  many2one("warehouse_id", "stock.warehouse"), many2one("company_id", "res.company", required=True))),
    Model(name="stock.location", label="Inventory Locations", module="stock", groups=GROUPS, order="complete_name, id",
          named=location_label,
          fields=(char("name", required=True), char("complete_name"), char("usage"),
                  many2one("company_id", "res.company"), boolean("active", default=True))),
    Model(name="stock.warehouse", label="Warehouse", module="stock", groups=GROUPS,
          fields=(char("name", required=True), char("code"), many2one("company_id", "res.company"))),
    Model(name="stock.lot", label="Lot/Serial", module="stock", groups=GROUPS,
          fields=(char("name", required=True), many2one("product_id", "product.product"))),
)  # fmt: skip
