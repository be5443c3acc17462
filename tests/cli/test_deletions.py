"""`manage.py connections deletions`: shows what waits for a person, and takes the decision."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connections.models import AuditEvent, Connection
from syncruns.models import MissedRow
from syncruns.services import request_sync
from tests.cli.conftest import Result
from tests.web.console_pages import CONFIG, hold_deletions

Command = Callable[..., Result]
pytestmark = pytest.mark.django_db


@pytest.fixture
def held(make_connection: Callable[..., Connection]) -> Connection:
    connection = make_connection(slug="loja", config=CONFIG)
    hold_deletions(connection, [{"id": number, "total": "9.90"} for number in (7, 8, 9)])
    return connection


def test_what_waits_is_shown_with_numbers_to_decide_by(command: Command, held: Connection) -> None:
    shown = command("connections", "deletions", "loja")
    assert shown.code == 0
    assert "shop_orders: 3 of 6 rows are missing at the source." in shown.out
    document = command("connections", "deletions", "loja", "--json").document
    (waiting,) = document["waiting"]
    assert (waiting["stream"], waiting["table"], waiting["missing"], waiting["total"]) == (
        "orders",
        "shop_orders",
        3,
        6,
    )
    assert [row["values"] for row in waiting["rows"]] == [{"id": number, "total": "9.90"} for number in (7, 8, 9)]
    assert "Unusually many deletions" in command("connections", "show", "loja").out


def test_chosen_rows_and_then_all_are_decided_on(command: Command, held: Connection) -> None:
    number = str(MissedRow.objects.order_by("pk").values_list("pk", flat=True)[0])
    assert command("connections", "deletions", "loja", "--keep", number).out == "Kept 1 row.\n"
    deleted = command("connections", "deletions", "loja", "--delete", "all", "--json").document
    assert deleted == {"slug": "loja", "decided": 2, "deleted": 2, "waiting_for_run": 0}
    assert [event.actor for event in AuditEvent.objects.filter(action__startswith="deletions.")] == ["cli", "cli"]
    assert command("connections", "deletions", "loja").out == "No deletion waits for a decision.\n"


def test_deletions_wait_for_the_run_that_is_active(command: Command, held: Connection) -> None:
    request_sync(held, call_worker=False)
    done = command("connections", "deletions", "loja", "--delete", "all")
    assert done.out == "They are deleted as soon as the active run has ended.\n"


@pytest.mark.parametrize("flags", [("--delete", "0"), ("--keep", "x"), ("--table", "shop_order")])
def test_what_does_not_wait_is_refused_and_nothing_decided(
    command: Command, held: Connection, flags: tuple[str, ...]
) -> None:
    assert command("connections", "deletions", "loja", *flags).code == 2
    assert MissedRow.objects.filter(state="held").count() == 3
