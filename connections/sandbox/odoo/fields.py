"""What the sandbox declares of Odoo's models: fields with their types, versions, modules and rights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connections.sandbox.odoo.store import Store

Row = dict[str, Any]
Compute = Callable[["Store", Row], Any]
BOTH = (17, 19)
QUANTITY = (16, 2)
X2MANY = ("one2many", "many2many")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field.

    related: the path whose value it repeats. store: as fields_get tells it. compute: worked out when read.
    group: who may read it, all when empty. keep: of a one2many, only rows for which it holds. cascade: a many2one
    whose row cannot be without the other. indexed: a many2one whose rows have to be found from the other end.
    """

    name: str
    type: str
    relation: str = ""
    inverse: str = ""
    selection: tuple[tuple[str, str], ...] = ()
    store: bool = True
    required: bool = False
    readonly: bool = False
    digits: tuple[int, int] | None = None
    related: str = ""
    compute: Compute | None = None
    keep: Callable[[Row], bool] | None = None
    cascade: bool = False
    indexed: bool = False
    default: Any = None
    versions: tuple[int, ...] = BOTH
    module: str = ""
    group: str = ""

    @property
    def followed(self) -> bool:
        """Say whether the value is fetched along `related` at every read, as nothing keeps it."""
        return bool(self.related) and not self.store


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model. groups: who may read it, all when empty. order: of a search that names none."""

    name: str
    label: str
    fields: tuple[Field, ...]
    order: str = "id"
    module: str = ""
    groups: tuple[str, ...] = ()
    named: Compute | None = field(default=None)  # the label of a row; its name when None


def char(name: str, **options: Any) -> Field:
    return Field(name=name, type="char", **options)


def text(name: str, **options: Any) -> Field:
    return Field(name=name, type="text", **options)


def integer(name: str, **options: Any) -> Field:
    return Field(name=name, type="integer", **{"default": 0, **options})


def number(name: str, **options: Any) -> Field:
    return Field(name=name, type="float", **{"digits": QUANTITY, "default": 0.0, **options})


def money(name: str, **options: Any) -> Field:
    return Field(name=name, type="monetary", **{"default": 0.0, **options})


def boolean(name: str, **options: Any) -> Field:
    return Field(name=name, type="boolean", **{"default": False, **options})


def day(name: str, **options: Any) -> Field:
    return Field(name=name, type="date", **options)


def moment(name: str, **options: Any) -> Field:
    return Field(name=name, type="datetime", **options)


def choice(name: str, keys: str, **options: Any) -> Field:
    """Declare a selection from "key=Label|key=Label"."""
    pairs = tuple((key, label) for key, _equals, label in (item.partition("=") for item in keys.split("|")))
    return Field(name=name, type="selection", selection=pairs, **options)


def many2one(name: str, relation: str, **options: Any) -> Field:
    return Field(name=name, type="many2one", relation=relation, **options)


def one2many(name: str, relation: str, inverse: str, **options: Any) -> Field:
    return Field(name=name, type="one2many", relation=relation, inverse=inverse, **options)


def many2many(name: str, relation: str, **options: Any) -> Field:
    return Field(name=name, type="many2many", relation=relation, **{"default": (), **options})


def own_fields(model: Model) -> tuple[Field, ...]:
    """Return the fields every model has besides its declared ones."""
    return (
        integer("id", readonly=True, default=None),
        char("display_name", readonly=True, store=False, compute=lambda store, row: store.label(model.name, row)),
        moment("create_date", readonly=True),
        many2one("create_uid", "res.users", readonly=True),
        moment("write_date", readonly=True),
        many2one("write_uid", "res.users", readonly=True),
    )


def wire_moment(value: datetime) -> str:
    """Return a stored moment as Odoo sends it: naive UTC, cut to whole seconds."""
    return value.isoformat(" ")[:19]
