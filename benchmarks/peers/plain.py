"""The script one would write by hand: requests, json, and an upsert by execute_values.

No checkpoint, no quarantine, no retries, no counts; the types are written out by hand.
"""

from __future__ import annotations

import json
import sqlite3
import sys

import psycopg2
from psycopg2.extras import Json, execute_values

from benchmarks.peers.items import COLUMNS, Job, bodies

DEFINITION = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
NAMES = ", ".join(COLUMNS)
UPDATES = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "id")


def create(table: str) -> str:
    return f"CREATE TABLE IF NOT EXISTS {table} ({DEFINITION}, PRIMARY KEY (id))"


def upsert(table: str, values: str) -> str:
    return f"INSERT INTO {table} ({NAMES}) VALUES {values} ON CONFLICT (id) DO UPDATE SET {UPDATES}"


def load_postgres(job: Job) -> None:
    with psycopg2.connect(job.database_url) as database, database.cursor() as cursor:
        for table in job.tables:
            cursor.execute(create(table))
            for body in bodies(job.source_url):
                found = json.loads(body)["data"]
                rows = [(*list(record.values())[:-1], Json(record["tags"])) for record in found]
                execute_values(cursor, upsert(table, "%s"), rows, page_size=1000)
                database.commit()


def load_sqlite(job: Job) -> None:
    database = sqlite3.connect(str(job.sqlite_path))
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    for table in job.tables:
        database.execute(create(table))
        for body in bodies(job.source_url):
            found = json.loads(body)["data"]
            rows = [(*list(record.values())[:-1], json.dumps(record["tags"])) for record in found]
            with database:
                database.executemany(upsert(table, f"({', '.join('?' * len(COLUMNS))})"), rows)
    database.close()


if __name__ == "__main__":
    job = Job.from_arguments(sys.argv[1:])
    if job.sqlite_path:
        load_sqlite(job)
    else:
        load_postgres(job)
