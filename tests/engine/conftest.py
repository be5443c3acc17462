from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection as database

from connections import connectors
from connections.models import Connection
from syncruns.models import SyncRun
from syncruns.services import request_sync
from syncruns.tasks import execute_run
from tests.bills.fixtures import bills, sandbox, select, sync_bills, vendor
from tests.engine.scripted import Script, ScriptedConnector
from tests.engine.whole import drop_tables

__all__ = ["bills", "sandbox", "select", "sync_bills", "vendor"]  # fixtures


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[ScriptedConnector]]:
    """Register the scripted connector, with nothing to read."""
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, ScriptedConnector))
    ScriptedConnector.scripts = {}
    ScriptedConnector.opened = 0
    yield ScriptedConnector


@pytest.fixture
def clean_tables(transactional_db: None) -> Iterator[None]:
    yield
    drop_tables("scripted")


@pytest.fixture
def shop(clean_tables: None, make_connection: Callable[..., Connection]) -> Connection:
    return make_connection(kind="scripted", config={"base_url": "http://shop.example"}, auto_sync=True)


@pytest.fixture
def sync_now(shop: Connection) -> Callable[..., SyncRun]:
    """Return a function that runs the given scripts (stream -> script) now and returns the finished run."""

    def run(scripts: dict[str, Script] | None = None, **options: Any) -> SyncRun:
        if scripts is not None:
            ScriptedConnector.scripts = scripts
        queued, created = request_sync(shop, call_worker=False, **options)
        assert created
        done = execute_run(queued.pk)
        assert done is not None
        done.refresh_from_db()
        shop.refresh_from_db()
        return done

    return run


@pytest.fixture
def rows(shop: Connection) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that reads live rows of a destination table, ordered by their first column."""

    def read(table: str, columns: str) -> list[tuple[Any, ...]]:
        name = f"scripted.{table}" if database.vendor == "postgresql" else f"scripted_{table}"
        with database.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {name} WHERE _deleted_at IS NULL ORDER BY 1, 2")
            return list(cursor.fetchall())

    return read
