"""What moves write_date in the sandbox Odoo and what does not, what becomes visible late, and how its business goes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connections.sandbox.odoo import Odoo
from connections.sandbox.odoo.business.invoices import bill, pay
from connections.sandbox.server import Sandbox
from tests.connectors.odoo.calls import Clock, call, json2

DOCUMENTS = ("sale.order", "sale.order.line", "account.move", "account.move.line", "purchase.order", "stock.picking",
             "purchase.request", "purchase.request.line", "purchase.request.allocation", "res.partner")  # fmt: skip


@pytest.fixture(scope="module", params=(17, 19))
def odoo(request: pytest.FixtureRequest) -> Odoo:
    """A server whose business has been going, on a clock that stands still."""
    return Odoo(version=request.param, speed=20, clock=Clock(), opened=Clock().now - timedelta(hours=12))


def touched(odoo: Odoo, change: Any) -> set[str]:
    """Return the models of which a row has another write_date after change()."""
    before = {(model, n): row["write_date"] for model in DOCUMENTS for n, row in odoo.rows(model).items()}
    odoo.pass_time(timedelta(milliseconds=1))
    change()
    after = {(model, n): row["write_date"] for model in DOCUMENTS for n, row in odoo.rows(model).items()}
    return {key[0] for key in after if after[key] != before.get(key)}


def first(odoo: Odoo, model: str, **wanted: Any) -> dict[str, Any]:
    return next(
        row
        for row in odoo.rows(model).values()
        if all(row[name] in value if isinstance(value, tuple) else row[name] == value for name, value in wanted.items())
    )


def test_a_line_that_leaves_the_totals_alone_leaves_the_order_alone(odoo: Odoo) -> None:
    line = first(odoo, "sale.order.line", display_type=None, state="sale")
    assert touched(odoo, lambda: odoo.write("sale.order.line", line["id"], {"name": "Outro texto"})) == {
        "sale.order.line"
    }
    assert touched(odoo, lambda: odoo.write("sale.order.line", line["id"], {"price_unit": 1234.5})) == {
        "sale.order.line", "sale.order",
    }  # fmt: skip


def test_a_line_without_value_is_deleted_without_a_trace(odoo: Odoo) -> None:
    order = first(odoo, "sale.order", state="sale")
    note = odoo.create("sale.order.line", {"order_id": order["id"], "display_type": "line_note", "name": "Aviso"})
    assert touched(odoo, lambda: odoo.unlink("sale.order.line", note)) == set()


def test_writing_the_same_value_and_archiving_move_write_date(odoo: Odoo) -> None:
    partner = first(odoo, "res.partner", active=True, is_company=True)
    assert touched(odoo, lambda: odoo.write("res.partner", partner["id"], {"name": partner["name"]})) == {"res.partner"}
    assert touched(odoo, lambda: odoo.write("res.partner", partner["id"], {"active": False})) == {"res.partner"}
    odoo.write("res.partner", partner["id"], {"active": True})


def test_a_renamed_partner_changes_labels_and_not_write_dates(odoo: Odoo) -> None:
    invoice = first(odoo, "account.move", move_type="out_invoice", state="posted")
    rename = {"name": "Nome Novo Ltda"}
    assert touched(odoo, lambda: odoo.write("res.partner", invoice["partner_id"], rename)) == {"res.partner"}
    with Sandbox(odoo) as sandbox:
        read = call(sandbox, "account.move", "read", [invoice["id"]], ["partner_id"])
    assert read[0]["partner_id"] == [invoice["partner_id"], "Nome Novo Ltda"]


def test_a_payment_moves_the_invoice_and_not_the_order(odoo: Odoo) -> None:
    invoice = first(odoo, "account.move", move_type="out_invoice", payment_state="not_paid", state="posted")
    items = [row["id"] for row in odoo.rows("account.move.line").values() if row["move_id"] == invoice["id"]]

    def register() -> None:
        odoo.advance()
        pay(odoo.business, invoice["id"], invoice["amount_total"])

    assert touched(odoo, register) == {"account.move", "account.move.line"}
    after = odoo.rows("account.move")[invoice["id"]]
    assert (after["payment_state"], after["amount_residual"]) == ("paid", 0.0)
    moved = [n for n in items if odoo.rows("account.move.line")[n]["write_date"] == after["write_date"]]
    assert len(moved) == (1 if odoo.version == 17 else len(items))


def test_an_allocations_state_follows_its_order_without_a_new_write_date(odoo: Odoo) -> None:
    with Sandbox(odoo) as sandbox:
        lines = odoo.rows("purchase.order.line")
        orders = odoo.rows("purchase.order")
        allocation = next(
            row
            for row in odoo.rows("purchase.request.allocation").values()
            if row["purchase_line_id"] and orders[lines[row["purchase_line_id"]]["order_id"]]["state"] != "cancel"
        )
        order = lines[allocation["purchase_line_id"]]["order_id"]
        moved = touched(odoo, lambda: call(sandbox, "purchase.order", "button_cancel", [order]))
        read = call(sandbox, "purchase.request.allocation", "read", [allocation["id"]], ["purchase_state"])
        assert read == [{"id": allocation["id"], "purchase_state": "cancel"}]
        assert {"purchase.order", "purchase.request.line"} <= moved
        assert "purchase.request.allocation" not in moved
        call(sandbox, "purchase.order", "unlink", [order])
        assert call(sandbox, "purchase.request.allocation", "read", [allocation["id"]], ["purchase_state"]) == []


def test_a_partial_receipt_leaves_a_backorder_and_splits_the_allocation(odoo: Odoo) -> None:
    rest = first(odoo, "purchase.request.allocation", purchase_line_id=None)
    move = odoo.rows("stock.move")[rest["stock_move_id"]]
    backorder = odoo.rows("stock.picking")[move["picking_id"]]
    done = odoo.rows("stock.picking")[backorder["backorder_id"]]
    assert done["state"] == "done"
    received = [row for row in odoo.rows("stock.move").values() if row["picking_id"] == done["id"]]
    assert all(row["product_uom_qty"] == row["quantity"] for row in received)


def test_a_draft_has_no_number_and_each_version_says_so_in_its_way(odoo: Odoo) -> None:
    order = first(odoo, "sale.order", invoice_status="to invoice")
    odoo.advance()
    draft = bill(odoo.business, "sale", order["id"])
    with Sandbox(odoo) as sandbox:
        read = call(sandbox, "account.move", "read", [draft], ["name", "invoice_date", "amount_total"])[0]
        assert (read["name"], read["invoice_date"]) == ("/" if odoo.version == 17 else False, False)
        assert read["amount_total"] > 0
        call(sandbox, "account.move", "action_post", [draft])
        assert call(sandbox, "account.move", "read", [draft], ["name"])[0]["name"].startswith("NFe 000")
        assert call(sandbox, "account.move", "unlink", [draft]) == "odoo.exceptions.UserError"


def test_a_long_transaction_becomes_visible_after_its_write_date(odoo: Odoo) -> None:
    partner = first(odoo, "res.partner", active=True)["id"]
    long = odoo.begin()
    long.write("res.partner", [partner], {"city": "Lages"})
    odoo.pass_time(timedelta(seconds=20))
    odoo.create("res.partner", {"name": "Entre as duas"})
    between = max(row["write_date"] for row in odoo.rows("res.partner").values())
    assert odoo.rows("res.partner")[partner]["city"] != "Lages"
    long.commit()
    row = odoo.rows("res.partner")[partner]
    assert row["city"] == "Lages"
    assert row["write_date"] < between


def test_a_transaction_that_meets_a_newer_change_is_begun_anew(odoo: Odoo) -> None:
    partner = first(odoo, "res.partner", active=True)["id"]
    long = odoo.begin()
    long.write("res.partner", [partner], {"city": "Lages"})
    odoo.pass_time(timedelta(seconds=5))
    odoo.write("res.partner", partner, {"city": "Palhoça"})
    newer = odoo.rows("res.partner")[partner]["write_date"]
    odoo.pass_time(timedelta(seconds=5))
    long.commit()
    row = odoo.rows("res.partner")[partner]
    assert row["city"] == "Lages"
    assert row["write_date"] > newer


def test_the_business_goes_on_and_some_of_it_is_seen_late() -> None:
    odoo = Odoo(speed=60, clock=Clock(), opened=Clock().now - timedelta(hours=4))
    seen = {model: odoo.rows(model) for model in DOCUMENTS}
    events: Counter[str] = Counter()
    late = 0
    for _step in range(30):
        before = odoo.now
        odoo.pass_time(timedelta(minutes=1))
        for model in DOCUMENTS:
            rows = odoo.rows(model)
            events[f"{model} new"] += len(rows.keys() - seen[model].keys())
            events[f"{model} gone"] += len(seen[model].keys() - rows.keys())
            changed = [n for n, row in rows.items() if n in seen[model] and row != seen[model][n]]
            events[f"{model} changed"] += len(changed)
            late += sum(
                row["write_date"] < before - timedelta(seconds=1)
                for n, row in rows.items()
                if row["write_date"] != seen[model].get(n, {}).get("write_date")
            )
            seen[model] = rows
    for model in DOCUMENTS:
        assert events[f"{model} new"], model
        assert events[f"{model} changed"], model
    assert any(count for name, count in events.items() if name.endswith(" gone"))
    assert late


def test_a_restarted_sandbox_goes_on_where_it_was() -> None:
    soon_after_its_books_began = datetime(2026, 10, 8, 6, tzinfo=UTC)
    clock, later = Clock(soon_after_its_books_began), Clock()
    going = Odoo(version=19, clock=clock)
    going.advance()
    clock.now += timedelta(hours=6)
    later.now = clock.now
    restarted = Odoo(version=19, clock=later)
    for model in DOCUMENTS:
        assert going.rows(model) == restarted.rows(model)
    assert going.business.broken_off == 0


@pytest.mark.parametrize("module", ["purchase_request", "stock", "purchase", "sale", "account", "l10n_br",
                                    "purchase_requisition", "purchase_stock", "sale_stock"])  # fmt: skip
def test_a_module_that_is_not_installed_leaves_a_server_that_works(module: str) -> None:
    odoo = Odoo(version=19, speed=100, clock=Clock(), lacking={module}, opened=Clock().now - timedelta(hours=2))
    odoo.advance()
    assert odoo.business.broken_off == 0
    with Sandbox(odoo) as sandbox:
        for model in odoo.store.schema.models:
            status, rows = json2(sandbox, model, "search_read", domain=[], limit=3)
            assert status == 200, (model, rows)
        if module == "purchase_request":
            assert json2(sandbox, "purchase.request", "search_count", domain=[])[0] == 404
            assert call(sandbox, "purchase.request", "search_count", []) == "odoo.exceptions.UserError"
        if module == "sale_stock":
            fields = json2(sandbox, "sale.order", "fields_get", allfields=["delivery_status", "state"])[1]
            assert list(fields) == ["state"]
