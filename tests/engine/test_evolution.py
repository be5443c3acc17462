"""Tables change while they are read into: told on the connection, rewritten only where they must, in nobody's way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.destination import table_name
from connections.models import AuditEvent, Connection
from connections.sdk.declare import Column, Page, Stream, Table
from syncruns.engine.warehouse import Counts, warehouse
from syncruns.models import SyncRun
from tests.engine.destination import Destination
from tests.engine.scripted import ScriptedConnector, pages

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
IS_POSTGRES = database.vendor == "postgresql"


def things(*columns: Column, key: tuple[str, ...] = ("id",)) -> Table:
    return Table("things", (Column("id", "integer"), *columns), key)


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes the scripted connector declare one stream of these tables."""

    def change(*tables: Table) -> None:
        streams = (Stream("things", "Things", tables),)
        monkeypatch.setattr(ScriptedConnector, "streams", classmethod(lambda cls, config: streams))

    return change


def told(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    """Return what is kept on the connection of its tables, and that it names the table as SQL does."""
    events = AuditEvent.objects.filter(action__startswith="schema.", target_id=str(connection.pk)).order_by("id")
    for event in events:
        assert event.params.pop("table") == table_name("scripted", "things")
    return [(event.action.removeprefix("schema."), event.params) for event in events]


def test_what_becomes_of_a_table_is_told_once_in_the_log_and_on_the_connection(
    shop: Connection, sync_now: Sync, declare: Callable[..., None], viewer: User, signed_in: Callable[[User], Client]
) -> None:
    page = pages(Page({"things": [{"id": 1, "size": 7, "day": "2026-01-02"}]}))
    declare(things(Column("size", "integer"), Column("day", "date")))
    sync_now({"things": page})
    assert told(shop) == []
    declare(things(Column("size", "decimal", 12, 2), Column("note")))
    for _time in range(2):
        run = sync_now()
        assert (run.state, run.unchanged, run.updated) == ("succeeded", 0, 1) if _time == 0 else True
    expected = [
        ("column_added", {"column": "note", "type": "text"}),
        ("column_widened", {"column": "size", "former": "integer", "type": "decimal(21,2)"}),
        ("column_undeclared", {"column": "day", "former": "date"}),
    ]
    assert told(shop) == expected
    assert not run.logs.filter(event__startswith="schema.").exists()
    logged = shop.runs.order_by("queued_at")[1].logs.filter(event__startswith="schema.").values_list("event", flat=True)
    assert list(logged) == [f"schema.{action}" for action, _params in expected]
    client = signed_in(viewer)
    for address in (reverse("connection", args=[shop.slug]), reverse("connection_runs", args=[shop.slug])):
        shown = client.get(address, headers={"accept-language": "en"}).content.decode()
        assert f"{table_name('scripted', 'things')}: column size widened from integer to decimal(21,2)" in shown
        assert "column day is no longer read" in shown
    note = 'id="h-tables"'
    assert note in client.get(reverse("connection", args=[shop.slug])).content.decode()
    AuditEvent.objects.update(at=timezone.now() - timedelta(days=8))
    assert note not in client.get(reverse("connection", args=[shop.slug])).content.decode()


def test_table_that_is_declared_no_more_is_told_and_keeps_its_rows(
    shop: Connection, sync_now: Sync, declare: Callable[..., None], rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    others = Table("others", (Column("id", "integer"),), ("id",))
    declare(things(), others)
    sync_now({"things": pages(Page({"things": [{"id": 1}], "others": [{"id": 5}]}))})
    declare(others)
    sync_now({"things": pages(Page({"others": [{"id": 5}]}))})
    assert told(shop) == [("undeclared", {})]
    assert rows("things", "id, _run_id")[0][0] == 1


def test_changed_key_is_refused_in_words_and_writes_nothing(
    shop: Connection, sync_now: Sync, declare: Callable[..., None], rows: Callable[..., list[tuple[Any, ...]]],
    viewer: User, signed_in: Callable[[User], Client],
) -> None:  # fmt: skip
    page = pages(Page({"things": [{"id": 1, "code": "a"}]}))
    declare(things(Column("code")))
    sync_now({"things": page})
    declare(things(Column("code"), Column("more"), key=("id", "code")))
    run = sync_now()
    assert (run.state, run.error_code, told(shop)) == ("failed", "key_changed", [])
    assert rows("things", "id, code") == [(1, "a")]
    shown = signed_in(viewer).get(reverse("connection", args=[shop.slug]), headers={"accept-language": "en"})
    said = f"The table {table_name('scripted', 'things')} already holds rows under another key; nothing was written."
    assert said in shown.content.decode()


@pytest.mark.skipif(not IS_POSTGRES, reason="SQLite alters no type: it copies the table")
def test_postgres_rewrites_a_table_only_where_it_must_and_then_once(clean_tables: None) -> None:
    def file() -> int:
        with database.cursor() as cursor:
            cursor.execute("SELECT relfilenode FROM pg_class WHERE oid = 'scripted.things'::regclass")
            return int(cursor.fetchone()[0])

    def become(*columns: Column) -> list[str]:
        with CaptureQueriesContext(database) as asked:
            warehouse().prepare("scripted", [things(*columns)])
        return [query["sql"] for query in asked if query["sql"].startswith("ALTER")]

    become(Column("a", "decimal", 8, 2), Column("b", "integer"), Column("day", "date"))
    first = file()
    become(Column("a", "decimal", 12, 2), Column("b", "integer"), Column("day", "date"), Column("new", "json"))
    become(Column("a", "decimal", 30, 2), Column("new", "json"), Column("newer", "timestamp"))
    assert file() == first
    assert len(become(Column("a"), Column("b", "decimal", 25, 3), Column("day", "timestamp"), Column("last"))) == 1
    assert file() != first


def test_load_goes_on_after_another_connection_widened_its_table(clean_tables: None) -> None:
    declared = things(Column("size", "integer"), Column("day", "date"), key=("id", "size"))
    mine = Destination(declared, schema="scripted")
    mine.load({"things": [{"id": 1, "size": 1, "day": "2026-01-01"}]})
    other = Destination(
        things(Column("size"), Column("day", "timestamp"), Column("new"), key=("id", "size")), schema="scripted"
    )
    page = {"things": [{"id": number, "size": number, "day": "2026-01-01"} for number in (1, 2)]}
    assert mine.load(page) == Counts(inserted=1, unchanged=1)
    assert mine.load({}, {"things": [(1, 1)]}) == Counts(deleted=1)
    assert mine.load({"things": [{"id": 2, "size": 2, "day": "2026-01-02"}]}) == Counts(updated=1)
    assert [(row[0], row[1], str(row[2])) for row in other.live("things")] == [(2, "2", "2026-01-02 00:00:00+00:00")]


EVOLVED = [
    (Column("size", "decimal", 12, 2), Column("day", "date")),
    (Column("size", "decimal", 12, 2), Column("day", "timestamp"), Column("note")),
    (Column("size"), Column("day", "timestamp"), Column("more", "json")),
]


@pytest.fixture
def side_by_side() -> Iterator[Callable[..., None]]:
    """Return a function that calls others in threads and raises the first failure of any."""

    def run(*tasks: Callable[[], None]) -> None:
        failures: list[BaseException] = []

        def guarded(task: Callable[[], None]) -> None:
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - raised below
                failures.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    yield run


def test_tables_evolve_while_other_connections_load(clean_tables: None, side_by_side: Callable[..., None]) -> None:
    declared = things(Column("size", "integer"), Column("day", "date"))
    Destination(declared, schema="scripted")
    steps = [threading.Event() for _step in EVOLVED]
    done = threading.Event()

    def load(connection_id: int) -> None:
        mine = Destination(declared, schema="scripted")
        mine.connection_id = connection_id
        for start in range(0, 60, 2):
            if start % 20 == 0 and connection_id == 1:
                steps[start // 20].set()
            batch = [{"id": n, "size": n % 7, "day": "2026-01-02"} for n in range(start, start + 40)]
            counts = mine.load({"things": batch})
            assert counts == Counts(inserted=40 if start == 0 else 2, unchanged=0 if start == 0 else 38)

    def evolve() -> None:
        for step, columns in zip(steps, EVOLVED, strict=True):
            assert step.wait(30)
            Destination(things(*columns), schema="scripted")
        done.set()

    side_by_side(lambda: load(1), lambda: load(2), evolve)
    assert done.is_set()
    last = Destination(things(*EVOLVED[-1]), schema="scripted")
    for connection_id in (1, 2):
        last.connection_id = connection_id
        found = last.live("things")
        assert [(row[0], row[1], str(row[2])) for row in found] == [
            (n, str(n % 7), "2026-01-02 00:00:00+00:00") for n in range(98)
        ]
