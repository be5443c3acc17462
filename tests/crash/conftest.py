from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection as database

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import sample_connection
from connections.services import create_connection
from tests.crash.hosts import Host, SlowShop


@pytest.fixture
def restored(transactional_db: None) -> Iterator[None]:
    """Remove the destination tables afterwards: the test runner does not know them."""
    yield
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables"
                           " WHERE table_name LIKE 'crash%'")  # fmt: skip
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {name}")
        else:
            for name in database.introspection.table_names(cursor):
                if "_crash" in name:
                    cursor.execute(f'DROP TABLE "{name}"')


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Return a function that starts a host of a role; all stop with the test."""
    hosts: list[Host] = []

    def start(role: str, name: str = "", **environment: str) -> Host:
        settings = {"LEASE_SECONDS": "2", "SYNC_WORKERS": "2", **environment}
        host = Host(role, tmp_path / (name or role), **settings)
        host.start()
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        host.stop()


@pytest.fixture
def shops(restored: None) -> Iterator[list[Connection]]:
    """Two connections to a slow shop."""
    with Sandbox(SlowShop()) as sandbox:
        definition = sample_connection(sandbox.url)
        yield [
            create_connection(
                kind="rest",
                name=f"Shop {number}",
                values={**definition["values"], "table_prefix": f"crash{number}"},
                schedule={"schedule_kind": "interval", "interval_minutes": 60},
            )
            for number in (1, 2)
        ]
