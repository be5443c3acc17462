"""dlt, as fast as its documentation shows how: orjson, column types given, no nesting, upsert, no compression.

tuned   records, written as CSV and loaded by COPY (SQLite: by SQLAlchemy)
arrow   pages made into Arrow tables, which skips dlt's normalising; Parquet loaded by ADBC
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from benchmarks.peers.items import Job, bodies

os.environ.update(
    {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "NORMALIZE__WORKERS": "1",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
        "DATA_WRITER__DISABLE_COMPRESSION": "true",
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
)
import dlt  # noqa: E402 - reads the environment

TEXT, NUMBER = {"data_type": "text"}, {"data_type": "bigint"}
PRICE = {"data_type": "decimal", "precision": 12, "scale": 2}
HINTS: dict[str, dict[str, Any]] = {
    "id": {"data_type": "bigint", "primary_key": True, "nullable": False},
    "code": TEXT,
    "name": TEXT,
    "status": TEXT,
    "note": TEXT,
    "quantity": NUMBER,
    "customer_id": NUMBER,
    "price": PRICE,
    "discount": PRICE,
    "active": {"data_type": "bool"},
    "due": {"data_type": "date"},
    "created_at": {"data_type": "timestamp"},
    "updated_at": {"data_type": "timestamp"},
    "tags": {"data_type": "json"},
}


def records(source_url: str) -> Iterator[list[dict[str, Any]]]:
    for body in bodies(source_url):
        yield orjson.loads(body)["data"]


def arrow_tables(source_url: str) -> Iterator[Any]:
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    for found in records(source_url):
        columns: dict[str, Any] = {}
        for name, hint in HINTS.items():
            values = [record[name] for record in found]
            kind = hint["data_type"]
            if kind == "bigint":
                columns[name] = pa.array(values, pa.int64())
            elif kind == "decimal":
                columns[name] = pa.array([str(value) for value in values], pa.string()).cast(pa.decimal128(12, 2))
            elif kind == "date":
                columns[name] = pa.array(values, pa.string()).cast(pa.date32())
            elif kind == "timestamp":
                texts = pa.array([value[:-1] for value in values], pa.string())
                columns[name] = texts.cast(pa.timestamp("us")).cast(moment)
            elif kind == "json":
                columns[name] = pa.array([orjson.dumps(value).decode() for value in values], pa.string())
            else:
                columns[name] = pa.array(values)
        yield pa.table(columns)


def load(job: Job, read: Callable[[str], Iterator[Any]], file_format: str) -> None:
    postgres = job.sqlite_path is None
    for table in job.tables:
        pipeline = dlt.pipeline(
            table,
            destination=dlt.destinations.postgres(job.database_url)
            if postgres
            else dlt.destinations.sqlalchemy(job.database_url),
            dataset_name="dlt" if postgres else "main",
            pipelines_dir=os.environ["BENCHMARK_STATE"],
        )
        resource = dlt.resource(
            read(job.source_url),
            name=table,
            primary_key="id",
            columns=HINTS,
            max_table_nesting=0,
            write_disposition={"disposition": "merge", "strategy": "upsert"} if postgres else "merge",
        )
        pipeline.run(resource, **({"loader_file_format": file_format} if postgres else {}))


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    if mode == "arrow":
        load(Job.from_arguments(arguments), arrow_tables, "parquet")
    else:
        load(Job.from_arguments(arguments), records, "csv")
