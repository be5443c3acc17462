"""read_group, and what 19 has beside it: rows counted and summed by stored fields, moments by day or month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connections.sandbox.odoo.encoding import Encoder
from connections.sandbox.odoo.environment import Environment
from connections.sandbox.odoo.failures import value_error
from connections.sandbox.odoo.fields import Row, wire_moment
from connections.sandbox.odoo.methods import remote

Key = tuple[Any, list[Any], Row | None]  # the value shown, the domain of its rows, from and to for moments


@remote()
def read_group(
    environment: Environment, model: str, domain: Any, fields: Any, groupby: Any, offset: int = 0, limit: Any = None,
    orderby: Any = False, lazy: bool = True,
) -> list[Row]:  # fmt: skip
    asked = [groupby] if isinstance(groupby, str) else list(groupby)
    if lazy:
        asked = asked[:1]
    sums = [name for name, _colon, function in (text.partition(":") for text in fields) if function == "sum"]
    found = []
    for keys, rows in _groups(environment, model, domain, asked):
        count = f"{asked[0].partition(':')[0]}_count" if lazy and asked else "__count"
        group: Row = {name: key[0] for name, key in zip(asked, keys, strict=True)}
        group |= {count: len(rows), **{name: _sum(rows, name) for name in sums}}
        group["__domain"] = _and(keys)
        ranges = {name: key[2] for name, key in zip(asked, keys, strict=True) if key[2]}
        found.append({**group, "__range": ranges} if ranges else group)
    return found[offset : offset + limit if limit else None]


@remote(versions=(19,))
def formatted_read_group(
    environment: Environment, model: str, domain: Any, groupby: Any = (), aggregates: Any = (), offset: int = 0,
    limit: Any = None, order: Any = None,
) -> list[Row]:  # fmt: skip
    found = []
    for keys, rows in _groups(environment, model, domain, list(groupby)):
        group: Row = {name: key[0] for name, key in zip(groupby, keys, strict=True)}
        group["__extra_domain"] = _and(keys)
        for aggregate in aggregates:
            group[aggregate] = len(rows) if aggregate == "__count" else _sum(rows, aggregate.partition(":")[0])
        found.append(group)
    return found[offset : offset + limit if limit else None]


def _groups(environment: Environment, model: str, domain: Any, asked: list[str]) -> list[tuple[list[Key], list[Row]]]:
    """Return the groups in the order of their values, each with its rows."""
    keyed = [_keys(environment, model, *text.partition(":")[::2]) for text in asked]
    rows = environment.store.rows(model)
    groups: dict[str, tuple[list[Key], list[Row]]] = {}
    for number in environment.search(model, domain, order="id"):
        keys = [key(rows[number]) for key in keyed]
        groups.setdefault(repr(keys), (keys, []))[1].append(rows[number])
    return sorted(groups.values(), key=lambda group: [str(key[2] or key[0]) for key in group[0]])


def _keys(environment: Environment, model: str, name: str, unit: str) -> Callable[[Row], Key]:
    field = environment.store.schema.fields[model].get(name)
    if field is None:
        raise value_error(f"Invalid field '{name}' on model '{model}'")
    if not field.store:
        raise value_error(f"Cannot convert field {model}.{name} to SQL")
    if field.type == "datetime":
        zone = ZoneInfo(environment.context.get("tz") or "UTC")
        return lambda row: _bucket(name, row[name], unit or "month", zone)
    encoder = Encoder(environment.store)

    def key(row: Row) -> Key:
        value = encoder.records(model, [row], [name])[0][name]
        plain = value[0] if isinstance(value, list) and value else value
        return value, [[name, "=", plain]], None

    return key


def _bucket(name: str, value: datetime | None, unit: str, zone: ZoneInfo) -> Key:
    """Return the local day or month of a moment, its bounds given in UTC."""
    if value is None:
        return False, [[name, "=", False]], None
    utc = ZoneInfo("UTC")
    local = value.replace(tzinfo=utc).astimezone(zone)
    begin = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "month":
        begin = begin.replace(day=1)
    end = (begin + timedelta(days=32)).replace(day=1) if unit == "month" else begin + timedelta(days=1)
    first, last = (wire_moment(edge.astimezone(utc).replace(tzinfo=None)) for edge in (begin, end))
    label = f"{begin:%B %Y}" if unit == "month" else f"{begin:%d %b %Y}"
    return label, ["&", [name, ">=", first], [name, "<", last]], {"from": first, "to": last}


def _and(keys: list[Key]) -> list[Any]:
    domain = [item for key in keys for item in key[1]]
    return ["&"] * (len(keys) - 1) + domain


def _sum(rows: list[Row], name: str) -> Any:
    return round(sum(row[name] or 0 for row in rows), 2)
