"""What destination tables are called in the database in use."""

from __future__ import annotations

from hashlib import blake2b

from django.db import connection

LONGEST_NAME = 63  # bytes; PostgreSQL cuts the rest off without a word


def table_name(schema: str, name: str) -> str:
    """Return a table's name as a person types it in SQL: rest.shop_orders, or rest_shop_orders on SQLite."""
    if connection.vendor == "postgresql":
        return f"{identifier(schema)}.{identifier(name)}"
    return identifier(f"{schema}_{name}")


def identifier(name: str) -> str:
    """Return name, shortened with a hash where the database would cut it."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    ending = "_" + blake2b(name.encode(), digest_size=5).hexdigest()
    return name.encode()[: LONGEST_NAME - len(ending)].decode(errors="ignore") + ending
