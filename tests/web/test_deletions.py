"""The page of held deletions: what it shows to whom, and what its buttons do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import connectors
from connections.destination import table_name
from connections.models import AuditEvent, Connection
from connections.sdk.declare import Column, Stream, Table
from syncruns.health import health_of
from syncruns.models import DeleteBrake, MissedRow, SystemJob
from tests.engine.scripted import ScriptedConnector
from tests.web.console_pages import hold_deletions, make_run
from tests.web.test_pages import text

pytestmark = pytest.mark.django_db

CHANGED = "Nothing was decided: the list has changed since you opened it."
PEOPLE = Table(
    "people",
    (Column("id", "integer"), Column("city"), Column("cpf", personal=True), Column("since", "date"),
     Column("active", "boolean"), Column("balance", "decimal", 12, 2), Column("left_out")),
    key=("id",),
)  # fmt: skip


@pytest.fixture
def people(make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A connection of which three people would be deleted, while the scheduler lives."""
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now())
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, ScriptedConnector))
    monkeypatch.setattr(
        ScriptedConnector, "streams", classmethod(lambda cls, config: (Stream("people", "People", (PEOPLE,)),))
    )
    connection = make_connection(kind="scripted", auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=9))
    record = {"city": "Açu", "cpf": "123.456.789-09", "since": "2026-03-31", "active": True, "balance": "1234.5"}
    hold_deletions(connection, [{"id": number, **record} for number in (1001, 1002, 1003)])
    return connection


@pytest.fixture
def operators(operator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(operator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def page_of(connection: Connection) -> str:
    return reverse("connection_deletions", args=[connection.slug])


def decide(client: Client, connection: Connection, do: str, *rows: int, **fields: str) -> HttpResponse:
    page = client.get(page_of(connection))
    found = re.search(r'name="as_of" value="([^"]+)"', page.content.decode())
    data = {"table": "people", "as_of": found[1] if found else "", "do": do, "row": [str(row) for row in rows]}
    return client.post(reverse("connection_decide", args=[connection.slug]), data | fields)


def said(response: HttpResponse) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


def test_page_lists_the_rows_that_would_go_with_a_few_columns(operators: Client, people: Connection) -> None:
    shown = text(operators, page_of(people))
    assert "3 of 6 rows are missing at the source" in shown
    assert "1001 Açu 123.456.789-09 03/31/2026 yes" in shown
    assert "Delete all 3 rows" in shown and "Keep all 3 rows" in shown and "left_out" not in shown


def test_viewer_sees_the_rows_without_personal_data_and_nothing_to_decide(
    viewer: User, signed_in: Callable[[User], Client], people: Connection
) -> None:
    shown = text(signed_in(viewer), page_of(people))
    assert "1001" in shown and "123.456.789-09" not in shown and "•••" in shown
    main = signed_in(viewer).get(page_of(people)).content.decode().split("<main")[1].split("</main")[0]
    assert "<form" not in main and 'name="do"' not in main


def test_all_or_the_chosen_rows_are_decided_on_and_audited(
    operators: Client, operator: User, people: Connection
) -> None:
    first, second, third = MissedRow.objects.order_by("pk").values_list("pk", flat=True)
    assert said(decide(operators, people, "keep", first)) == ["1 row stays; it is not proposed again."]
    assert said(decide(operators, people, "delete")) == ["Choose the rows first."]
    assert said(decide(operators, people, "delete_all")) == ["2 rows are being deleted, as soon as no run is active."]
    assert list(MissedRow.objects.order_by("pk").values_list("state", flat=True)) == ["kept", "approved", "approved"]
    events = (
        AuditEvent.objects.filter(user=operator, action__startswith="deletions.")
        .order_by("pk")
        .values_list("action", "params")
    )
    assert list(events) == [
        ("deletions.kept", {"table": "people", "count": 1}),
        ("deletions.approved", {"table": "people", "count": 2}),
    ]
    assert "No deletion waits for a decision." in text(operators, page_of(people))
    assert said(decide(operators, people, "keep_all")) == [CHANGED]


def test_menu_counts_tables_that_wait_and_their_list_leads_to_the_rows(operators: Client, people: Connection) -> None:
    assert "1 waits for a decision" in text(operators, "/")
    listed = operators.get("/review/", follow=True)  # nothing else waits
    assert listed.redirect_chain == [("/review/deletions/", 302)]
    assert f'href="{page_of(people)}?table=people"' in listed.content.decode()
    shown = text(operators, "/review/deletions/")
    assert "Deletions in 1 table wait for you." in shown
    assert f"{table_name('scripted', 'people')} {people.name} 3 of 6" in shown
    decide(operators, people, "keep_all")
    empty = text(operators, "/review/deletions/")
    assert "No deletion waits for a decision." in empty
    assert "0 table" not in empty
    assert "waits for a decision" not in text(operators, "/").replace("No deletion waits for a decision.", "")


def test_rows_held_after_the_page_was_opened_are_not_decided_on(operators: Client, people: Connection) -> None:
    decided = decide(operators, people, "delete_all", as_of=(timezone.now() - timedelta(hours=1)).isoformat())
    assert said(decided) == [CHANGED]
    assert DeleteBrake.objects.get().missing == 3


def test_connection_needs_a_person_while_it_goes_on_syncing(operators: Client, people: Connection) -> None:
    make_run(people, "partial", error_code="delete_brake", error_params=DeleteBrake.objects.get().params)
    for url in ("/", reverse("connection", args=[people.slug])):
        shown = text(operators, url)
        assert "Action needed" in shown and "Unusually many deletions" in shown and "Review the deletions" in shown
        assert "3 of 6 rows of people are missing at the source; none of them was deleted." in shown
    decided_here = text(operators, reverse("connection_deletions", args=[people.slug]))
    assert "Delete all 3 rows" in decided_here and "Review the deletions" not in decided_here
    assert "Deletions 3" in text(operators, reverse("connection_edit", args=[people.slug]))
    assert "Your connection needs you." in text(operators, "/")
    assert re.search(r"in [89] min", text(operators, "/connections/"))
    brake = DeleteBrake.objects.get()
    assert health_of(people, None, None, timezone.now(), brake=brake).state == "action"
    people.status = Connection.Status.INACTIVE
    assert health_of(people, None, None, timezone.now(), brake=brake).state == "off"


def test_once_decided_the_last_run_is_told_as_partial(operators: Client, people: Connection) -> None:
    run = make_run(people, "partial", error_code="delete_brake", error_params=DeleteBrake.objects.get().params)
    decide(operators, people, "keep_all")
    assert "it has been decided on since" in text(operators, "/connections/")
    assert "Action needed" not in text(operators, reverse("run", args=[run.pk]))


def test_page_asks_the_database_as_often_for_many_rows_as_for_few(operators: Client, people: Connection) -> None:
    with CaptureQueriesContext(database) as few:
        operators.get(page_of(people))
    DeleteBrake.objects.all().delete()
    MissedRow.objects.all().delete()
    hold_deletions(people, [{"id": number} for number in range(200)])
    with CaptureQueriesContext(database) as many:
        shown = text(operators, f"{page_of(people)}?table=people&page=2")
    assert len(many) <= len(few) + 1
    assert "51 to 100 of 203" in shown
