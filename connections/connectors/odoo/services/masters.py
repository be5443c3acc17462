"""Parceiros and Produtos: what the documents of the other services point to. Off unless somebody wants them."""

from __future__ import annotations

from connections.connectors.odoo.services.declare import (
    ID,
    ODOO_WRITE_DATE,
    WRITTEN,
    Mapped,
    Service,
    Source,
    fields,
    flag,
    moment,
    parent_table,
    person,
    quantity,
    text,
    whole,
)
from connections.sdk.text import gettext_noop as _

PARTNER: Mapped = {
    ID: "id",
    person("nome"): "name",
    person("nome_completo"): "display_name",
    person("cpf_cnpj"): "vat",
    person("email"): "email",
    person("telefone"): "phone",
    text("cidade"): "city",
    text("estado"): "state_id",
    text("pais"): "country_id",
    whole("matriz_id"): "parent_id",
    flag("pessoa_juridica"): "is_company",
    flag("ativo"): "active",
    whole("grau_cliente"): "customer_rank",
    whole("grau_fornecedor"): "supplier_rank",
    whole("empresa_id"): "company_id",
    moment("criado_em"): "create_date",
    ODOO_WRITE_DATE: WRITTEN,
}
PRODUCT: Mapped = {
    ID: "id",
    text("codigo"): "default_code",
    text("codigo_barras"): "barcode",
    text("nome"): "name",
    text("tipo"): "type",
    whole("categoria_id"): "categ_id",
    text("categoria_nome"): "categ_id",
    text("unidade"): "uom_id",
    quantity("preco_venda"): "list_price",
    quantity("custo"): "standard_price",
    whole("modelo_id"): "product_tmpl_id",
    flag("ativo"): "active",
    whole("empresa_id"): "company_id",
    moment("criado_em"): "create_date",
    ODOO_WRITE_DATE: WRITTEN,
}

PARCEIROS = Service(
    "parceiros", _("Partners"), 90, parent_table("parceiro", PARTNER), default_enabled=False, from_start=True,
    sources=(Source("res.partner", "base", fields(PARTNER), shared=True),),
)  # fmt: skip
PRODUTOS = Service(
    "produtos", _("Products"), 90, parent_table("produto", PRODUCT), default_enabled=False, from_start=True,
    # Most of a product's fields belong to its template, whose change does not always move the product's own date.
    sources=(Source("product.product", "product", fields(PRODUCT), moved_by=("product_tmpl_id",), shared=True),),
)  # fmt: skip
