"""The Odoo connector through the engine: after an hour of everything that happens to it, the tables are Odoo's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from connections.models import Connection
from connections.sandbox.odoo import Odoo
from connections.sandbox.server import Sandbox
from connections.services import create_connection
from tests.connectors.odoo.reader import connector
from tests.engine.odoo_truth import OURS, expected, held
from tests.engine.whole import drop_tables, killed_sync, problems, sync

pytestmark = pytest.mark.django_db(transaction=True)
SHORT_BOOKS = datetime(2026, 10, 8, 6, tzinfo=UTC)  # a day on which the sandbox's history is three weeks long
KEYS = [service.key for service in OURS]


@pytest.fixture
def clean_odoo(transactional_db: None) -> Iterator[None]:
    yield
    drop_tables("odoo")


def odoo_connection(url: str, version: int) -> Connection:
    session = connector(url, version=version, sweep_hours=1)
    return create_connection(
        kind="odoo", name="Odoo", values={**session.config, **session.secrets}, windows={"entradas": 60 * 24 * 60}
    )


def meddle(odoo: Odoo, minute: int, randomness: random.Random) -> None:
    """Change by hand what the business alone does not: silent deletions above all, few enough for the brake."""
    header = randomness.choice(("sale.order", "purchase.order"))
    model = f"{header}.line"
    lines = [number for number, row in odoo.rows(model).items() if not row["display_type"]]
    odoo.store.unlink(model, [lines.pop(randomness.randrange(len(lines)))])  # neither header nor date moves
    odoo.write(model, randomness.choice(lines), {"name": f"text {randomness.random()}"})
    odoo.write(header, randomness.choice(list(odoo.rows(header))), {"state": "cancel"})
    if minute in (24, 48):
        odoo.unlink("purchase.request", [randomness.choice(list(odoo.rows("purchase.request")))])
        drafts = [number for number, row in odoo.rows("account.move").items() if row["state"] == "draft"]
        odoo.unlink("account.move", drafts[:1])


# Every day each database with one version; both with each other take longer.
EVERYDAY, LONG = (19, 17) if settings.IS_POSTGRES else (17, 19)


@pytest.mark.parametrize("version", [EVERYDAY, pytest.param(LONG, marks=pytest.mark.long)])
def test_tables_are_the_source_s_after_an_hour_of_changes_deletions_late_commits_and_kills(
    clean_odoo: None, version: int
) -> None:
    randomness = random.Random(version)
    odoo = Odoo(version=version, seed=5, clock=lambda: SHORT_BOOKS)
    with Sandbox(odoo) as sandbox:
        connection = odoo_connection(sandbox.url, version)
        killed_sync(connection, sandbox, 30)
        first = sync(connection, since=SHORT_BOOKS - timedelta(days=90))
        assert problems(first) == {}
        assert [stream.stream for stream in first.streams.order_by("position")] == KEYS
        assert_same(odoo)
        for minute in range(6, 66, 6):
            late = odoo.begin()
            odoo.pass_time(timedelta(minutes=6))
            meddle(odoo, minute, randomness)
            late.write("sale.order", [randomness.choice(list(odoo.rows("sale.order")))], {"client_order_ref": "late"})
            if minute in (18, 42):
                killed_sync(connection, sandbox, randomness.randrange(3, 40))
            elif minute in (12, 30):
                odoo.faults.order(f"reset:2,after={randomness.randrange(40)};500:3,after={randomness.randrange(60)}")
                sync(connection)
                odoo.faults.order("")
            elif minute in (36, 54):
                assert problems(sync(connection)) == {}
            late.commit()
        for _sweep in range(3):  # what two sweeps in a row missed is gone
            odoo.pass_time(timedelta(minutes=61))
            assert problems(sync(connection)) == {}
        assert_same(odoo)


def assert_same(odoo: Odoo) -> None:
    truth = expected(odoo)
    for service in OURS:
        for table in (service.table, *([service.items] if service.items else [])):
            ours, theirs = held(table), truth[table.name]
            assert theirs, table.name
            missing, surplus = theirs.keys() - ours.keys(), ours.keys() - theirs.keys()
            differing = {
                key: {name: (ours[key][name], value) for name, value in row.items() if ours[key][name] != value}
                for key, row in theirs.items() if key in ours and ours[key] != row
            }  # fmt: skip
            assert (sorted(missing)[:5], sorted(surplus)[:5], differing) == ([], [], {}), table.name
