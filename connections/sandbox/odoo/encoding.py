"""Rows as they travel: false for empty, pairs for many2one, cut moments, numbers that are never null."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connections.sandbox.odoo.fields import X2MANY, Field, Row, wire_moment
from connections.sandbox.odoo.store import Store

Encode = Callable[[Row], Any]


class Encoder:
    """Encodes rows of one store for one call. pairs: many2one as [id, label], else the bare id."""

    def __init__(self, store: Store, *, pairs: bool = True, sizes: bool = False) -> None:
        self.store = store
        self.pairs = pairs
        self.sizes = sizes
        self._labels: dict[tuple[str, int], Any] = {}

    def records(self, model: str, rows: Iterable[Row], names: Iterable[str]) -> list[Row]:
        """Return the rows with these fields, the id first."""
        fields = self.store.schema.fields[model]
        encoders = [(name, self._encode(model, fields[name])) for name in dict.fromkeys(("id", *names))]
        return [{name: encode(row) for name, encode in encoders} for row in rows]

    def _encode(self, model: str, field: Field) -> Encode:
        get = self.store.getter(model, field)
        match field.type:
            case "datetime":
                return lambda row: wire_moment(value) if (value := get(row)) else False
            case "date":
                return lambda row: value.isoformat() if (value := get(row)) else False
            case "many2one":
                return lambda row: self._pair(field.relation, get(row))
            case "boolean":
                return lambda row: bool(get(row))
            case "float" | "monetary":
                return lambda row: float(get(row) or 0.0)
            case "integer":
                return lambda row: int(get(row) or 0)
            case "binary":
                return lambda row: self._binary(get(row))
            case _ if field.type in X2MANY:
                return lambda row: list(get(row) or ())
        return lambda row: False if (value := get(row)) is None else value

    def _pair(self, relation: str, number: int | None) -> Any:
        if not number:
            return False
        if (relation, number) not in self._labels:
            row = self.store.rows(relation).get(number)
            shown = [number, self.store.label(relation, row)] if row and self.pairs else number
            self._labels[relation, number] = shown if row else False
        return self._labels[relation, number]

    def _binary(self, value: str | None) -> Any:
        if not value:
            return False
        return f"{len(value) * 3 / 4 / 1024:.2f} Kb" if self.sizes else value
