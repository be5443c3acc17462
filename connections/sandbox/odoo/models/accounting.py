"""Invoices and their lines, with the lists they point at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connections.sandbox.odoo.fields import (
    Field,
    Model,
    Row,
    boolean,
    char,
    choice,
    day,
    integer,
    many2many,
    many2one,
    money,
    number,
    one2many,
)

if TYPE_CHECKING:
    from connections.sandbox.odoo.store import Store

V17, V19 = (17,), (19,)
GROUPS = ("account", "purchase", "sales")
STATES = "draft=Draft|posted=Posted|cancel=Cancelled"
MOVE_TYPES = (
    "entry=Journal Entry|out_invoice=Customer Invoice|out_refund=Customer Credit Note|in_invoice=Vendor Bill"
    "|in_refund=Vendor Credit Note|out_receipt=Sales Receipt|in_receipt=Purchase Receipt"
)
PAYMENT_STATES = (
    "not_paid=Not Paid|in_payment=In Payment|paid=Paid|partial=Partially Paid|reversed=Reversed{}"
    "|invoicing_legacy=Invoicing App Legacy"
)
LINE_TYPES = (
    "product=Product|cogs=Cost of Goods Sold|tax=Tax|discount=Discount|rounding=Rounding|payment_term=Payment Term"
    "|line_section=Section{}|line_note=Note|epd=Early Payment Discount"
)
NON_DEDUCTIBLE = (
    "|non_deductible_product_total=Non Deductible Products Total|non_deductible_product=Non Deductible Products"
    "|non_deductible_tax=Non Deductible Tax"
)
SHOWN = ("product", "line_section", "line_subsection", "line_note")


def is_shown(row: Row) -> bool:
    """Say whether a journal item is one of the lines a person sees on the invoice."""
    return row["display_type"] in SHOWN


def move_label(_store: Store, row: Row) -> str:
    if row["state"] != "draft":
        return str(row["name"])
    kinds = {"out_invoice": "Invoice", "out_refund": "Credit Note", "in_invoice": "Bill"}
    return f"Draft {kinds.get(row['move_type'], 'Entry')} (* {row['id']})"


def line_label(store: Store, row: Row) -> str:
    move = store.rows("account.move").get(row["move_id"])
    name = (move or {}).get("name") or ""
    return f"{name} {row['name']}" if row["name"] else str(name)


MOVE = Model(
    name="account.move",
    label="Journal Entry",
    order="date desc, name desc, invoice_date desc, id desc",
    module="account",
    groups=GROUPS,
    named=move_label,
    fields=(
        char("name"),
        char("ref"),
        day("date", required=True),
        choice("state", STATES, required=True, readonly=True, default="draft"),
        choice("move_type", MOVE_TYPES, required=True, readonly=True, default="entry"),
        many2one("journal_id", "account.journal", required=True),
        many2one("company_id", "res.company"),
        one2many("line_ids", "account.move.line", "move_id"),
        one2many("invoice_line_ids", "account.move.line", "move_id", keep=is_shown),
        day("invoice_date"),
        day("invoice_date_due"),
        many2one("partner_id", "res.partner"),
        many2one("commercial_partner_id", "res.partner", readonly=True),
        many2one("currency_id", "res.currency", required=True),
        money("amount_untaxed", readonly=True),
        money("amount_tax", readonly=True),
        money("amount_total", readonly=True),
        money("amount_residual", readonly=True),
        choice("payment_state", PAYMENT_STATES.format(""), readonly=True, versions=V17, default="not_paid"),
        choice(
            "payment_state", PAYMENT_STATES.format("|blocked=Blocked"), readonly=True, versions=V19, default="not_paid"
        ),
        many2one("reversed_entry_id", "account.move", readonly=True),
        char("invoice_origin", readonly=True),
        many2one("invoice_user_id", "res.users"),
        Field(name="narration", type="html"),
        many2one("l10n_latam_document_type_id", "l10n_latam.document.type", module="l10n_br"),
        char("l10n_latam_document_number", module="l10n_br", store=False,
             compute=lambda _store, row: (row["name"] or "").removeprefix("NFe ") or None),
    ),
)  # fmt: skip

LINE = Model(
    name="account.move.line",
    label="Journal Item",
    order="date desc, move_name desc, id",
    module="account",
    groups=GROUPS,
    named=line_label,
    fields=(
        many2one("move_id", "account.move", required=True, readonly=True, cascade=True),
        many2one("company_id", "res.company", readonly=True, related="move_id.company_id"),
        many2one("journal_id", "account.journal", readonly=True, related="move_id.journal_id"),
        char("move_name", readonly=True, related="move_id.name"),
        choice("parent_state", STATES, readonly=True, related="move_id.state"),
        day("date", readonly=True, related="move_id.date"),
        integer("sequence", default=100),
        many2one("account_id", "account.account"),
        char("name"),
        money("debit"),
        money("credit"),
        money("balance"),
        money("amount_currency"),
        many2one("currency_id", "res.currency", required=True, related="move_id.currency_id"),
        many2one("partner_id", "res.partner"),
        many2many("tax_ids", "account.tax"),
        money("amount_residual", readonly=True),
        boolean("reconciled", readonly=True),
        choice("display_type", LINE_TYPES.format(""), required=True, versions=V17, default="product"),
        choice(
            "display_type", LINE_TYPES.format("|line_subsection=Subsection") + NON_DEDUCTIBLE, required=True,
            versions=V19, default="product",
        ),
        many2one("product_id", "product.product"),
        many2one("product_uom_id", "uom.uom"),
        number("quantity", default=1.0),
        day("date_maturity"),
        number("price_unit"),
        money("price_subtotal", readonly=True),
        money("price_total", readonly=True),
        number("discount"),
        many2many("sale_line_ids", "sale.order.line", readonly=True, module="sale"),
        many2one("purchase_line_id", "purchase.order.line", module="purchase"),
    ),
)  # fmt: skip

MODELS = (
    MOVE,
    LINE,
    Model(name="account.journal", label="Journal", module="account", groups=GROUPS, order="sequence, type, code",
          fields=(char("name", required=True), char("code"), char("type"), integer("sequence"),
                  many2one("company_id", "res.company"))),
    Model(name="account.account", label="Account", module="account", groups=GROUPS, order="code",
          named=lambda store, row: f"{row['code']} {row['name']}" if store.version == 17 else row["name"],
          fields=(char("name", required=True), char("code"))),
    Model(name="account.tax", label="Tax", module="account", groups=GROUPS, order="sequence, id",
          fields=(char("name", required=True), number("amount", digits=None), integer("sequence"))),
    Model(name="l10n_latam.document.type", label="Latam Document Type", module="l10n_br", order="sequence, id",
          named=lambda _store, row: f"({row['code']}) {row['name']}",
          fields=(char("name", required=True), char("code"), integer("sequence"))),
)  # fmt: skip
