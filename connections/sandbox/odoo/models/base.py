"""Companies, users, partners, products and the small lists other models point at."""

from __future__ import annotations

from typing import Any

from connections.sandbox.odoo.fields import (
    Field,
    Model,
    Row,
    boolean,
    char,
    choice,
    integer,
    many2many,
    many2one,
    number,
    one2many,
)

V17, V19 = (17,), (19,)
PRODUCT_TYPES_17 = "consu=Consumable|service=Service|product=Storable Product"
PRODUCT_TYPES_19 = "consu=Goods|service=Service|combo=Combo"


def partner_label(store: Any, row: Row) -> str:
    """Return "Company, Contact" for a contact, else the name."""
    parent = store.rows("res.partner").get(row.get("parent_id"))
    return f"{parent['name']}, {row['name']}" if parent else str(row["name"] or "")


def product_label(store: Any, row: Row) -> str:
    return f"[{row['default_code']}] {row['name']}" if row.get("default_code") else str(row["name"])


def _list(name: str, label: str, *fields: Field, **options: Any) -> Model:
    """Declare one of the small lists: a name and little else."""
    return Model(name=name, label=label, fields=(char("name", required=True), *fields), **options)


PARTNER = Model(
    name="res.partner",
    label="Contact",
    order="name, id desc",
    named=partner_label,
    fields=(
        char("name"),
        many2one("parent_id", "res.partner"),
        one2many("child_ids", "res.partner", "parent_id"),
        many2one("commercial_partner_id", "res.partner", readonly=True),
        char("vat"),
        char("ref"),
        many2many("category_id", "res.partner.category"),
        boolean("active", default=True),
        char("street"),
        char("zip"),
        char("city"),
        many2one("state_id", "res.country.state"),
        many2one("country_id", "res.country"),
        char("email"),
        char("phone"),
        char("mobile", versions=V17),
        boolean("is_company"),
        many2one("company_id", "res.company"),
        many2one("user_id", "res.users"),
        integer("color"),
        number("credit_limit", store=False, digits=None),
        Field(name="date", type="date", versions=V17),
        Field(name="comment", type="html"),
        Field(name="image_128", type="binary", store=False),
        integer("supplier_rank", module="account"),
        integer("customer_rank", module="account"),
        char("signup_token", group="system", versions=V17),
    ),
)

PRODUCT = Model(
    name="product.product",
    label="Product Variant",
    order="default_code, id",
    named=product_label,
    fields=(
        char("default_code"),
        boolean("active", default=True),
        many2one("product_tmpl_id", "product.template", required=True),
        char("barcode"),
        number("standard_price", store=False, versions=V17),
        number("standard_price", versions=V19),
        number("qty_available", store=False, readonly=True, module="stock"),
        char("name", required=True, store=False),
        choice("type", PRODUCT_TYPES_17, store=False, versions=V17),
        choice("type", PRODUCT_TYPES_19, store=False, versions=V19),
        boolean("is_storable", store=False, versions=V19, module="stock"),
        boolean("sale_ok", store=False, default=True),
        boolean("purchase_ok", store=False, default=True),
        many2one("categ_id", "product.category", store=False, required=True),
        number("list_price", store=False),
        many2one("uom_id", "uom.uom", store=False, required=True),
    ),
)

MODELS = (
    _list(
        "res.company", "Companies", many2one("currency_id", "res.currency", required=True), char("vat"),
        many2one("partner_id", "res.partner"), many2one("parent_id", "res.company"),
    ),
    _list(
        "res.users", "User", char("login", required=True), boolean("active", default=True),
        many2one("partner_id", "res.partner"), many2one("company_id", "res.company", required=True),
        many2many("company_ids", "res.company"), char("lang", store=False), char("tz", store=False), char("email"),
        boolean("share", readonly=True), order="name, login",
    ),
    PARTNER,
    PRODUCT,
    _list("product.template", "Product", boolean("active", default=True), char("default_code"), order="name"),
    _list("product.category", "Product Category", char("complete_name"), order="complete_name",
          named=lambda _store, row: row["complete_name"] or row["name"]),
    _list("res.partner.category", "Partner Tags"),
    _list("uom.uom", "Product Unit of Measure"),
    _list("res.currency", "Currency", char("symbol"), number("rounding"), integer("decimal_places", readonly=True)),
    _list("res.country", "Country", char("code"), order="name"),
    _list("res.country.state", "Country state", char("code"), many2one("country_id", "res.country"), order="code",
          named=lambda _store, row: f"{row['name']} (BR)"),
)  # fmt: skip
