"""Values that people set instead of the source's, put into typed rows. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from connections.sdk.declare import Column, Key
from syncruns.engine.values import LARGEST_EXACT, read_kept, reader, spell_decimal


@dataclass(frozen=True)
class Corrected:
    """One value of one row. place: of its column in the row; source and value are typed.

    holds: whatever the source sends, not only while it sends source.
    """

    pk: int
    table: str
    key: Key
    column: Column
    place: int
    source: Any
    value: Any
    holds: bool = False


@dataclass(frozen=True)
class Overtaken:
    """A correction whose row came with another value than the one it stands for. now: that value, typed."""

    correction: Corrected
    now: Any

    @property
    def is_agreed(self) -> bool:
        """Say whether the source now sends what the person had set."""
        return bool(self.now == self.correction.value)


class Corrections:
    """Those in force for one stream, by table and key."""

    def __init__(self, corrections: Iterable[Corrected] = ()) -> None:
        self._by_table: dict[str, dict[Key, list[Corrected]]] = defaultdict(lambda: defaultdict(list))
        for one in corrections:
            self._by_table[one.table][one.key].append(one)

    def concern(self, table: str) -> bool:
        """Say whether any of them is of the table."""
        return any(self._by_table.get(table, {}).values())

    def apply(self, table: str, rows: dict[Key, tuple[Any, ...]]) -> list[Overtaken]:
        """Put the values into those of rows they belong to; return what no longer fits what the source sends."""
        of_table = self._by_table.get(table)
        if not of_table:
            return []
        overtaken = []
        for key in rows.keys() & of_table.keys():
            row = list(rows[key])
            for one in of_table[key]:
                now = row[one.place]
                if now != one.source:
                    overtaken.append(Overtaken(one, now))
                if now == one.source or one.holds:
                    row[one.place] = one.value
            rows[key] = tuple(row)
        return overtaken

    def forget(self, overtaken: Iterable[Overtaken]) -> None:
        """Let corrections no longer count, or those that hold stand for what the source sends now."""
        for each in overtaken:
            one = each.correction
            of_row = self._by_table[one.table][one.key]
            if one in of_row:
                of_row.remove(one)
                if one.holds:
                    of_row.append(replace(one, source=each.now))


def kept_value(value: Any) -> Any:
    """Return a typed value as JSON that typed_value reads again; of JSON, its text."""
    if isinstance(value, Decimal):
        return spell_decimal(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_EXACT:
        return str(value)
    return value


def typed_value(column: Column, kept: Any) -> Any:
    """Return a kept value, or one that a person wrote, as the column's type. Raises Refused."""
    return None if kept is None else reader(column)(read_kept(column, kept))
