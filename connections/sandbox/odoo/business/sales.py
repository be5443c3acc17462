"""Selling freight: quotation, order, delivery, invoice, payment; with what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from connections.sandbox.odoo.business import transfers
from connections.sandbox.odoo.business.invoices import bill, credit, pay, post
from connections.sandbox.odoo.business.setup import FREIGHT, GOODS, SELLERS
from connections.sandbox.odoo.fields import Row

if TYPE_CHECKING:
    from connections.sandbox.odoo.business import Business

NOTE = "Agendar descarga com 24 h de antecedência"


def sale(business: Business, random: Random) -> Iterator[timedelta]:
    """One order's life; each yield is the time until the next thing happens to it."""
    store = business.store
    order = quote(business, random)
    yield minutes(random, 3, 120)
    line = store.children("sale.order.line", "order_id", order)[0]
    fate = random.random()
    if fate < 0.04:
        store.unlink("sale.order", [order])  # a quotation made by mistake
        return
    if fate < 0.10:
        store.write("sale.order", [order], {"state": "cancel"})
        return
    if fate < 0.30:
        store.write("sale.order", [order], {"state": "sent"})
        yield minutes(random, 10, 240)
    if fate > 0.80:
        store.write("sale.order.line", [line], {"product_uom_qty": float(random.randrange(2, 6))})
        yield minutes(random, 2, 40)
    store.write("sale.order", [order], {"state": "sale", "date_order": store.clock})
    picking = transfers.plan(business, "sale", order) if "sale_stock" in store.schema.modules else None
    yield minutes(random, 30, 600)
    if 0.30 < fate < 0.40:
        # Only the text changes: the order's own write_date stays.
        text = store.rows("sale.order.line")[line]["name"]
        store.write("sale.order.line", [line], {"name": f"{text}\nEntrega em horário comercial"})
        yield minutes(random, 5, 60)
    if 0.40 < fate < 0.55:
        yield from _without_note(business, order, random)
    yield from _deliver(business, order, picking, random)
    if "account" in store.schema.modules:
        yield from _invoice(business, order, random)


def quote(business: Business, random: Random) -> int:
    """Enter a quotation with one to three services, goods at times, and perhaps a note, and return its id."""
    store = business.store
    partner = random.choice(business.customers)
    company = 1 if random.random() < 0.75 else 2
    codes = random.sample(FREIGHT, random.randrange(1, 4)) + (random.sample(GOODS, 1) if random.random() < 0.2 else [])
    lines = [(0, 0, _line(business, code, random)) for code in codes]
    if random.random() < 0.3:
        note = {"display_type": "line_note", "name": NOTE, "product_uom_qty": 0.0}
        lines.append((0, 0, {**note, "sequence": 99}))
    today = store.clock.date()
    return store.create(
        "sale.order",
        {"name": f"S{business.number('sale'):05}", "company_id": company, "partner_id": partner,
         "partner_shipping_id": partner, "currency_id": 1, "user_id": random.choice(SELLERS), "team_id": 1,
         "date_order": store.clock, "validity_date": today + timedelta(days=30),
         "commitment_date": None if random.random() < 0.4 else
         store.clock + timedelta(days=random.randrange(1, 9)),
         "client_order_ref": f"OC {random.randrange(1000, 99999)}" if random.random() < 0.5 else None,
         "order_line": lines},
    )  # fmt: skip


def _line(business: Business, code: str, random: Random) -> Row:
    product = business.product(code)
    modern = business.store.version >= 19
    price = round(product["list_price"] * random.uniform(0.8, 1.6), 2)
    values: dict[str, Any] = {
        "product_id": product["id"], "name": f"[{code}] {product['name']}", "price_unit": price,
        "product_uom_qty": float(random.choice((1, 1, 1, 2, 3, 10))), "discount": random.choice((0.0, 0.0, 0.0, 5.0)),
        "product_uom_id" if modern else "product_uom": product["uom_id"],
    }  # fmt: skip
    if "account" in business.store.schema.modules:
        values["tax_ids" if modern else "tax_id"] = [1]
    return values


def _without_note(business: Business, order: int, random: Random) -> Iterator[timedelta]:
    """Delete a line without value: neither the order nor anything else tells."""
    rows = business.store.rows("sale.order.line")
    notes = [n for n in business.store.children("sale.order.line", "order_id", order) if rows[n]["display_type"]]
    if notes:
        business.store.unlink("sale.order.line", notes)
        yield minutes(random, 5, 60)


def _deliver(business: Business, order: int, picking: int | None, random: Random) -> Iterator[timedelta]:
    store = business.store
    rows = store.rows("sale.order.line")
    lines = [n for n in store.children("sale.order.line", "order_id", order) if not rows[n]["display_type"]]
    goods = [n for n in lines if picking is not None and store.children("stock.move", "sale_line_id", n)]
    services = [number for number in lines if number not in goods]
    if random.random() < 0.3:
        half = services[0]
        store.write("sale.order.line", [half], {"qty_delivered": rows[half]["product_uom_qty"] / 2})
        yield minutes(random, 60, 900)
    if picking is not None:
        transfers.finish(business, picking)
        yield minutes(random, 5, 30)
    for number in services:
        if rows[number]["qty_delivered"] != rows[number]["product_uom_qty"]:
            store.write("sale.order.line", [number], {"qty_delivered": rows[number]["product_uom_qty"]})
    yield minutes(random, 20, 1500)


def _invoice(business: Business, order: int, random: Random) -> Iterator[timedelta]:
    store, fate = business.store, random.random()
    invoice = bill(business, "sale", order)
    yield minutes(random, 2, 180)
    if fate < 0.03:
        store.unlink("account.move", [invoice])
        yield minutes(random, 30, 300)
        invoice = bill(business, "sale", order)
        yield minutes(random, 2, 60)
    post(business, invoice)
    yield minutes(random, 600, 6000)
    if fate > 0.96:
        store.write("account.move", [invoice], {"state": "draft"})
        yield minutes(random, 5, 60)
        store.write("account.move", [invoice], {"state": "cancel"})
        return
    if fate > 0.92:
        refund = credit(business, invoice)
        yield minutes(random, 5, 60)
        post(business, refund)
        return
    total = store.rows("account.move")[invoice]["amount_total"]
    if fate < 0.25:
        pay(business, invoice, round(total / 2, 2))
        yield minutes(random, 1440, 7200)
    pay(business, invoice, total)


def minutes(random: Random, least: float, most: float) -> timedelta:
    return timedelta(minutes=random.uniform(least, most))
