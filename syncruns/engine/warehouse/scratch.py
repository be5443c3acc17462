"""What one sweep of one table has met, and which rows it missed: temporary tables, gone with the session.

Nobody else sees them, so an interrupted sweep can only start over; and they cost neither log nor lock.
"""

# Names are quoted by shape.quote; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connections

from connections.sdk.declare import Key, Table, Within
from syncruns.engine.warehouse.base import VERSION, Warehouse
from syncruns.engine.warehouse.reading import condition
from syncruns.engine.warehouse.shape import quote
from syncruns.engine.warehouse.target import StoredKey, Target

FEW_KEYS = 1000  # met by a sweep, that need no table


class Scratch:
    """The keys of one connection's rows that a sweep met. number tells scratches of one session apart."""

    def __init__(self, destination: Warehouse, schema: str, table: Table, connection_id: int, number: int) -> None:
        self._destination = destination
        self._schema = schema
        self._table = table
        self._connection_id = connection_id
        self._few: list[Key] | None = None  # met, as long as they are few; then they are in the table
        self._met = f"_met_{number}"
        self.missed = f"_missed_{number}"  # made by compare: n from 1 on, key, digest, version
        self._made: set[str] = set()
        self._scope: tuple[Within, ...] = ()

    def open(self) -> bool:
        """Begin with nothing met; False when the connection has no live row that could be missed."""
        target = self._target()
        if target is None:
            return False
        live = f"SELECT 1 FROM {target.name} WHERE _connection_id = %s AND _deleted_at IS NULL LIMIT 1"
        if not self._rows(live, [self._connection_id]):
            return False
        self._few = []
        return True

    def meet(self, keys: Sequence[Key]) -> None:
        """Note typed keys."""
        target = self._target()
        if not keys or target is None:
            return
        if self._few is not None:
            self._few += keys
            if len(self._few) <= FEW_KEYS:
                return
            keys, self._few = self._few, None
            self._make_way(self._met)
            self._destination._create_met(self._met, target)
        self._destination._add_met(self._met, target, keys)

    def compare(self, before: datetime, scope: Sequence[Within], *, if_any: bool = False) -> int:
        """Collect the live rows within scope that were last written before and that were not met; return how many.

        if_any: without making the table of missed rows when there is none.
        """
        self._scope = tuple(scope)
        target = self._target()
        if target is None:
            return 0
        destination = self._destination
        within, bounds = self._within(target)
        unmet, keys = self._unmet(target)
        found = f"""
            FROM {target.name} AS t
            WHERE t._connection_id = %s AND t._deleted_at IS NULL AND t._changed_at < %s{within} AND {unmet}
        """
        values = [self._connection_id, destination._moment(before), *bounds, *keys]
        if if_any and not self._rows(f"SELECT count(*) {found}", values)[0][0]:
            return 0
        self._make_way(self.missed)
        self._execute(
            f"""
            CREATE TEMPORARY TABLE {self.missed} AS
            SELECT row_number() OVER () AS n, key, {destination.digest_of("key")} AS digest, version
            FROM (SELECT {destination.key_text(self._table.key)} AS key, {VERSION} AS version {found}) AS found
            """,
            values,
        )
        count = int(self._rows(f"SELECT count(*) FROM {self.missed}")[0][0])
        if count:
            for column in ("n", "digest"):
                self._execute(f"CREATE INDEX {self.missed}_{column} ON {self.missed} ({column})")
            destination._analyze(self.missed)
        return count

    def _unmet(self, target: Target) -> tuple[str, Sequence[Any]]:
        """Return the condition that a row of t was not met, and its parameters."""
        if self._few is not None:
            return self._destination._unlike(target, self._few)
        self._index_met()
        return f"NOT EXISTS (SELECT 1 FROM {self._met} AS m WHERE {self._met_where()})", []

    def _met_where(self) -> str:
        """Return the condition that a row m of what was met is that of t."""
        return " AND ".join(f"m.c{place} = t.{quote(name)}" for place, name in enumerate(self._table.key))

    def _index_met(self) -> None:
        # The planner may know nothing of a young table and look up each key: then let it find them by an index.
        self._destination._index_met(self._met, len(self._table.key))

    def live(self) -> int:
        """Return how many live rows lie within the scope that was compared."""
        target = self._target()
        if target is None:
            return 0
        within, values = self._within(target)
        sql = f"SELECT count(*) FROM {target.name} AS t WHERE t._connection_id = %s AND t._deleted_at IS NULL{within}"
        return int(self._rows(sql, [self._connection_id, *values])[0][0])

    def outside(self, keys: Sequence[StoredKey]) -> set[int]:
        """Return the positions of keys whose rows live outside the scope: of them the comparison says nothing."""
        target = self._target()
        if target is None or not self._scope or not keys:
            return set()
        destination = self._destination
        select = f"k.n, t.{destination.row_id}, t._deleted_at IS NULL"
        found = destination._matching(target, select, self._table.key, keys, self._connection_id, are_stored=True)
        living = {row_id: place for place, row_id, live in found if live}
        if not living:
            return set()
        among, value = destination._among(list(living))
        within, values = self._within(target)
        sql = f"SELECT t.{destination.row_id} FROM {target.name} AS t WHERE {among}{within}"
        inside = {row[0] for row in self._rows(sql, [value, *values])}
        return {place for row_id, place in living.items() if row_id not in inside}

    def close(self) -> None:
        """Forget everything."""
        for name in self._made:
            self._execute(f"DROP TABLE IF EXISTS {name}")

    def _make_way(self, name: str) -> None:
        """Let a temporary table be made; one of before may have been left behind."""
        self._execute(f"DROP TABLE IF EXISTS {name}")
        self._made.add(name)

    def _target(self) -> Target | None:
        """The table, or as much of it as a sweep needs: a dry run may meet one that lacks columns declared since."""
        part = self._table.part(each.column for each in self._scope)
        return self._destination.bound(self._schema, self._table) or self._destination.bound(self._schema, part)

    def _within(self, target: Target) -> tuple[str, list[Any]]:
        return condition(self._destination, target, self._scope)

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        with connections[self._destination.using].cursor() as cursor:
            cursor.execute(sql, values)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with connections[self._destination.using].cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())


def stored_key(text: str) -> StoredKey:
    """Return the key that a scratch or a missed row holds as text."""
    key: StoredKey = orjson.loads(text)
    return key
