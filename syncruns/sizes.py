"""How large the database and its tables are, asked of the database itself and cheaply."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import Error, connection

COUNTED_ROWS = 1_000_000  # SQLite counts one by one: no further than this
MEASURED_BYTES = 256 * 2**20  # SQLite reads the whole file to tell its tables' sizes: only up to this


@dataclass(frozen=True)
class TableSize:
    """One table. rows and bytes are None when nobody can tell without reading it all; rows may be an estimate."""

    name: str
    rows: int | None
    bytes: int | None
    is_own: bool  # one of the console's, not a destination of synced rows


def database_bytes() -> int:
    """Return the size of the whole database."""
    if connection.vendor == "postgresql":
        return int(_one("SELECT pg_database_size(current_database())"))
    return int(_one("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"))


def table_sizes() -> list[TableSize]:
    """Return every table of the console and of its destinations, the largest first."""
    found = _on_postgres() if connection.vendor == "postgresql" else _on_sqlite()
    return sorted(found, key=lambda table: (-(table.bytes or 0), -(table.rows or 0), table.name))


def _on_postgres() -> list[TableSize]:
    own = set(connection.introspection.django_table_names())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, c.relname, c.reltuples::bigint, pg_total_relation_size(c.oid),"
            " n.nspname = current_schema()"
            " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND (n.nspname = current_schema() OR EXISTS ("
            "SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = '_connection_id'))"
        )
        found = cursor.fetchall()
    tables = []
    for schema, name, rows, size, is_ours in found:
        if name in own or not is_ours:  # a table of someone else in our schema is not ours to tell of
            shown = name if is_ours else f"{schema}.{name}"
            tables.append(TableSize(shown, rows if rows >= 0 else None, size, is_ours))
    return tables


def _on_sqlite() -> list[TableSize]:
    own = set(connection.introspection.django_table_names())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.name, max(c.name = '_connection_id') FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c"
            " WHERE m.type = 'table' GROUP BY m.name"
        )
        names = [name for name, is_destination in cursor.fetchall() if name in own or is_destination]
    sizes = _sqlite_bytes() if database_bytes() <= MEASURED_BYTES else {}
    return [TableSize(name, _sqlite_rows(name), sizes.get(name), name in own) for name in names]


def _sqlite_rows(name: str) -> int | None:
    table = connection.ops.quote_name(name)
    rows = int(_one(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {COUNTED_ROWS + 1})"))  # noqa: S608 - quoted
    return rows if rows <= COUNTED_ROWS else None


def _sqlite_bytes() -> dict[str, int]:
    """Return table -> bytes with its indexes; nothing where SQLite was built without dbstat."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name"
                " WHERE s.aggregate GROUP BY m.tbl_name"
            )
            return dict(cursor.fetchall())
    except Error:
        return {}


def _one(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
