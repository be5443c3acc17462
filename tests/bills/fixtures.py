"""Fixtures of tests about bills, for a conftest to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection as database

from connections import connectors
from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.services import create_connection
from syncruns.models import SyncRun
from tests.bills.connector import BillsConnector
from tests.bills.vendor import TOKEN, Bills
from tests.engine.whole import drop_tables, sync

Select = Callable[..., list[tuple[Any, ...]]]
Run = Callable[..., SyncRun]


@pytest.fixture
def vendor() -> Bills:
    return Bills()


@pytest.fixture
def sandbox(vendor: Bills) -> Iterator[Sandbox]:
    with Sandbox(vendor) as running:
        yield running


@pytest.fixture
def bills(transactional_db: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection to the vendor, of a kind that is registered for the test."""
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, BillsConnector))
    values = {"base_url": sandbox.url, "token": TOKEN, "allow_private_addresses": True}
    yield create_connection(kind="bills", name="Energia", slug="energia", values=values)
    drop_tables("bills")


@pytest.fixture
def sync_bills(bills: Connection) -> Run:
    """Return a function that syncs the bills here and now."""

    def run(**options: Any) -> SyncRun:
        return sync(bills, **options)

    return run


@pytest.fixture
def select() -> Select:
    """Return a function that reads live rows of a table of bills."""

    def read(table: str, columns: str) -> list[tuple[Any, ...]]:
        name = f"bills.{table}" if database.vendor == "postgresql" else f"bills_{table}"
        with database.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {name} WHERE _deleted_at IS NULL ORDER BY 1")  # noqa: S608
            return list(cursor.fetchall())

    return read
