"""Invoices and vendor bills: drawn up from an order, posted, credited, paid."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from connections.sandbox.odoo.business.settling import SIGNS, ledger
from connections.sandbox.odoo.fields import Row

if TYPE_CHECKING:
    from connections.sandbox.odoo.business import Business

RECEIVABLE, REVENUE, TAXES, PAYABLE, COSTS = range(1, 6)  # accounts by id


def bill(business: Business, kind: str, order_id: int) -> int:
    """Draw up the draft invoice (sale) or bill (purchase) of an order's open quantities and return its id."""
    store = business.store
    order = store.rows(f"{kind}.order")[order_id]
    lines = [store.rows(f"{kind}.order.line")[n] for n in store.children(f"{kind}.order.line", "order_id", order_id)]
    done = "qty_delivered" if kind == "sale" else "qty_received"
    wanted = [line for line in lines if not line["display_type"] and line[done] > line["qty_invoiced"]]
    values = _header(business, "out_invoice" if kind == "sale" else "in_invoice", order)
    values |= {"invoice_origin": order["name"], "invoice_user_id": order["user_id"]}
    items = [_item(business, kind, line, line[done] - line["qty_invoiced"]) for line in wanted]
    return store.create("account.move", {**values, "invoice_line_ids": [(0, 0, item) for item in items]})


def credit(business: Business, invoice_id: int) -> int:
    """Draw up the draft credit note of a whole invoice and return its id."""
    store = business.store
    invoice = store.rows("account.move")[invoice_id]
    values = _header(business, "out_refund", invoice)
    values |= {"ref": f"Estorno de: {invoice['name']}", "reversed_entry_id": invoice_id}
    copied = ("product_id", "name", "quantity", "price_unit", "discount", "account_id", "product_uom_id", "tax_ids")
    sources = [store.rows("account.move.line")[n] for n in store.children("account.move.line", "move_id", invoice_id)]
    items = [{name: row[name] for name in copied} for row in sources if row["display_type"] == "product"]
    return store.create("account.move", {**values, "invoice_line_ids": [(0, 0, item) for item in items]})


def post(business: Business, move_id: int) -> None:
    """Post a draft: it gets its number, dates, and the items for tax and what is owed."""
    store = business.store
    move = store.rows("account.move")[move_id]
    today = store.clock.date()
    customer = move["move_type"].startswith("out_")
    values: Row = {"state": "posted", "date": today, "invoice_date": today, "invoice_date_due": today + timedelta(30)}
    number = business.number(f"{'nfe' if customer else 'bill'}/{move['company_id']}")
    values["name"] = f"NFe {number:08}" if customer else f"BILL/{today:%Y/%m}/{number:04}"
    store.write("account.move", [move_id], values)
    sign = SIGNS[move["move_type"]]
    shared = {"move_id": move_id, "partner_id": move["commercial_partner_id"], "quantity": 0.0}
    if move["amount_tax"]:
        tax = {"display_type": "tax", "name": "ICMS", "account_id": TAXES}
        store.create("account.move.line", {**shared, **tax, **ledger(sign * move["amount_tax"])})
    owed = {"display_type": "payment_term", "account_id": RECEIVABLE if customer else PAYABLE,
            "date_maturity": values["invoice_date_due"], "amount_residual": -sign * move["amount_total"]}  # fmt: skip
    store.create("account.move.line", {**shared, **owed, **ledger(-sign * move["amount_total"])})
    if move["reversed_entry_id"]:
        store.write("account.move", [move["reversed_entry_id"]], {"payment_state": "reversed"})


def pay(business: Business, move_id: int, amount: float) -> None:
    """Register a payment: the invoice changes, and its item for what is owed; on 19 all of its items."""
    store = business.store
    move = store.rows("account.move")[move_id]
    paid = business.settling.paid
    paid[move_id] = min(move["amount_total"], paid[move_id] + amount)
    store.write("account.move", [move_id], {})
    items = store.children("account.move.line", "move_id", move_id)
    rows = store.rows("account.move.line")
    owed = [number for number in items if rows[number]["display_type"] == "payment_term"]
    store.write("account.move.line", items if store.version == 19 else owed, {})
    for number in owed:
        sign = 1 if rows[number]["balance"] > 0 else -1
        store.write(
            "account.move.line", [number],
            {"amount_residual": sign * move["amount_residual"], "reconciled": not move["amount_residual"]},
        )  # fmt: skip


def _header(business: Business, move_type: str, source: Row) -> Row:
    store = business.store
    partner = store.rows("res.partner")[source["partner_id"]]
    values = {
        "name": "/" if store.version == 17 else None, "move_type": move_type, "date": store.clock.date(),
        "journal_id": 1 if move_type.startswith("out_") else 2, "company_id": source["company_id"], "currency_id": 1,
        "partner_id": partner["id"], "commercial_partner_id": partner["commercial_partner_id"] or partner["id"],
    }  # fmt: skip
    if "l10n_br" in store.schema.modules and move_type.startswith("out_"):
        values["l10n_latam_document_type_id"] = 1
    return values


def _item(business: Business, kind: str, line: Row, quantity: float) -> Row:
    modern = business.store.version >= 19
    sold = kind == "sale"
    unit = line["product_uom_id" if modern else "product_uom"]
    taxes = line["tax_ids" if modern else "tax_id" if sold else "taxes_id"]
    linked = {"sale_line_ids": [line["id"]]} if sold else {"purchase_line_id": line["id"]}
    return {
        "product_id": line["product_id"], "name": line["name"], "quantity": quantity, "product_uom_id": unit,
        "price_unit": line["price_unit"], "discount": line.get("discount", 0.0), "tax_ids": list(taxes),
        "account_id": REVENUE if sold else COSTS, **linked,
    }  # fmt: skip
