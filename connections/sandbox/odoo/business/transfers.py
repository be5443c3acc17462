"""Receipts and deliveries: planned from an order, done whole or in part, the rest in a backorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.models.stock import bought_with

if TYPE_CHECKING:
    from connections.sandbox.odoo.business import Business
    from connections.sandbox.odoo.store import Store

VENDORS, CUSTOMERS = 1, 2  # locations by id; a company's own stock is its id + 2
OPEN = ("draft", "waiting", "confirmed", "assigned")


def plan(business: Business, kind: str, order_id: int) -> int | None:
    """Plan the transfer of an order's goods and return the picking's id; None when there are no goods."""
    store = business.store
    order = store.rows(f"{kind}.order")[order_id]
    lines = [store.rows(f"{kind}.order.line")[n] for n in store.children(f"{kind}.order.line", "order_id", order_id)]
    goods = [line for line in lines if line["product_id"] and _is_goods(store, line)]
    if not goods:
        return None
    company, when = order["company_id"], order["date_planned" if kind == "purchase" else "commitment_date"]
    shared = _way(kind, company) | {"origin": order["name"], "company_id": company}
    picking = store.create(
        "stock.picking",
        {**shared, "name": _name(business, kind, company), "state": "assigned", "partner_id": order["partner_id"],
         "picking_type_id": 2 * company - (1 if kind == "purchase" else 0), "scheduled_date": when or store.clock,
         **({"sale_id": order_id} if kind == "sale" else {})},
    )  # fmt: skip
    quantity = "product_qty" if kind == "purchase" else "product_uom_qty"
    for line in goods:
        linked = {"purchase_line_id" if kind == "purchase" else "sale_line_id": line["id"]}
        move = _move(store, picking, line["product_id"], line[quantity], {**shared, **linked, "name": line["name"]})
        _allocate(store, line["id"] if kind == "purchase" else None, move)
    if kind == "purchase":
        store.write("purchase.order", [order_id], {"picking_ids": [*order["picking_ids"], picking]})
    return picking


def finish(business: Business, picking_id: int, share: float = 1.0) -> int | None:
    """Do this share of a transfer; return the backorder for the rest, None without one."""
    store = business.store
    picking = store.rows("stock.picking")[picking_id]
    moves = [store.rows("stock.move")[n] for n in store.children("stock.move", "picking_id", picking_id)]
    done = {move["id"]: float(int(move["product_uom_qty"] * share)) if share < 1 else move["product_uom_qty"]
            for move in moves}  # fmt: skip
    if not any(done.values()):
        return picking_id
    backorder = None
    if any(done[move["id"]] < move["product_uom_qty"] for move in moves):
        backorder = _backorder(business, picking)
    for move in moves:
        _finish_move(store, move, done[move["id"]], backorder)
    store.write("stock.picking", [picking_id], {"state": "done", "date_done": store.clock})
    return backorder


def cancel(store: Store, picking_ids: tuple[int, ...]) -> None:
    """Cancel the transfers that are still open, with their moves."""
    for number in picking_ids:
        if store.rows("stock.picking")[number]["state"] in OPEN:
            store.write("stock.move", list(store.children("stock.move", "picking_id", number)), {"state": "cancel"})
            store.write("stock.picking", [number], {"state": "cancel"})


def _finish_move(store: Store, move: Row, quantity: float, backorder: int | None) -> None:
    rest = move["product_uom_qty"] - quantity
    if not quantity:
        store.write("stock.move", [move["id"]], {"picking_id": backorder})
        return
    waiting = None
    if rest and backorder is not None:
        copied = ("origin", "company_id", "location_id", "location_dest_id", "purchase_line_id", "sale_line_id")
        kept = {name: move[name] for name in copied if name in move}
        text = move["name" if store.version == 17 else "description_picking"]
        waiting = _move(store, backorder, move["product_id"], rest, {**kept, "name": text})
    # What was asked becomes what came: the asked quantity is in the order's line from now on.
    store.write(
        "stock.move", [move["id"]],
        {"state": "done", "picked": True, "quantity": quantity, "product_uom_qty": quantity, "date": store.clock},
    )  # fmt: skip
    items = list(store.children("stock.move.line", "move_id", move["id"]))
    store.write("stock.move.line", items, {"quantity": quantity, "date": store.clock})
    _split(store, move, quantity, waiting)


def _split(store: Store, move: Row, quantity: float, waiting: int | None) -> None:
    """Keep what came in the allocation, and give the rest one of its own that no longer knows the order's line."""
    line = move.get("purchase_line_id")
    rows = store.rows("purchase.request.allocation")
    for number in list(store.children("purchase.request.allocation", "stock_move_id", move["id"])) if line else ():
        rest = rows[number]["requested_product_uom_qty"] - quantity
        store.write(
            "purchase.request.allocation", [number],
            {"allocated_product_qty": quantity, "requested_product_uom_qty": quantity},
        )  # fmt: skip
        if waiting is not None and rest > 0:
            request_line = rows[number]["purchase_request_line_id"]
            values = {"purchase_request_line_id": request_line, "stock_move_id": waiting}
            store.create("purchase.request.allocation", {**values, "requested_product_uom_qty": rest})


def _allocate(store: Store, line_id: int | None, move: int) -> None:
    if line_id is not None and store.has("purchase.request.allocation"):
        numbers = store.children("purchase.request.allocation", "purchase_line_id", line_id)
        store.write("purchase.request.allocation", list(numbers), {"stock_move_id": move})


def _backorder(business: Business, picking: Row) -> int:
    store = business.store
    incoming = picking["location_id"] == VENDORS
    copied = ("origin", "partner_id", "picking_type_id", "location_id", "location_dest_id", "company_id",
              "scheduled_date", "sale_id")  # fmt: skip
    kind = "purchase" if incoming else "sale"
    values = {name: picking[name] for name in copied if name in picking}
    values |= {"name": _name(business, kind, picking["company_id"]), "state": "assigned"}
    number = store.create("stock.picking", {**values, "backorder_id": picking["id"]})
    order = store.rows("purchase.order").get(bought_with(store, picking) or 0) if incoming else None
    if order is not None:
        store.write("purchase.order", [order["id"]], {"picking_ids": [*order["picking_ids"], number]})
    return number


def _move(store: Store, picking: int, product: int, quantity: float, shared: Row) -> int:
    values = dict(shared)
    text = values.pop("name")
    values["name" if store.version == 17 else "description_picking"] = text
    unit = store.rows("product.product")[product]["uom_id"]
    move = store.create(
        "stock.move",
        {**values, "picking_id": picking, "product_id": product, "product_uom_qty": quantity, "product_uom": unit,
         "quantity": quantity, "state": "assigned", "date": store.clock},
    )  # fmt: skip
    ends = {name: values[name] for name in ("location_id", "location_dest_id")}
    store.create(
        "stock.move.line",
        {**ends, "move_id": move, "product_id": product, "product_uom_id": unit, "quantity": quantity,
         "date": store.clock},
    )  # fmt: skip
    return move


def _is_goods(store: Store, line: Row) -> bool:
    return bool(store.rows("product.product")[line["product_id"]]["type"] != "service")


def _way(kind: str, company: int) -> Row:
    ends = (VENDORS, company + 2) if kind == "purchase" else (company + 2, CUSTOMERS)
    return dict(zip(("location_id", "location_dest_id"), ends, strict=True))


def _name(business: Business, kind: str, company: int) -> str:
    code = {1: "CWB", 2: "REC"}[company]
    way = "IN" if kind == "purchase" else "OUT"
    return f"{code}/{way}/{business.number(f'{way}/{company}'):05}"
