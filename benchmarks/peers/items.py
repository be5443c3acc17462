"""What every peer loads: the source's items, their columns, and how their pages are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

COLUMNS = {
    "id": "bigint",
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


@dataclass(frozen=True)
class Job:
    """One process's work: tables are items0, items1...; each gets all rows of the source."""

    source_url: str
    database_url: str
    connections: int

    @classmethod
    def from_arguments(cls, arguments: list[str]) -> Job:
        source_url, database_url, connections = arguments
        return cls(source_url, database_url, int(connections))

    @property
    def tables(self) -> list[str]:
        return [f"items{number}" for number in range(self.connections)]

    @property
    def sqlite_path(self) -> Path | None:
        parts = urlsplit(self.database_url)
        return Path(parts.path) if parts.scheme == "sqlite" else None


def bodies(source_url: str) -> Iterator[bytes]:
    """Yield the pages as they come over HTTP."""
    with requests.Session() as session:
        number, more = 1, True
        while more:
            body = session.get(f"{source_url}/items", params={"page": number}, timeout=60).content
            more = not body.endswith(b'"more": false}')
            number += 1
            yield body
