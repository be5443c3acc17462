"""Writes typed rows into the destination tables of one database."""

from __future__ import annotations

from django.db import connections

from syncruns.engine.warehouse.base import Counts, Warehouse
from syncruns.engine.warehouse.postgres import PostgresWarehouse
from syncruns.engine.warehouse.reading import rows_in_batches
from syncruns.engine.warehouse.scratch import Scratch
from syncruns.engine.warehouse.shape import Evolution
from syncruns.engine.warehouse.sqlite import SqliteWarehouse

__all__ = ["Counts", "Evolution", "Scratch", "Warehouse", "rows_in_batches", "warehouse"]


def warehouse(using: str = "default", beside: int | None = None) -> Warehouse:
    """Return the warehouse of a Django database; beside: of a connection's tables that only its reset reads."""
    if connections[using].vendor == "postgresql":
        return PostgresWarehouse(using, beside)
    return SqliteWarehouse(using, beside)
