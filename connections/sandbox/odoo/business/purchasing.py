"""Buying for the fleet: request, approval, order, receipts in parts, bill; blanket orders besides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from connections.sandbox.odoo.business import transfers
from connections.sandbox.odoo.business.invoices import bill, pay, post
from connections.sandbox.odoo.business.sales import minutes
from connections.sandbox.odoo.business.setup import BUYER, SELLERS
from connections.sandbox.odoo.fields import Row

if TYPE_CHECKING:
    from connections.sandbox.odoo.business import Business
    from connections.sandbox.odoo.store import Store

REASONS = ("Manutenção preventiva", "Peças para a frota", "Pneus do eixo de tração", "Estoque mínimo", "Reposição")


def request(business: Business, random: Random) -> Iterator[timedelta]:
    """One internal request's life, from the wish to the last receipt."""
    store = business.store
    number = ask(business, random)
    yield minutes(random, 5, 90)
    store.write("purchase.request", [number], {"state": "to_approve"})
    yield minutes(random, 10, 300)
    fate = random.random()
    if fate < 0.06:
        store.write("purchase.request", [number], {"state": "rejected"})
        return
    store.write("purchase.request", [number], {"state": "approved", "assigned_to": BUYER})
    yield minutes(random, 10, 240)
    order = order_requested(store, business.number("purchase"), number, random.choice(business.suppliers))
    yield minutes(random, 15, 200)
    if fate < 0.14:
        # The allocation's state changes with the order's, with no new write_date of its own.
        cancel_order(store, order)
        yield minutes(random, 30, 300)
        if fate < 0.10:
            store.unlink("purchase.order", [order])  # its lines and allocations go with it
        return
    yield from fulfil(business, order, random)
    store.write("purchase.request", [number], {"state": "done"})


def blanket(business: Business, random: Random) -> Iterator[timedelta]:
    """A blanket order and the purchases under it."""
    store = business.store
    supplier = random.choice(business.suppliers)
    open_state = "ongoing" if store.version == 17 else "confirmed"
    origin = "origin" if store.version == 17 else "reference"
    lines = [(0, 0, {"product_id": line["product_id"], "product_qty": 20.0 * line["product_qty"],
                     "price_unit": line["price_unit"]}) for line in _wanted(business, random)]  # fmt: skip
    number = store.create(
        "purchase.requisition",
        {"name": f"BO{business.number('blanket'):05}", "vendor_id": supplier, "user_id": BUYER, "company_id": 1,
         "currency_id": 1, origin: random.choice(REASONS), "line_ids": lines},
    )  # fmt: skip
    yield minutes(random, 30, 300)
    store.write("purchase.requisition", [number], {"state": open_state})
    for _order in range(random.randrange(1, 4)):
        yield minutes(random, 60, 1500)
        values = {"requisition_id": number, "partner_id": supplier, "company_id": 1}
        order = buy(store, business.number("purchase"), _wanted(business, random), values)
        yield from fulfil(business, order, random)
    store.write("purchase.requisition", [number], {"state": "cancel" if random.random() < 0.1 else "done"})


def restock(business: Business, random: Random) -> Iterator[timedelta]:
    """A purchase nobody requested."""
    values = {"partner_id": random.choice(business.suppliers), "company_id": random.choice((1, 1, 2))}
    order = buy(business.store, business.number("purchase"), _wanted(business, random), values)
    yield minutes(random, 10, 240)
    if random.random() < 0.1:
        cancel_order(business.store, order)
        return
    yield from fulfil(business, order, random)


def fulfil(business: Business, order: int, random: Random) -> Iterator[timedelta]:
    """Send and confirm an order, receive it in one or two parts, and pay its bill."""
    store = business.store
    if random.random() < 0.5:
        store.write("purchase.order", [order], {"state": "sent"})
        yield minutes(random, 20, 400)
    picking = confirm_order(business, order)
    yield minutes(random, 120, 2500)
    if picking is None:
        _receive_by_hand(store, order)
    else:
        rest = transfers.finish(business, picking, random.choice((0.4, 0.6, 1.0, 1.0)))
        while rest is not None:
            yield minutes(random, 120, 3000)
            rest = transfers.finish(business, rest)
    yield minutes(random, 60, 1500)
    if "account" in store.schema.modules:
        invoice = bill(business, "purchase", order)
        yield minutes(random, 5, 200)
        post(business, invoice)
        yield minutes(random, 1000, 9000)
        pay(business, invoice, store.rows("account.move")[invoice]["amount_total"])


def ask(business: Business, random: Random) -> int:
    """Enter a draft request and return its id."""
    store, today = business.store, business.store.clock.date()
    required = today + timedelta(days=random.randrange(2, 15))
    lines = [
        (0, 0, {"product_id": line["product_id"], "name": line["name"], "product_qty": line["product_qty"],
                "product_uom_id": business.unit(line["product_id"]), "date_required": required,
                "estimated_cost": round(line["price_unit"] * line["product_qty"], 2)})
        for line in _wanted(business, random)
    ]  # fmt: skip
    return store.create(
        "purchase.request",
        {"name": f"PR{business.number('request'):05}", "requested_by": random.choice((*SELLERS, 9)), "company_id": 1,
         "date_start": today, "origin": f"OS-{random.randrange(100, 9999)}", "description": random.choice(REASONS),
         "line_ids": lines},
    )  # fmt: skip


def order_requested(store: Store, number: int, request_id: int, supplier: int) -> int:
    """Make the draft order for all lines of a request, with an allocation for each, and return its id."""
    rows = store.rows("purchase.request.line")
    lines = [rows[n] for n in store.children("purchase.request.line", "request_id", request_id)]
    header = store.rows("purchase.request")[request_id]
    goods = [
        {"product_id": line["product_id"], "name": line["name"], "product_qty": line["product_qty"],
         "price_unit": round((line["estimated_cost"] or 0.0) / (line["product_qty"] or 1.0), 2)}
        for line in lines
    ]  # fmt: skip
    values = {"partner_id": supplier, "company_id": header["company_id"] or 1, "origin": header["name"]}
    order = buy(store, number, goods, values)
    bought = store.children("purchase.order.line", "order_id", order)
    for line, order_line in zip(lines, bought, strict=True):
        store.write("purchase.request.line", [line["id"]], {"supplier_id": supplier})
        store.create(
            "purchase.request.allocation",
            {"purchase_request_line_id": line["id"], "purchase_line_id": order_line,
             "requested_product_uom_qty": line["product_qty"]},
        )  # fmt: skip
    store.write("purchase.request", [request_id], {"state": "in_progress"})
    return order


def buy(store: Store, number: int, goods: list[Row], header: Row) -> int:
    """Enter a draft purchase order and return its id."""
    modern, planned = store.version >= 19, (store.clock + timedelta(days=3)).replace(microsecond=0)
    taxed = {"tax_ids" if modern else "taxes_id": [2]} if "account" in store.schema.modules else {}
    unit, products = "product_uom_id" if modern else "product_uom", store.rows("product.product")
    lines = [
        (0, 0, {**line, **taxed, "date_planned": planned, unit: products[line["product_id"]]["uom_id"]})
        for line in goods
    ]
    return store.create(
        "purchase.order",
        {"name": f"P{number:05}", "currency_id": 1, "user_id": BUYER, "date_order": store.clock,
         "date_planned": planned, "order_line": lines, **header},
    )  # fmt: skip


def confirm_order(business: Business, order: int) -> int | None:
    """Confirm a purchase order and plan its receipt; return the picking, None without one."""
    store = business.store
    store.write("purchase.order", [order], {"state": "purchase", "date_approve": store.clock})
    return transfers.plan(business, "purchase", order) if "purchase_stock" in store.schema.modules else None


def cancel_order(store: Store, order: int) -> None:
    """Cancel a purchase order and its open receipts."""
    store.write("purchase.order", [order], {"state": "cancel"})
    if "purchase_stock" in store.schema.modules:
        transfers.cancel(store, store.rows("purchase.order")[order]["picking_ids"])


def _receive_by_hand(store: Store, order: int) -> None:
    for number in store.children("purchase.order.line", "order_id", order):
        quantity = store.rows("purchase.order.line")[number]["product_qty"]
        store.write("purchase.order.line", [number], {"qty_received": quantity})


def _wanted(business: Business, random: Random) -> list[Row]:
    products = random.sample(business.bought, random.randrange(1, 4))
    return [
        {"product_id": product["id"], "name": f"[{product['default_code']}] {product['name']}",
         "product_qty": float(random.choice((2, 4, 6, 10, 20))),
         "price_unit": round(product["standard_price"] * random.uniform(0.9, 1.15), 3)}
        for product in products
    ]  # fmt: skip
