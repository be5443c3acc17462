"""A shop over HTTP whose records vanish, come back, and are withheld by faults: what its tables then hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection as database

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import Shop, sample_connection
from connections.services import create_connection
from syncruns import decisions
from syncruns.models import DeleteBrake, SyncRun
from syncruns.services import request_sync
from syncruns.tasks import execute_run

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Shop()) as running:
        yield running


@pytest.fixture
def store(transactional_db: None, sandbox: Sandbox) -> Iterator[Connection]:
    values = sample_connection(sandbox.url)["values"]
    yield create_connection(kind="rest", name="Store", values={**values, "table_prefix": "gone"})
    with database.cursor() as cursor:
        for name in ("products", "customers", "orders", "orders_items"):
            place = f"rest.gone_{name}" if database.vendor == "postgresql" else f"rest_gone_{name}"
            cursor.execute(f"DROP TABLE IF EXISTS {place}")


@pytest.fixture
def sync(store: Connection, sandbox: Sandbox) -> Sync:
    """Return a function that syncs products (or other streams) while the shop plays faults."""

    def run(faults: str = "", *, times: int = 1, streams: tuple[str, ...] = ("products",)) -> SyncRun:
        sandbox.faults.order(faults)
        for _time in range(times):
            queued, _created = request_sync(store, call_worker=False, streams=streams)
            assert execute_run(queued.pk) is not None
        queued.refresh_from_db()
        return queued

    return run


def live(name: str = "products") -> list[int]:
    place = f"rest.gone_{name}" if database.vendor == "postgresql" else f"rest_gone_{name}"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {place} WHERE _deleted_at IS NULL ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def test_record_that_vanishes_is_marked_after_two_reads_and_back_when_it_returns(sync: Sync) -> None:
    sync()
    assert (sync("vanished-record").deleted, live()[0]) == (0, 1)
    assert (sync("vanished-record").deleted, live()[0]) == (1, 2)
    assert (sync().inserted, live()) == (1, list(range(1, 61)))


@pytest.mark.parametrize(
    "faults",
    ["empty-page,after=1", "empty-page", "error-body,after=1", "missing-id",
     "401,after=1", "html", "empty", "repeated-page",
     *(pytest.param(fault, marks=pytest.mark.long) for fault in ("truncate,after=1", "reset,after=1", "500,after=1"))],
)  # fmt: skip
def test_faults_of_paging_delete_nothing(sync: Sync, settings: Any, faults: str) -> None:
    settings.MAX_RETRIES = 1
    sync(streams=("products", "customers"))
    sync(faults, times=3, streams=("products", "customers"))
    assert (len(live()), len(live("customers"))) == (60, 150)


def test_shop_that_shows_half_of_it_waits_for_a_person(sync: Sync, store: Connection) -> None:
    sync()
    run = sync("half-gone", times=2)
    assert (run.state, run.error_code, run.error_params["missing"]) == ("partial", "delete_brake", 30)
    assert len(live()) == 60
    decisions.decide(DeleteBrake.objects.get(connection=store), decisions.State.APPROVED)
    assert decisions.carry_out() == 30
    assert live() == list(range(1, 61, 2))
    assert sync().inserted == 30
