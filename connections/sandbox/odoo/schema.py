"""The models of one server: those of its version and its installed modules, with what follows from what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from connections.sandbox.odoo.fields import Field, Model, Row, own_fields
from connections.sandbox.odoo.models import MODELS

MODULES = frozenset(
    ("account", "l10n_br", "purchase", "purchase_request", "purchase_requisition", "purchase_stock", "sale",
     "sale_stock", "stock")
)  # fmt: skip
NEEDS = {  # a module falls with those it needs
    "purchase_request": ("purchase", "stock"),
    "purchase_requisition": ("purchase",),
    "purchase_stock": ("purchase", "stock"),
    "sale_stock": ("sale", "stock"),
    "purchase": ("account",),
    "sale": ("account",),
    "l10n_br": ("account",),
}


class Schema:
    """What a server of this version knows. lacking: modules that are not installed."""

    def __init__(self, version: int, lacking: Collection[str] = ()) -> None:
        unknown = sorted(set(lacking) - MODULES)
        if unknown:
            raise ValueError(f"unknown module {unknown[0]!r}; there are {', '.join(sorted(MODULES))}")
        self.version = version
        self.modules = installed(lacking)
        self.models: dict[str, Model] = {}
        self.fields: dict[str, dict[str, Field]] = {}
        for model in MODELS:
            if not model.module or model.module in self.modules:
                self.models[model.name] = model
                self.fields[model.name] = self._fields(model)
        # (model, many2one) whose rows have to be found from the other end
        self.indexed: dict[str, set[str]] = defaultdict(set)
        # (model, field) -> what repeats its value: (model, many2one that leads here, field)
        self.followers: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
        # model -> what points at its rows: (model, indexed many2one, whether it goes with them)
        self.referrers: dict[str, list[tuple[str, str, bool]]] = defaultdict(list)
        # what a new row starts with, and what it takes from others: (many2one, field there, own field)
        self.defaults: dict[str, Row] = {}
        self.sources: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for name, fields in self.fields.items():
            kept = (field for field in fields.values() if field.compute is None and field.type != "one2many")
            self.defaults[name] = {field.name: field.default for field in kept if not field.followed}
            for field in fields.values():
                self._connect(name, field)
        for name, links in self.indexed.items():
            for link in sorted(links):
                field = self.fields[name][link]
                self.referrers[field.relation].append((name, link, field.cascade))

    def _fields(self, model: Model) -> dict[str, Field]:
        declared = (*own_fields(model), *model.fields)
        return {
            field.name: field
            for field in declared
            if self.version in field.versions and (not field.module or field.module in self.modules)
        }

    def _connect(self, model: str, field: Field) -> None:
        if field.type == "one2many":
            self.indexed[field.relation].add(field.inverse)
        if field.cascade or field.indexed:
            self.indexed[model].add(field.name)
        if field.related and field.store:
            link, _dot, source = field.related.partition(".")
            self.indexed[model].add(link)
            self.sources[model].append((link, source, field.name))
            self.followers[self.fields[model][link].relation, source].append((model, link, field.name))


def installed(lacking: Collection[str]) -> frozenset[str]:
    """Return the modules that are there when these are not, nor those that need them."""
    left = set(MODULES - set(lacking))
    while falling := {name for name in left if any(need not in left for need in NEEDS.get(name, ()))}:
        left -= falling
    return frozenset(left)
