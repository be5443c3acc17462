"""The Auvo connector through the engine: after a day of everything that happens to it, the tables are Auvo's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from connections.models import Connection
from connections.sandbox.auvo import API_KEY, API_TOKEN, Auvo
from connections.sandbox.server import Sandbox
from connections.services import create_connection
from tests.engine import auvo_truth as truth
from tests.engine.whole import check, drop_tables, forget, held, killed_sync, problems, sync

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = 6  # of look-back and of look-ahead; the outermost may change with the date while the test runs
STREAMS = ["tasks", "customers", "users", "products", "services", "equipments", "task_types", "segments"]
WINDOWED = ("tasks", "tickets", "quotations", "expenses")


@pytest.fixture
def clean_auvo(transactional_db: None) -> Iterator[None]:
    yield
    drop_tables("auvo")


def auvo_connection(url: str) -> Connection:
    return create_connection(
        kind="auvo", name="Auvo",
        values={"api_url": f"{url}/v2", "api_key": API_KEY, "api_token": API_TOKEN, "allow_private_addresses": True,
                "look_ahead_days": DAYS, "hot_days": 2, "calls_per_minute": 0},
        windows=dict.fromkeys(WINDOWED, DAYS * 24 * 60),
    )  # fmt: skip


def planned(auvo: Auvo, days: int) -> dict[int, dict[str, Any]]:
    today = auvo_today()
    return {
        task["taskID"]: task for task in auvo.tasks(today - timedelta(days=days), today + timedelta(days=days))
    }  # fmt: skip


def auvo_today() -> Any:
    return datetime.now(truth.ZONE).date()


def test_tables_are_the_source_s_after_a_day_of_changes_deletions_faults_and_a_kill(clean_auvo: None) -> None:
    randomness = random.Random(7)
    auvo = Auvo(seed=5, limit=1_000_000)
    with Sandbox(auvo) as sandbox:
        connection = auvo_connection(sandbox.url)
        killed_sync(connection, sandbox, 12)
        assert problems(sync(connection, streams=STREAMS)) == {}
        assert_same(auvo)
        gone = []
        for hour, faults in enumerate(("", "reset:1,after=20;500:2,after=30", "truncate:1,after=15", "")):
            auvo.pass_time(timedelta(hours=4))
            numbers = list(planned(auvo, DAYS - 1))
            meet, lose, vanish, *others = randomness.sample(numbers, 6)
            auvo.change(meet, report=f"corrigido {hour}", products=[])
            auvo.delete(lose)
            auvo.delete(vanish, traced=False)
            auvo.change(others[0], taskDate=f"{auvo_today() + timedelta(days=hour)}T09:00:00")
            gone += [lose, vanish]
            if hour == 0:
                auvo.remove("customers", 990_007)
            auvo.faults.order(faults)
            if hour == 3:
                killed_sync(connection, sandbox, randomness.randrange(5, 25))
            sync(connection, streams=STREAMS)
            auvo.faults.order("")
        for _sweep in range(2):  # what two sweeps in a row missed is gone
            forget(connection, "swept_at")
            assert problems(sync(connection, streams=STREAMS)) == {}
        assert_same(auvo)
        still = held("auvo", "task", ("task_id",), ["task_id"])
        assert not {(number,) for number in gone} & still.keys()


def test_lists_that_vanish_or_are_refused_delete_nothing_and_stop_no_other(clean_auvo: None) -> None:
    auvo = Auvo(seed=5, limit=1_000_000)
    streams = ["tasks", "customers", "segments", "users", "equipments"]
    with Sandbox(auvo) as sandbox:
        connection = auvo_connection(sandbox.url)
        assert problems(sync(connection, streams=streams)) == {}
        before = {
            name: len(held("auvo", name, (f"{name}_id",), [f"{name}_id"])) for name in ("task", "customer", "segment")
        }
        assert all(before.values())
        auvo.faults.order(
            "vendor-error,code=missing,path=/v2/tasks;vendor-error,code=missing,path=/v2/customers;"
            "vendor-error,code=missing,path=/v2/segments;vendor-error,code=forbidden,path=/v2/equipments"
        )
        for _twice in range(3):
            forget(connection, "swept_at")
            found = problems(sync(connection, streams=streams))
            assert {name: state for name, (state, *_rest) in found.items()} == {"equipments": "unavailable"}
        after = {name: len(held("auvo", name, (f"{name}_id",), [f"{name}_id"])) for name in before}
        assert after == before


def assert_same(auvo: Auvo) -> None:
    inner, wide = planned(auvo, DAYS - 1), planned(auvo, 60)
    for table in truth.OF_TASK:
        expected = truth.of_tasks(list(wide.values()), table)
        key = ("task_id", *truth.OF_TASK[table][0])
        ours = held("auvo", table, key, list(next(iter(expected.values()))))
        check(table, ours, expected, must={name for name in expected if name[0] in inner})
    answered = {(number, each["itemId"]) for number in inner for each in auvo.surveys(number)}
    assert answered
    assert answered <= held("auvo", "satisfaction_survey", ("task_id", "item_id"), ["task_id", "item_id"]).keys()
    for path, table, key_name, row in truth.OTHERS:
        rows = [row(each) for each in auvo.records(path)]
        expected = {(each[key_name],): each for each in rows}
        check(table, held("auvo", table, (key_name,), list(rows[0])), expected, must=set(expected))
