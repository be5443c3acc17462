"""Fixtures of tests about data pages, for a test module to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache

from connections import connectors
from connections.models import Connection
from syncruns.models import SyncRun
from tests.web.console_pages import make_run
from tests.web.data_shop import LINES, ORDERS, PEOPLE, LedgerConnector, drop_tables, load


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()  # counts are kept for a minute
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, LedgerConnector))


@pytest.fixture
def shop(make_connection: Callable[..., Connection]) -> Connection:
    return make_connection(kind="ledger", name="Loja", slug="loja", config={})


@pytest.fixture
def run(shop: Connection) -> SyncRun:
    """A run that wrote four orders, the lines of one, and a person."""
    run = make_run(shop)
    load(shop, run, ORDERS, [
        {"id": 1, "customer": "Ana Moura", "note": "=1+1", "total": "1284.90", "day": "2026-11-24",
         "made_at": "2026-11-24T17:22:00Z", "is_paid": True, "extra": {"k": "ç", "n": 1}},
        {"id": 2, "customer": "Bruno", "note": "long " * 60, "total": "-5.00", "day": "2026-11-23",
         "made_at": "2026-11-25T02:59:59Z", "is_paid": False},
        {"id": 3, "customer": "Ana Lima", "note": None},
        {"id": 48211, "note": "last", "total": "10.00", "day": "2026-11-24", "made_at": "2026-11-25T03:00:00Z"},
    ])  # fmt: skip
    load(shop, run, LINES, [{"order_id": 1, "line": line, "product": f"P{line}"} for line in range(1, 13)])
    load(shop, run, PEOPLE, [{"cpf": "529.982.247-25", "city": "Recife", "phone": "+5581999990000"}])
    return run


@pytest.fixture(autouse=True)
def clean_tables(db: None) -> Iterator[None]:
    """Remove what the tests wrote, where a transaction does not."""
    yield
    drop_tables()
