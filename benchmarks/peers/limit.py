"""The limit: the least work that fills the same table, with the columns that Sincro keeps beside the source's own.

A thread fetches ahead; pages are parsed by orjson, lines for COPY are built by code written out for these columns, and
a writer thread merges a batch while the next is built: rows whose hash is known are not sent. No declared types, no
checks, no checkpoint, no counts, no retries, one transaction.
"""

from __future__ import annotations

import queue
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import orjson
import psycopg

from benchmarks.peers.items import COLUMNS, Job, bodies

OWN = {
    "_connection_id": "bigint",
    "_run_id": "uuid",
    "_changed_at": "timestamptz",
    "_hash": "text",
    "_deleted_at": "timestamptz",
}
NAMES = [*COLUMNS, *OWN]
DEFINITION = ", ".join(f"{name} {kind}" for name, kind in {**COLUMNS, **OWN}.items())
UPDATES = ", ".join(f"{name} = excluded.{name}" for name in NAMES if name not in ("_connection_id", "id"))
RUN_ID, NOW = "5b0cbf1c-5d4f-4c63-9c5d-0a4f2f1c9a10", "2026-11-15T12:00:00+00:00"
BATCH = 5000
AHEAD = 2
END = object()

Line = tuple[int, str, Any]  # key, hash, what is written
Rows = list[Line]


def on_a_thread(items: Iterator[Any], ahead: int) -> Iterator[Any]:
    """Yield the items; a thread takes them from their source, as far ahead as said."""
    waiting: queue.Queue[Any] = queue.Queue(ahead)

    def pump() -> None:
        for item in items:
            waiting.put(item)
        waiting.put(END)

    threading.Thread(target=pump, daemon=True).start()
    while (item := waiting.get()) is not END:
        yield item


def escaped(text: str | None, special: Callable[[str], Any] = re.compile(r"[\\\t\n\r]").search) -> str:
    if text is None:
        return r"\N"
    if special(text):
        return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    return text


def copy_lines(records: list[dict[str, Any]], dumps: Callable[[Any], bytes] = orjson.dumps) -> Rows:
    rows = []
    for r in records:
        line = "\t".join(
            (
                str(r["id"]), escaped(r["code"]), escaped(r["name"]), escaped(r["status"]), escaped(r["note"]),
                str(r["quantity"]), str(r["customer_id"]), str(r["price"]), r["discount"],
                "t" if r["active"] else "f", r["due"], r["created_at"], r["updated_at"],
                dumps(r["tags"]).decode().replace("\\", r"\\"),
            )
        )  # fmt: skip
        rows.append((r["id"], blake2b(line.encode(), digest_size=16).hexdigest(), line))
    return rows


def values(records: list[dict[str, Any]], dumps: Callable[[Any], bytes] = orjson.dumps) -> Rows:
    rows = []
    for r in records:
        tags = dumps(r["tags"])
        row = (*list(r.values())[:-1], tags.decode())
        digest = blake2b(repr(row).encode(), digest_size=16).hexdigest()
        rows.append((r["id"], digest, (*row, 0, RUN_ID, NOW, digest, None)))
    return rows


def batches(job: Job, read: Callable[[list[dict[str, Any]]], Rows]) -> Iterator[Rows]:
    batch: Rows = []
    for body in on_a_thread(bodies(job.source_url), AHEAD):
        batch += read(orjson.loads(body)["data"])
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def load_postgres(job: Job) -> None:
    with psycopg.connect(job.database_url) as database, database.cursor() as cursor:
        for table in job.tables:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} ({DEFINITION}, PRIMARY KEY (_connection_id, id))")
            cursor.execute(f"CREATE TEMP TABLE stage (LIKE {table})")
            names = ", ".join(NAMES)
            known = f"SELECT id, _hash FROM {table} WHERE _connection_id = 0 AND id = ANY(%s::bigint[])"
            merge = (
                f"INSERT INTO {table} ({names}) SELECT {names} FROM stage "
                f"ON CONFLICT (_connection_id, id) DO UPDATE SET {UPDATES}"
            )
            for batch in on_a_thread(batches(job, copy_lines), 1):
                cursor.execute(known, ([key for key, _digest, _line in batch],))
                have = dict(cursor.fetchall())
                lines = [
                    f"{line}\t0\t{RUN_ID}\t{NOW}\t{digest}\t\\N\n"
                    for key, digest, line in batch
                    if have.get(key) != digest
                ]
                if lines:
                    with cursor.copy(f"COPY stage ({names}) FROM STDIN") as copy:
                        copy.write("".join(lines))
                    cursor.execute(merge)
                    cursor.execute("TRUNCATE stage")
            cursor.execute("DROP TABLE stage")


def load_sqlite(job: Job) -> None:
    database = sqlite3.connect(str(job.sqlite_path))
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    for table in job.tables:
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} ({DEFINITION}, PRIMARY KEY (_connection_id, id))")
        upsert = (
            f"INSERT INTO {table} ({', '.join(NAMES)}) VALUES ({', '.join('?' * len(NAMES))}) "
            f"ON CONFLICT (_connection_id, id) DO UPDATE SET {UPDATES}"
        )
        with database:
            for batch in on_a_thread(batches(job, values), 1):
                keys = [key for key, _digest, _row in batch]
                known = (
                    f"SELECT id, _hash FROM {table} WHERE _connection_id = 0 AND id IN ({', '.join('?' * len(keys))})"
                )
                have = dict(database.execute(known, keys))
                database.executemany(upsert, [row for key, digest, row in batch if have.get(key) != digest])
    database.close()


if __name__ == "__main__":
    job = Job.from_arguments(sys.argv[1:])
    if job.sqlite_path:
        load_sqlite(job)
    else:
        load_postgres(job)
