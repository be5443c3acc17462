"""Who did what: the audit page for administrators, and runs and changes of one connection on its page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections import audit
from connections.differences import differences
from connections.models import AuditEvent, Connection
from connections.services import set_auto_sync, set_stream, update_connection
from tests.web.console_pages import CONFIG, make_run

pytestmark = pytest.mark.django_db
Make = Callable[..., Connection]


@pytest.fixture
def shop(make_connection: Make, administrator: User) -> Connection:
    """A connection whose settings an administrator changed."""
    connection = make_connection(name="Shop", slug="shop", config=CONFIG)
    connection = update_connection(
        connection, name="Store", schedule={"interval_minutes": 15, "catch_up": "none"}, user=administrator,
        values={"base_url": "https://api.example/v2"},
    )  # fmt: skip
    set_stream(connection, "orders", enabled=False, user=administrator)
    return connection


@pytest.fixture
def page(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def words(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    main = response.content.decode().split("<main")[1].split("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def test_differences_hold_no_credentials_and_no_long_values() -> None:
    before = {"url": "https://api.example", "streams": [], "tags": ["a"], "text": "x", "on": True, "at": time(6, 30)}
    after = {
        "url": "https://ana:secret@api.example/v2?key=secret#x", "streams": [{"name": "orders"}], "tags": ["a", "b"],
        "text": "y" * 900, "on": True, "at": None,
    }  # fmt: skip
    assert differences(before, after) == [
        ["url", "https://api.example", "https://api.example/v2"], ["streams", "", None], ["tags", "a", "a, b"],
        ["text", "x", "y" * 200], ["at", "06:30", None],
    ]  # fmt: skip


def test_audit_tells_values_before_and_after(page: Client, shop: Connection) -> None:
    said = words(page, "/audit/")
    assert "administrator Changed name, " in said and "name: Shop → became Store" in said
    assert "every (minutes): 30 → became 15" in said
    assert "missed slots: Run once for everything missed → became Wait for the next slot" in said
    assert "http://127.0.0.1:9 → became https://api.example/v2" in said
    assert "Changed the stream Sales orders enabled: yes → became no" in said


def test_streams_go_by_their_titles_and_by_their_key_once_they_are_gone(page: Client, shop: Connection) -> None:
    titled = [stream | {"label": "Pedidos"} for stream in CONFIG["streams"]]
    Connection.objects.update(config=CONFIG | {"streams": titled})
    assert "Changed the stream Pedidos " in words(page, "/audit/")
    Connection.objects.update(config=CONFIG | {"streams": []})
    assert "Changed the stream orders " in words(page, "/audit/")
    Connection.objects.update(kind="no-longer-installed")
    assert "Changed the stream orders " in words(page, "/audit/")


def test_a_change_of_the_catch_up_choice_alone_is_kept_and_moves_no_slot(shop: Connection) -> None:
    due = timezone.now() - timedelta(minutes=1)
    Connection.objects.update(next_sync_at=due, auto_sync=True)
    update_connection(shop, schedule={"catch_up": "one"})
    shop.refresh_from_db()
    assert (shop.catch_up, shop.next_sync_at) == ("one", due)


def test_audit_is_narrowed_by_person_connection_action_and_time(
    page: Client, shop: Connection, operator: User, make_connection: Make
) -> None:
    set_auto_sync(make_connection(slug="other"), True, user=operator)
    audit.record("sign_in.failed", actor="?", address="192.0.2.7")
    AuditEvent.objects.filter(action="stream.changed").update(at=timezone.now() - timedelta(days=3))

    def actions(query: str) -> set[str]:
        return {row.event.action for row in page.get(f"/audit/?{query}").context["rows"]}

    assert actions("who=operator") == {"auto_sync.on"}
    assert actions("connection=shop") == {"connection.changed", "stream.changed"}
    assert actions("connection=shop&span=24h") == {"connection.changed"}
    assert actions("action=sign_in&who=?") == {"sign_in.failed"}
    assert actions("action=settings") == {"connection.changed", "stream.changed"}
    assert "192.0.2.7" in words(page, "/audit/?action=sign_in")
    assert "Nothing fits these filters." in words(page, "/audit/?who=operator&action=runs")


@pytest.mark.parametrize("address", ["/audit/", "/connections/shop/runs/"])
def test_pages_ask_the_database_as_often_for_many_events_as_for_few(
    page: Client, shop: Connection, address: str
) -> None:
    def fill(count: int) -> None:
        for number in range(count):
            audit.record("connection.paused", target=shop, actor=f"person {number}", until="2026-12-31T00:00:00Z")
            make_run(shop, ago=timedelta(minutes=number))

    fill(2)
    page.get(address)
    with CaptureQueriesContext(database) as few:
        page.get(address)
    fill(60)
    page.get(address)  # stored rows are counted again after each run
    with CaptureQueriesContext(database) as many:
        page.get(address)
    assert len(many) == len(few) <= 24


def test_runs_tab_tells_runs_and_changes_in_one_line_of_time(page: Client, shop: Connection) -> None:
    older = make_run(shop, ago=timedelta(hours=2))
    make_run(shop, ago=timedelta(minutes=-1))
    audit.record("run.requested", target=shop, run=str(older.pk))

    def entries(query: str = "") -> list[str]:
        found = page.get(f"/connections/shop/runs/?{query}").context["page"].object_list
        return [entry.event.action if entry.event else entry.run.state for entry in found]

    assert entries() == ["succeeded", "stream.changed", "connection.changed", "succeeded"]
    assert entries("show=runs") == ["succeeded", "succeeded"]
    assert entries("show=changes") == ["stream.changed", "connection.changed"]
    assert "Changed name, " in words(page, "/connections/shop/runs/")
    for number in range(60):
        make_run(shop, ago=timedelta(days=1, minutes=number))
    assert entries("page=3")[-1] == "succeeded" and len(entries("page=3")) == 14


def test_who_may_not_see_the_settings_reads_that_they_changed_but_not_the_values(
    shop: Connection, viewer: User, operator: User, signed_in: Callable[[User], Client]
) -> None:
    assert "api.example" not in words(signed_in(viewer), "/connections/shop/runs/")
    assert "api.example" in words(signed_in(operator), "/connections/shop/runs/")
