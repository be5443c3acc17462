"""What a freight company's database holds before its first order: companies, users, partners, products, places."""

from __future__ import annotations

from random import Random
from typing import Any

from connections.sandbox import people
from connections.sandbox.odoo.access import users
from connections.sandbox.odoo.store import Store

CUSTOMERS, SUPPLIERS = 40, 12
SELLERS, BUYER = (5, 6), 7
FREIGHT = ("FRT-LOT", "FRT-FRA", "COL-URB", "ARM-DIA")
GOODS = ("PAL-PBR", "LAC-SEG")
LOGO = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
STATES = (
    ("PR", "Paraná", "Curitiba"), ("SC", "Santa Catarina", "Joinville"), ("RS", "Rio Grande do Sul", "Caxias do Sul"),
    ("SP", "São Paulo", "Guarulhos"), ("MG", "Minas Gerais", "Uberlândia"), ("GO", "Goiás", "Anápolis"),
    ("BA", "Bahia", "Feira de Santana"), ("PE", "Pernambuco", "Jaboatão dos Guararapes"),
)  # fmt: skip
TRADES = (
    "Alimentos", "Cerâmica", "Distribuidora", "Frigorífico", "Indústria de Papel", "Metalúrgica", "Moinho", "Móveis",
    "Química", "Têxtil",
)  # fmt: skip
SUPPLIES = ("Auto Peças", "Bateria Forte", "Diesel", "Lubrificantes", "Pneus", "Retífica")
PRODUCTS = (  # code, name, type, sold, bought, price, cost, unit
    ("FRT-LOT", "Frete carga lotação", "service", True, False, 4800.0, 0.0, 1),
    ("FRT-FRA", "Frete carga fracionada", "service", True, False, 380.0, 0.0, 1),
    ("COL-URB", "Coleta urbana", "service", True, False, 150.0, 0.0, 1),
    ("ARM-DIA", "Armazenagem (dia)", "service", True, False, 95.0, 0.0, 2),
    ("PAL-PBR", "Pallet PBR 1,00 x 1,20 m", "product", True, True, 58.0, 39.9, 1),
    ("LAC-SEG", "Lacre de segurança", "product", True, True, 2.5, 1.15, 1),
    ("PNE-295", "Pneu 295/80 R22.5", "product", False, True, 0.0, 2140.0, 1),
    ("DIE-S10", "Óleo diesel S10", "product", False, True, 0.0, 5.979, 3),
    ("LUB-15W", "Óleo lubrificante 15W40", "product", False, True, 0.0, 27.4, 3),
    ("FIL-AR1", "Filtro de ar", "product", False, True, 0.0, 189.9, 1),
    ("PAS-FRE", "Jogo de pastilhas de freio", "product", False, True, 0.0, 412.35, 1),
    ("BAT-150", "Bateria 150 Ah", "product", False, True, 0.0, 989.0, 1),
    ("ARL-032", "ARLA 32 (balde 20 l)", "product", False, True, 0.0, 71.8, 1),
    ("LON-CAM", "Lona para carreta", "product", False, True, 0.0, 1530.0, 1),
)


def populate(store: Store, seed: int) -> None:
    """Fill the lists and the master data; their ids are the same for every seed."""
    _lists(store)
    _accounting(store)
    _companies_and_users(store)
    _warehouses(store)
    random = Random(f"{seed}/partners")  # noqa: S311 - sample data, no secret
    for number in range(CUSTOMERS):
        customer = create_partner(store, random, TRADES, customer=True)
        if number % 4 == 0:
            _contact(store, random, customer)
    for _number in range(SUPPLIERS):
        create_partner(store, random, SUPPLIES, customer=False)
    _products(store)


def create_partner(store: Store, random: Random, trades: tuple[str, ...], *, customer: bool) -> int:
    """Add an invented company as customer or supplier and return its id."""
    state = random.randrange(len(STATES))
    name = f"{random.choice(trades)} {random.choice(people.LAST_NAMES)} {random.choice(('Ltda', 'S.A.', 'ME'))}"
    values = {
        "name": name, "vat": people.cnpj(random), "is_company": True, "city": STATES[state][2], "state_id": state + 1,
        "country_id": 1, "phone": f"+55 {random.randrange(41, 99)} 3{random.randrange(10**6, 10**7)}",
        "zip": f"{random.randrange(10**7, 10**8)}",
        "email": f"contato{random.randrange(10**4, 10**5)}@example.com" if random.random() < 0.8 else None,
    }  # fmt: skip
    if "account" in store.schema.modules:
        values["customer_rank" if customer else "supplier_rank"] = 1
    partner = store.create("res.partner", values)
    store.write("res.partner", [partner], {"commercial_partner_id": partner})
    return partner


def _contact(store: Store, random: Random, parent: int) -> None:
    store.create(
        "res.partner",
        {"name": f"{random.choice(people.FIRST_NAMES)} {random.choice(people.LAST_NAMES)}", "parent_id": parent,
         "commercial_partner_id": parent},
    )  # fmt: skip


def _fill(store: Store, model: str, *rows: dict[str, Any]) -> None:
    if store.has(model):
        for row in rows:
            store.create(model, row)


def _lists(store: Store) -> None:
    _fill(store, "res.currency", {"name": "BRL", "symbol": "R$", "rounding": 0.01, "decimal_places": 2})
    _fill(store, "res.country", {"name": "Brazil", "code": "BR"})
    _fill(store, "res.country.state", *({"name": name, "code": code, "country_id": 1} for code, name, _city in STATES))
    _fill(store, "uom.uom", {"name": "Units"}, {"name": "Days"}, {"name": "L"})
    _fill(store, "res.partner.category", {"name": "Contrato anual"})
    _fill(
        store, "product.category", {"name": "All", "complete_name": "All"},
        {"name": "Serviços de transporte", "complete_name": "All / Serviços de transporte"},
        {"name": "Frota", "complete_name": "All / Frota"},
    )  # fmt: skip
    _fill(store, "crm.team", {"name": "Vendas"})


def _accounting(store: Store) -> None:
    _fill(
        store, "account.journal", {"name": "Faturas de clientes", "code": "NFE", "type": "sale"},
        {"name": "Contas a pagar", "code": "BILL", "type": "purchase"},
    )  # fmt: skip
    _fill(
        store, "account.account", {"code": "1.1.2.01", "name": "Clientes"},
        {"code": "3.1.1.01", "name": "Receita de fretes"},
        {"code": "2.1.3.01", "name": "ICMS a recolher"}, {"code": "2.1.1.01", "name": "Fornecedores"},
        {"code": "4.1.1.01", "name": "Custos da frota"},
    )  # fmt: skip
    _fill(store, "account.tax", {"name": "ICMS 12%", "amount": 12.0}, {"name": "ICMS compra 18%", "amount": 18.0})
    _fill(
        store, "l10n_latam.document.type", {"code": "55", "name": "Electronic Invoice (NF-e)"},
        {"code": "57", "name": "Electronic Transport Document (CT-e)"},
    )  # fmt: skip


def _companies_and_users(store: Store) -> None:
    for name in ("Rota Sul Transportes Ltda", "Rota Sul Logística Ltda"):
        partner = store.create("res.partner", {"name": name, "is_company": True, "country_id": 1, "image_128": LOGO})
        store.write("res.partner", [partner], {"commercial_partner_id": partner})
        store.create("res.company", {"name": name, "currency_id": 1, "partner_id": partner})
    able = {user.uid: user for user in users()}
    names = {1: "OdooBot", 3: "Public user", 4: "Portal", 5: "Marcos Teixeira", 6: "Sônia Ribeiro", 7: "Caio Barbosa"}
    for uid in range(1, max(able) + 1):
        user = able.get(uid)
        name = user.name if user else names[uid]
        partner = store.create("res.partner", {"name": name, "company_id": 1, "active": uid not in (1, 3, 4)})
        store.write("res.partner", [partner], {"commercial_partner_id": partner})
        companies = user.companies if user else (1, 2)
        store.create(
            "res.users",
            {"name": name, "login": user.login if user else name.split()[0].lower(), "partner_id": partner,
             "company_id": companies[0], "company_ids": companies, "active": uid not in (1, 3, 4), "lang": "en_US",
             "tz": "America/Sao_Paulo"},
        )  # fmt: skip


def _warehouses(store: Store) -> None:
    _fill(
        store, "stock.location", {"name": "Vendors", "complete_name": "Partners/Vendors", "usage": "supplier"},
        {"name": "Customers", "complete_name": "Partners/Customers", "usage": "customer"},
        {"name": "Stock", "complete_name": "CWB/Stock", "usage": "internal", "company_id": 1},
        {"name": "Stock", "complete_name": "REC/Stock", "usage": "internal", "company_id": 2},
    )  # fmt: skip
    for company, code, name in ((1, "CWB", "Curitiba"), (2, "REC", "Recife")):
        _fill(store, "stock.warehouse", {"name": name, "code": code, "company_id": company})
        for kind, label in (("incoming", "Receipts"), ("outgoing", "Delivery Orders")):
            _fill(
                store, "stock.picking.type",
                {"name": label, "code": kind, "warehouse_id": company, "company_id": company},
            )  # fmt: skip


def _products(store: Store) -> None:
    stocked = "product" if store.version == 17 else "consu"
    for code, name, kind, sold, bought, price, cost, unit in PRODUCTS:
        template = store.create("product.template", {"name": name, "default_code": code})
        values = {
            "name": name, "default_code": code, "product_tmpl_id": template, "sale_ok": sold, "purchase_ok": bought,
            "type": stocked if kind == "product" else kind, "list_price": price, "standard_price": cost,
            "uom_id": unit, "categ_id": 2 if kind == "service" else 3,
        }  # fmt: skip
        if store.version == 19 and "stock" in store.schema.modules:
            values["is_storable"] = kind == "product"
        store.create("product.product", values)
