"""Who may sign in to the sandbox, with what, and what each may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connections.sandbox.odoo.failures import OdooError, access_error
from connections.sandbox.odoo.fields import Model

PASSWORD = "sandbox-password"  # noqa: S105 - the sandbox's published password
API_KEY = "sandbox-odoo-key"
API_KEY_EXPIRED = "sandbox-odoo-key-expired"
API_KEY_LIMITED = "sandbox-odoo-key-limited"
API_KEY_STOCK = "sandbox-odoo-key-stock"
EVERYTHING = frozenset(("account", "purchase", "request", "sales", "stock", "system"))

Context = dict[str, Any]


@dataclass
class User:
    """A user who may sign in. keys: those that work; two_factor: the password alone is refused over RPC."""

    uid: int
    login: str
    name: str
    password: str = PASSWORD
    keys: set[str] = field(default_factory=set)
    companies: tuple[int, ...] = (1,)
    groups: frozenset[str] = frozenset()
    two_factor: bool = False

    def accepts(self, secret: object) -> bool:
        """Say whether a password or API key opens this account over JSON-RPC."""
        return secret in self.keys or (not self.two_factor and secret == self.password)


def users() -> list[User]:
    """Return the users of a fresh sandbox."""
    return [
        User(2, "admin", "Helena Prado", keys={API_KEY}, companies=(1, 2), groups=EVERYTHING),
        User(8, "limitado", "Conta Limitada", keys={API_KEY_LIMITED}),
        User(9, "estoque", "Almoxarifado", keys={API_KEY_STOCK}, groups=frozenset(("request", "stock"))),
        User(10, "seguro", "Conta com Dois Fatores", keys={"sandbox-odoo-key-2fa"}, companies=(1, 2),
             groups=EVERYTHING, two_factor=True),
    ]  # fmt: skip


GROUP_NAMES = {
    "account": ("Invoicing/Billing", "Invoicing/Billing Administrator"),
    "purchase": ("Purchase/User",),
    "request": ("Purchase Request/Purchase Request User",),
    "sales": ("Sales/User: Own Documents Only",),
    "stock": ("Inventory/User",),
}


def may_read(user: User, model: Model) -> bool:
    return not model.groups or not user.groups.isdisjoint(model.groups)


def model_refused(model: Model) -> OdooError:
    """Return the AccessError of a user without any of the model's groups."""
    names = sorted(name for group in model.groups for name in GROUP_NAMES[group])
    groups = "".join(f"\t- {name}\n" for name in names)
    return access_error(
        f"You are not allowed to access '{model.label}' ({model.name}) records.\n\n"
        f"This operation is allowed for the following groups:\n{groups}\n"
        "Contact your administrator to request access if necessary."
    )


def field_refused(model: Model, name: str, user: User) -> OdooError:
    """Return the AccessError of a field kept for another group."""
    return access_error(
        "The requested operation can not be completed due to security restrictions.\n\n"
        f"Document type: {model.label} ({model.name})\nOperation: read\nUser: {user.uid}\n"
        f"Fields:\n- {name} (allowed for groups 'Administration / Access Rights')"
    )


def allowed_companies(user: User, context: Context) -> tuple[int, ...]:
    """Return the companies a call sees: those it asks for, else all of the user's. Raises AccessError for others."""
    asked = context.get("allowed_company_ids")
    if not asked:
        return user.companies
    if not set(asked) <= set(user.companies):
        raise access_error("Access to unauthorized or invalid companies.")
    return tuple(asked)
