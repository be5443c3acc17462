"""One call's view of the database: who asks, in which context, and which rows that leaves."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from connections.sandbox.odoo import access
from connections.sandbox.odoo.domains import Search, names, parse
from connections.sandbox.odoo.encoding import Encoder
from connections.sandbox.odoo.failures import access_error, value_error
from connections.sandbox.odoo.fields import Field, Row
from connections.sandbox.odoo.store import Store

if TYPE_CHECKING:
    from connections.sandbox.odoo.business import Business

NUMBERS = ("integer", "float", "monetary")
EARLIEST = datetime(1, 1, 1)  # noqa: DTZ001 - naive UTC, as everything Odoo stores


@dataclass(frozen=True)
class Environment:
    """The store as one user sees it in one call. companies: those whose rows are seen, besides shared ones."""

    store: Store
    user: access.User
    context: access.Context
    companies: tuple[int, ...]
    business: Business

    @classmethod
    def open(cls, business: Business, user: access.User, context: access.Context, model: str) -> Environment:
        """Return the view for a call on model. Raises AccessError when user may not see it or a company asked for."""
        declared = business.store.schema.models[model]
        if not access.may_read(user, declared):
            raise access.model_refused(declared)
        return cls(business.store, user, context, access.allowed_companies(user, context), business)

    def fields(self, model: str) -> dict[str, Field]:
        """Return the fields of model that the user may read."""
        fields = self.store.schema.fields[model]
        return {name: field for name, field in fields.items() if not field.group or field.group in self.user.groups}

    def checked(self, model: str, asked: Iterable[str]) -> list[str]:
        """Return the field names asked for, all when none. Raises for unknown or forbidden ones."""
        known, allowed = self.store.schema.fields[model], self.fields(model)
        chosen = list(asked) or list(allowed)
        for name in chosen:
            if name not in known:
                on = "model " if self.store.version == 17 else ""
                raise value_error(f"Invalid field '{name}' on {on}'{model}'")
            if name not in allowed:
                raise access.field_refused(self.store.schema.models[model], name, self.user)
        return chosen

    def search(self, model: str, domain: Any, offset: int = 0, limit: Any = None, order: Any = None) -> list[int]:
        """Return the ids that meet domain, in order; limit 0, false and None mean no limit."""
        end = offset + limit if limit else None
        keys = self._order(model, str(order or self.store.schema.models[model].order))
        found = self._matching(model, domain, descending=keys[0] == ("id", True))
        if keys[0][0] == "id":
            return list(islice(found, offset, end))  # ids are unique: what follows in the order means nothing
        rows = self.store.rows(model)
        ids = list(found)
        for name, descending in reversed(keys):
            rank = self._rank(model, name)
            ids.sort(key=lambda number: rank(rows[number]), reverse=descending)
        return ids[offset:end]

    def count(self, model: str, domain: Any, limit: Any = None) -> int:
        return sum(1 for _number in islice(self._matching(model, domain), limit or None))

    def read(self, model: str, ids: Iterable[int], asked: Iterable[str], *, pairs: bool = True) -> list[Row]:
        """Return rows as they travel; ids that are gone are left out. Raises AccessError for another company's."""
        chosen = self.checked(model, asked)
        rows = self.store.rows(model)
        found = [rows[number] for number in ids if number in rows]
        visible = self._visible(model)
        for row in found:
            if not visible(row):
                label = self.store.schema.models[model].label
                raise access_error(
                    f"Uh-oh! Looks like you have stumbled upon some top-secret records.\n\n"
                    f"Sorry, {self.user.name} (id={self.user.uid}) doesn't have 'read' access to:\n"
                    f"- {label} ({model})"
                )
        sizes = bool(self.context.get("bin_size"))
        return Encoder(self.store, pairs=pairs, sizes=sizes).records(model, found, chosen)

    def _matching(self, model: str, domain: Any, descending: bool = False) -> Iterable[int]:
        parts = parse(domain or [])
        fields, rows = self.store.schema.fields[model], self.store.rows(model)
        if "active" in fields and self.context.get("active_test", True) and "active" not in names(parts):
            parts.append(("active", "=", True))
        search = Search(self.store)
        test, visible = search.test(model, parts), self._visible(model)
        ids = search.candidates(model, parts)
        if ids is None:
            ids = self.store.ids(model)
            above = max((part[2] for part in parts if _is_lower_bound(part)), default=0)
            ids = ids[bisect_right(ids, above) :]
        return (n for n in (reversed(ids) if descending else ids) if visible(rows[n]) and test(rows[n]))

    def _visible(self, model: str) -> Callable[[Row], bool]:
        if model == "res.company":
            return lambda row: row["id"] in self.user.companies
        if "company_id" not in self.store.schema.fields[model] or model == "res.users":
            return lambda _row: True
        companies = (None, *self.companies)
        return lambda row: row["company_id"] in companies

    def _order(self, model: str, order: str) -> list[tuple[str, bool]]:
        keys = []
        for part in order.split(","):
            name, _space, way = part.strip().partition(" ")
            if name not in self.store.schema.fields[model]:
                if order == self.store.schema.models[model].order:
                    continue  # a default order may name what this sandbox leaves out
                raise value_error(f"Invalid field '{name}' on model '{model}'")
            keys.append((name, way.strip().lower().startswith("desc")))
        return keys

    def _rank(self, model: str, name: str) -> Callable[[Row], tuple[bool, Any]]:
        """Return a sort key as PostgreSQL sorts: empty values after all others."""
        field = self.store.schema.fields[model][name]
        get = self.store.getter(model, field)
        if field.type == "many2one":
            return lambda row: (not get(row), self.store.name_of(field.relation, get(row)) or "")
        blank: Any = {"datetime": EARLIEST, "date": EARLIEST.date()}.get(field.type, 0 if field.type in NUMBERS else "")

        def rank(row: Row) -> tuple[bool, Any]:
            value = get(row)
            return value is None, blank if value is None else value

        return rank


def _is_lower_bound(part: Any) -> bool:
    return isinstance(part, tuple) and part[:2] == ("id", ">") and isinstance(part[2], int)
