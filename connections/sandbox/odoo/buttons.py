"""What people press in Odoo, as a client may call it: confirm, approve, post, cancel; and what may not be deleted."""

from __future__ import annotations

from typing import Any

from connections.sandbox.odoo.business import invoices, purchasing
from connections.sandbox.odoo.environment import Environment
from connections.sandbox.odoo.failures import missing_record, user_error
from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.methods import remote

WIZARD = "purchase.request.line.make.purchase.order"
REQUEST_STATES = {"button_draft": "draft", "button_to_approve": "to_approve", "button_approved": "approved",
                  "button_rejected": "rejected", "button_done": "done"}  # fmt: skip
UNDELETABLE = {  # model -> (states, why)
    "account.move": (("posted",), "You can't delete a posted journal item. Reset the journal entry to draft first."),
    "purchase.order": (("draft", "sent", "to approve", "purchase", "done"),
                       "In order to delete a purchase order, you must cancel it first."),
    "sale.order": (("sale",),
                   "You can not delete a sent quotation or a confirmed sales order. You must first cancel it."),
}  # fmt: skip


@remote(bound=True)
def unlink(environment: Environment, model: str, ids: list[int]) -> bool:
    rows = environment.store.rows(model)
    states, why = UNDELETABLE.get(model, ((), ""))
    for number in ids:
        if number not in rows:
            raise missing_record(model, number, environment.user.uid)
        if states and rows[number]["state"] in states:
            raise user_error(why)
    environment.store.unlink(model, ids)
    return True


@remote(bound=True, models=("sale.order",))
def action_confirm(environment: Environment, model: str, ids: list[int]) -> bool:
    store = environment.store
    store.write(model, ids, {"state": "sale", "date_order": store.clock})
    return True


@remote(bound=True, models=("sale.order",))
def action_cancel(environment: Environment, model: str, ids: list[int]) -> bool:
    environment.store.write(model, ids, {"state": "cancel"})
    return True


@remote(bound=True, models=("account.move",))
def action_post(environment: Environment, model: str, ids: list[int]) -> bool:
    for number in ids:
        invoices.post(environment.business, number)
    return False


@remote(bound=True, models=("purchase.order",))
def button_confirm(environment: Environment, model: str, ids: list[int]) -> bool:
    for number in ids:
        purchasing.confirm_order(environment.business, number)
    return True


@remote(bound=True, models=("purchase.order", "account.move"))
def button_cancel(environment: Environment, model: str, ids: list[int]) -> None:
    for number in ids:
        if model == "purchase.order":
            purchasing.cancel_order(environment.store, number)
        else:
            environment.store.write(model, [number], {"state": "cancel"})


@remote(bound=True, models=("purchase.request", "account.move"))
def button_draft(environment: Environment, model: str, ids: list[int]) -> bool | None:
    environment.store.write(model, ids, {"state": "draft"})
    return True if model == "purchase.request" else None


@remote(bound=True, models=("purchase.request",))
def button_to_approve(environment: Environment, model: str, ids: list[int]) -> bool:
    environment.store.write(model, ids, {"state": "to_approve"})
    return True


@remote(bound=True, models=("purchase.request",))
def button_approved(environment: Environment, model: str, ids: list[int]) -> bool:
    environment.store.write(model, ids, {"state": "approved"})
    return True


@remote(bound=True, models=("purchase.request",))
def button_rejected(environment: Environment, model: str, ids: list[int]) -> bool:
    environment.store.write(model, ids, {"state": "rejected"})
    return True


@remote(bound=True, models=(WIZARD,))
def make_purchase_order(environment: Environment, model: str, ids: list[int]) -> Row:
    """Make the order for the request whose lines the context names."""
    store, business = environment.store, environment.business
    line = store.rows("purchase.request.line")[environment.context["active_ids"][0]]
    supplier: Any = store.rows(model)[ids[0]]["supplier_id"]
    order = purchasing.order_requested(store, business.number("purchase"), line["request_id"], supplier)
    return {
        "domain": [["id", "in", [order]]], "name": "RFQ", "view_mode": "tree,form", "res_model": "purchase.order",
        "view_id": False, "context": False, "type": "ir.actions.act_window",
    }  # fmt: skip
