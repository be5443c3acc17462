"""What Sincro is measured against: the script one would write by hand, with requests and an upsert.

No checkpoint, no quarantine, no retries, no counts; the types are written out by hand.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

import psycopg2
import requests
from psycopg2.extras import Json, execute_values

COLUMNS = {
    "id": "bigint PRIMARY KEY",
    "code": "text",
    "name": "text",
    "status": "text",
    "note": "text",
    "quantity": "bigint",
    "customer_id": "bigint",
    "price": "numeric(12,2)",
    "discount": "numeric(12,2)",
    "active": "boolean",
    "due": "date",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "tags": "jsonb",
}
DEFINITION = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
NAMES = ", ".join(COLUMNS)
UPDATES = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "id")
UPSERT = f"INSERT INTO peer_items ({NAMES}) VALUES %s ON CONFLICT (id) DO UPDATE SET {UPDATES}"


def pages(url: str) -> Iterator[list[dict[str, Any]]]:
    with requests.Session() as session:
        number = 1
        while found := session.get(f"{url}/items", params={"page": number}, timeout=60).json()["data"]:
            yield found
            number += 1


def load_postgres(source_url: str, database_url: str) -> None:
    with psycopg2.connect(database_url) as database, database.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS peer_items ({DEFINITION})")
        for page in pages(source_url):
            rows = [(*list(record.values())[:-1], Json(record["tags"])) for record in page]
            execute_values(cursor, UPSERT, rows, page_size=1000)
            database.commit()


def load_sqlite(source_url: str, path: str) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(f"CREATE TABLE IF NOT EXISTS peer_items ({DEFINITION})")
    upsert = UPSERT.replace("%s", f"({', '.join('?' * len(COLUMNS))})")
    for page in pages(source_url):
        rows = [(*list(record.values())[:-1], json.dumps(record["tags"])) for record in page]
        with database:
            database.executemany(upsert, rows)
    database.close()


if __name__ == "__main__":
    _program, source_url, database_url = sys.argv
    if database_url.startswith("postgresql"):
        load_postgres(source_url, database_url)
    else:
        load_sqlite(source_url, database_url.removeprefix("sqlite:///"))
