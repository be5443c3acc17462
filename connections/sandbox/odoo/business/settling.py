"""What Odoo works out again and stores: amounts, quantities and states. A value that stays leaves write_date alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.models.stock import bought_with
from connections.sandbox.odoo.store import Store

SIGNS = {"out_invoice": -1, "out_refund": 1, "in_invoice": 1, "in_refund": -1, "out_receipt": -1, "in_receipt": 1}
RATES = {1: 0.12, 2: 0.18}  # of the taxes by id


class Settling:
    """The settlers of one store. paid: per invoice, what payments have covered."""

    def __init__(self, store: Store) -> None:
        self.paid: dict[int, float] = defaultdict(float)
        self._billed: dict[tuple[str, int], set[int]] = defaultdict(set)
        store.settlers |= {
            "sale.order.line": self.sale_line,
            "sale.order": self.sale,
            "purchase.order.line": self.purchase_line,
            "purchase.order": self.purchase,
            "account.move.line": self.move_line,
            "account.move": self.move,
            "purchase.request.allocation": self.allocation,
            "purchase.request.line": settle_request_line,
            "stock.move": self.stock_move,
            "stock.picking": self.picking,
        }

    def sale_line(self, store: Store, line: Row) -> None:
        if line["id"] in store.rows("sale.order.line"):
            taxes = line["tax_id" if store.version == 17 else "tax_ids"]
            invoiced = self._invoiced(store, "sale", line["id"])
            ordered, open_quantity = line["product_uom_qty"], max(0.0, line["qty_delivered"] - invoiced)
            status = "no"
            if line["state"] == "sale" and not line["display_type"]:
                status = "to invoice" if open_quantity else "invoiced" if invoiced >= ordered > 0 else "no"
            store.settle(
                "sale.order.line", line,
                {**priced(line, ordered, taxes, line["discount"]), "qty_invoiced": invoiced,
                 "qty_to_invoice": open_quantity if line["state"] == "sale" else 0.0, "invoice_status": status},
            )  # fmt: skip
        store.unsettle("sale.order", line["order_id"])

    def sale(self, store: Store, order: Row) -> None:
        if order["id"] not in store.rows("sale.order"):
            return
        lines = [store.rows("sale.order.line")[n] for n in store.children("sale.order.line", "order_id", order["id"])]
        real = [line for line in lines if not line["display_type"]]
        status = "no"
        if order["state"] == "sale" and real:
            if any(line["invoice_status"] == "to invoice" for line in real):
                status = "to invoice"
            elif all(line["invoice_status"] == "invoiced" for line in real):
                status = "invoiced"
        values: Row = {**totals(lines), "invoice_status": status}
        if "sale_stock" in store.schema.modules:
            pickings = store.children("stock.picking", "sale_id", order["id"])
            values["delivery_status"] = progress(store.rows("stock.picking")[number] for number in pickings)
        store.settle("sale.order", order, values)

    def purchase_line(self, store: Store, line: Row) -> None:
        if line["id"] in store.rows("purchase.order.line"):
            taxes = line["taxes_id" if store.version == 17 else "tax_ids"]
            store.settle(
                "purchase.order.line", line,
                {**priced(line, line["product_qty"], taxes, 0.0),
                 "qty_invoiced": self._invoiced(store, "purchase", line["id"])},
            )  # fmt: skip
        store.unsettle("purchase.order", line["order_id"])

    def purchase(self, store: Store, order: Row) -> None:
        if order["id"] not in store.rows("purchase.order"):
            return
        numbers = store.children("purchase.order.line", "order_id", order["id"])
        lines = [store.rows("purchase.order.line")[number] for number in numbers]
        real = [line for line in lines if not line["display_type"]]
        status = "no"
        if order["state"] in ("purchase", "done") and real:
            if any(line["qty_received"] > line["qty_invoiced"] for line in real):
                status = "to invoice"
            elif all(line["qty_invoiced"] >= line["product_qty"] for line in real):
                status = "invoiced"
        values: Row = {**totals(lines), "invoice_status": status}
        if "purchase_stock" in store.schema.modules:
            pickings = store.rows("stock.picking")
            values["receipt_status"] = progress(pickings[n] for n in order["picking_ids"] if n in pickings)
        store.settle("purchase.order", order, values)
        for line in lines:
            self._requests(store, line["id"])

    def move_line(self, store: Store, line: Row) -> None:
        present = line["id"] in store.rows("account.move.line")
        if present and line["display_type"] == "product":
            amounts = priced(line, line["quantity"], line["tax_ids"], line["discount"])
            move = store.rows("account.move")[line["move_id"]]
            if move["move_type"] != "entry":
                amounts |= ledger(SIGNS[move["move_type"]] * amounts["price_subtotal"])
            store.settle("account.move.line", line, amounts)
        sold = [("sale", number) for number in line.get("sale_line_ids", ())]
        bought = [("purchase", line["purchase_line_id"])] if line.get("purchase_line_id") else []
        for kind, number in (*sold, *bought):
            (self._billed[kind, number].add if present else self._billed[kind, number].discard)(line["id"])
            store.unsettle(f"{kind}.order.line", number)
        store.unsettle("account.move", line["move_id"])

    def move(self, store: Store, move: Row) -> None:
        if move["id"] not in store.rows("account.move"):
            return
        numbers = store.children("account.move.line", "move_id", move["id"])
        lines = [store.rows("account.move.line")[number] for number in numbers]
        values: Row = totals(line for line in lines if line["display_type"] == "product")
        total, paid = values["amount_total"], self.paid[move["id"]]
        state = "not_paid"
        if move["payment_state"] == "reversed":
            paid, state = total, "reversed"
        elif move["state"] == "posted" and paid:
            state = "paid" if paid >= total else "partial"
        store.settle(
            "account.move", move, {**values, "amount_residual": round(total - paid, 2), "payment_state": state}
        )

    def allocation(self, store: Store, row: Row) -> None:
        store.unsettle("purchase.request.line", row["purchase_request_line_id"])

    def stock_move(self, store: Store, move: Row) -> None:
        """Carry what a done move brought or took into its order's line."""
        for kind, name in (("purchase", "qty_received"), ("sale", "qty_delivered")):
            link = f"{kind}_line_id"
            line = store.rows(f"{kind}.order.line").get(move.get(link) or 0)
            if line is not None:
                rows = store.rows("stock.move")
                moves = (rows[number] for number in store.children("stock.move", link, line["id"]))
                done = sum(row["quantity"] for row in moves if row["state"] == "done")
                if done or line[name]:
                    store.settle(f"{kind}.order.line", line, {name: done})

    def picking(self, store: Store, picking: Row) -> None:
        store.unsettle("sale.order", picking.get("sale_id"))
        if "purchase_stock" in store.schema.modules:
            store.unsettle("purchase.order", bought_with(store, picking))

    def _requests(self, store: Store, line_id: int) -> None:
        for number in store.children("purchase.request.allocation", "purchase_line_id", line_id):
            self.allocation(store, store.rows("purchase.request.allocation")[number])

    def _invoiced(self, store: Store, kind: str, number: int) -> float:
        """Return what the bills and invoices of an order line say, cancelled ones left out, refunds taken off."""
        lines, moves = store.rows("account.move.line"), store.rows("account.move")
        quantity = 0.0
        for line_id in self._billed[kind, number]:
            move = moves.get(lines[line_id]["move_id"])
            if move and move["state"] != "cancel":
                refund = move["move_type"].endswith("refund")
                quantity += -lines[line_id]["quantity"] if refund else lines[line_id]["quantity"]
        return quantity


def settle_request_line(store: Store, line: Row) -> None:
    """Work out a request line's quantities and the state of its orders from its allocations."""
    if line["id"] not in store.rows("purchase.request.line"):
        return
    numbers = store.children("purchase.request.allocation", "purchase_request_line_id", line["id"])
    allocations = [store.rows("purchase.request.allocation")[number] for number in numbers]
    order_lines, orders = store.rows("purchase.order.line"), store.rows("purchase.order")
    bought = dict.fromkeys(row["purchase_line_id"] for row in allocations if row["purchase_line_id"] in order_lines)
    states = {orders[order_lines[number]["order_id"]]["state"] for number in bought}
    ranked = ("purchase", "done", "to approve", "sent", "draft", "cancel")
    alive = [row for row in allocations if _state(store, row) != "cancel"]
    done = sum(row["allocated_product_qty"] for row in allocations)
    asked = sum(row["requested_product_uom_qty"] for row in alive)
    store.settle(
        "purchase.request.line", line,
        {"purchase_lines": tuple(bought), "purchase_state": next((state for state in ranked if state in states), None),
         "qty_done": done, "qty_in_progress": max(0.0, asked - done),
         "pending_qty_to_receive": line["product_qty"] - done},
    )  # fmt: skip


def _state(store: Store, allocation: Row) -> str | None:
    line = store.rows("purchase.order.line").get(allocation["purchase_line_id"])
    return store.rows("purchase.order")[line["order_id"]]["state"] if line else None


def priced(line: Row, quantity: float, taxes: Iterable[int], discount: float) -> Row:
    """Return a line's amounts."""
    if line["display_type"] not in (None, "product"):
        return {"price_subtotal": 0.0, "price_total": 0.0}
    subtotal = round(quantity * line["price_unit"] * (1 - discount / 100), 2)
    rate = sum(RATES.get(tax, 0.0) for tax in taxes)
    return {"price_subtotal": subtotal, "price_total": round(subtotal * (1 + rate), 2)}


def ledger(balance: float) -> Row:
    """Return a journal item's amounts."""
    balance = round(balance, 2)
    return {"debit": max(0.0, balance), "credit": max(0.0, -balance), "balance": balance, "amount_currency": balance}


def totals(lines: Iterable[Row]) -> Row:
    """Return a header's amounts."""
    found = list(lines)
    untaxed = round(sum(line["price_subtotal"] for line in found), 2)
    total = round(sum(line["price_total"] for line in found), 2)
    return {"amount_untaxed": untaxed, "amount_tax": round(total - untaxed, 2), "amount_total": total}


def progress(pickings: Iterable[Row]) -> str | None:
    """Return how far an order's pickings are: pending, partial or full; None without any."""
    states = [picking["state"] for picking in pickings if picking["state"] != "cancel"]
    if not states:
        return None
    done = states.count("done")
    return "full" if done == len(states) else "partial" if done else "pending"
