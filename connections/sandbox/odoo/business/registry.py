"""What happens to partners and products themselves: new ones, renamed, moved, archived, repriced."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from connections.sandbox import people
from connections.sandbox.odoo.business.sales import minutes
from connections.sandbox.odoo.business.setup import STATES, SUPPLIES, TRADES, create_partner
from connections.sandbox.odoo.fields import Row

if TYPE_CHECKING:
    from connections.sandbox.odoo.business import Business


def newcomer(business: Business, random: Random) -> Iterator[timedelta]:
    """A new customer or supplier, who changes something later, and may end up archived or deleted."""
    store = business.store
    is_customer = random.random() < 0.7
    partner = create_partner(store, random, TRADES if is_customer else SUPPLIES, customer=is_customer)
    yield minutes(random, 60, 3000)
    fate = random.random()
    if fate < 0.1:
        store.unlink("res.partner", [partner])  # entered twice by mistake
        return
    (business.customers if is_customer else business.suppliers).append(partner)
    yield minutes(random, 1000, 20_000)
    if fate < 0.3:
        (business.customers if is_customer else business.suppliers).remove(partner)
        store.write("res.partner", [partner], {"active": False})


def change_of_name(business: Business, random: Random) -> Iterator[timedelta]:
    """A customer's new name or address: labels on its orders and invoices change, their write_date does not."""
    partner = random.choice(business.customers)
    values: Row
    if random.random() < 0.4:
        row = business.store.rows("res.partner")[partner]
        stem = row["name"].rsplit(" ", 2)[0]
        values = {"name": f"{stem} {random.choice(people.LAST_NAMES)} Ltda"}
    else:
        state = random.randrange(len(STATES))
        values = {"city": STATES[state][2], "state_id": state + 1}
    business.store.write("res.partner", [partner], values)
    yield timedelta()


def price_list(business: Business, random: Random) -> Iterator[timedelta]:
    """A product's new cost."""
    product = random.choice(business.bought)
    cost = round(product["standard_price"] * random.uniform(0.96, 1.06), 3)
    business.store.write("product.product", [product["id"]], {"standard_price": cost})
    yield timedelta()
