"""Fields that a company added to its Odoo: columns of their own beside the declared ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connections.connectors.odoo.services import SERVICES, Service, models_of
from connections.connectors.odoo.values import COLUMN_TYPES
from connections.sdk.declare import Column, Finding, Sample, Table
from connections.sdk.settings import COLUMN_NAME, Rejected
from connections.sdk.text import gettext_noop as _

Row = Mapping[str, Any]  # an entry of the `extra_fields` setting

# What fields that no Odoo has from the start begin with: Studio, Enterprise's and OCA's Brazilian localisations.
OWN = ("x_", "l10n_br_", "document_", "fiscal_", "nfe_", "nfse_", "cte_", "state_edoc", "edoc_")
MOST_PROPOSED = 60
PEOPLE = ("res.partner", "res.users", "hr.employee")
_PERSONAL = re.compile(r"(^|_)(cpf|cnh|rg|pis|email|e_mail|fone|telefone|phone|mobile|celular|nascimento)(_|$)")
NOTHING_ADDED = _("No field of this kind of record looks added. Any other one can be typed in by its technical name.")


def columns_of(config: Row, model: str) -> Iterator[tuple[Column, str]]:
    """Yield each extra column of a model with the field it comes from."""
    for row in config.get("extra_fields") or ():
        if row["model"] == model:
            for column in row.get("columns") or ():
                precision, scale = column.get("precision"), column.get("scale")
                is_personal = bool(column.get("personal"))
                yield Column(column["name"], column["type"], precision, scale, is_personal), column["path"]


def tables_of(service: Service, config: Row) -> tuple[Table, ...]:
    """Return the tables of a service with their extra columns. Raises Rejected for a name that is taken."""
    tables = [service.table]
    if service.items is not None:
        tables.append(service.items)
    return tuple(_with_extras(table, number, service, config) for number, table in enumerate(tables))


def check_rows(rows: Sequence[Row]) -> None:
    """Check what is not a matter of one value: keys, names that are taken. Raises Rejected at the first problem."""
    for number, row in enumerate(rows):
        for place, column in enumerate(row.get("columns") or ()):
            if column.get("key"):
                text = _("Odoo's own id is the key; an added field cannot be one.")
                raise Rejected(text, at=(number, "columns", place, "key"))
        earlier = {"extra_fields": rows[:number]}
        taken = {name for service in SERVICES for name in _names(service, row["model"], earlier)}
        for place, column in enumerate(row.get("columns") or ()):
            if column["name"] in taken:
                text = _("The table already has a column called %(name)s.")
                raise Rejected(text, at=(number, "columns", place, "name"), name=column["name"])


def propose(told: Mapping[str, Mapping[str, Any]]) -> Sample:
    """Return columns for the fields that a company or a localisation added, out of what fields_get told."""
    proposed: list[dict[str, Any]] = []
    for field, about in sorted(told.items()):
        kind = COLUMN_TYPES.get(str(about.get("type")))
        if kind is None or not field.startswith(OWN) or not COLUMN_NAME.fullmatch(field):
            continue
        column = {"path": field, "name": field, "type": kind, "key": False, "personal": bool(_PERSONAL.search(field))}
        if kind == "decimal":
            column |= {"precision": 18, "scale": 2} if about["type"] == "monetary" else {"precision": 20, "scale": 6}
        proposed.append(column)
        if about["type"] == "many2one":
            name, is_person = f"{field.removesuffix('_id')}_nome", about.get("relation") in PEOPLE
            proposed.append({**column, "name": name, "type": "text", "personal": is_person or column["personal"]})
    notes = () if proposed else (Finding(_("Added fields"), "warning", NOTHING_ADDED),)
    return Sample(proposed[:MOST_PROPOSED], notes=notes)


def _with_extras(table: Table, number: int, service: Service, config: Row) -> Table:
    """number: 0 for the table of the records, 1 for that of their lines."""
    models = dict.fromkeys(models[number] for source in service.sources if len(models := models_of(source)) > number)
    columns = [column for model in models for column, _field in columns_of(config, model)]
    return replace(table, columns=(*table.columns, *columns)) if columns else table


def _names(service: Service, model: str, config: Row) -> Iterator[str]:
    """Yield the names of the columns of the tables that a model fills."""
    for source in service.sources:
        for number, each in enumerate(models_of(source)):
            if each == model:
                table = service.items if number and service.items else service.table
                yield from (column.name for column in _with_extras(table, number, service, config).columns)
