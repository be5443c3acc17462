from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection as database

from connections import connectors
from connections.models import Connection
from tests.crash.hosts import Host, Source
from tests.crash.ledger import Ledger, LedgerConnector, LedgerServer


@pytest.fixture
def restored(transactional_db: None) -> Iterator[None]:
    """Remove the destination tables afterwards: the test runner does not know them."""
    yield
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables"
                           " WHERE table_name LIKE 'crash%' OR table_schema = 'ledger'")  # fmt: skip
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {name}")
        else:
            for name in database.introspection.table_names(cursor):
                if "_crash" in name or name.startswith("ledger_"):
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
    with ThreadPoolExecutor() as stopping:
        list(stopping.map(Host.stop, hosts))


@pytest.fixture
def sources(restored: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Source]]:
    """Two connections, each to a ledger of its own that thinks before it answers: a run takes a few seconds."""
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, LedgerConnector))
    ledgers = [Ledger(number) for number in (1, 2)]
    server = LedgerServer(ledgers, seconds=0.25)
    yield [
        Source(
            Connection.objects.create(
                name=f"Ledger {number}",
                slug=f"ledger-{number}",
                kind="ledger",
                config={"base_url": server.url(number), "allow_private_addresses": True},
            ),
            ledger,
        )
        for number, ledger in enumerate(ledgers)
    ]
    server.shutdown()
    server.server_close()
