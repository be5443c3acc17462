"""The System page: what doctor says, how much there is, which settings are in force; for those who operate."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import Shop
from syncruns.checkup import examine
from syncruns.chores import CHORES
from syncruns.kept import KINDS
from syncruns.models import SyncRun, SystemJob
from syncruns.sizes import database_bytes, table_sizes
from syncruns.views.system import SETTINGS

pytestmark = pytest.mark.django_db

Make = Callable[..., Connection]


@pytest.fixture
def page(operator: User, signed_in: Callable[[User], Client]) -> Client:
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now())
    client = signed_in(operator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def text(response: object) -> str:
    content = response.content.decode().replace("<wbr>", "")  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def test_page_says_what_doctor_says(page: Client, make_connection: Make) -> None:
    make_connection(status="error", status_code="credentials_refused", status_since=timezone.now())
    found = examine()
    response = page.get("/system/")
    told = [*response.context["troubles"], *response.context["fine"]]
    assert {(one.check.name, one.check.code) for one in told} == {(check.name, check.code) for check in found}
    said = text(response)
    assert "The system has 1 problem." in said
    assert "Open the connection: its page says what to do." in said


@pytest.fixture
def no_destination_tables(db: None) -> None:
    """Drop what earlier tests synced in this database: the test runner does not know those tables."""
    with database.cursor() as cursor:
        for table in table_sizes():
            if not table.is_own:
                cursor.execute("DROP TABLE " + ".".join(f'"{part}"' for part in table.name.split(".")))


@pytest.mark.usefixtures("no_destination_tables")
def test_page_shows_queue_sizes_retention_and_settings(page: Client, make_connection: Make) -> None:
    queued_at = timezone.now() - timedelta(minutes=1)
    SyncRun.objects.create(connection=make_connection(), trigger="manual", queued_at=queued_at)
    said = text(page.get("/system/"))
    assert "Waiting 1 The oldest was queued 1 min ago" in said
    assert f"{settings.KEEP_RUNS_DAYS} days" in said
    assert "No data has been synced yet." in said
    assert "syncruns_syncrun" in said
    assert all(name in said for name in SETTINGS)
    assert "America/<wbr>Sao_Paulo" in page.get("/system/").content.decode()


def test_page_shows_how_long_synced_rows_are_kept_and_their_size(page: Client, make_connection: Make) -> None:
    aged = "e_track.position" if database.vendor == "postgresql" else "e_track_position"
    for days in (90, 365):
        make_connection(kind="etrac", config={"base_url": "http://127.0.0.1:1", "keep_positions_days": days})
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("CREATE SCHEMA e_track")
        cursor.execute(f"CREATE TABLE {aged} (_connection_id bigint, plate_key text)")
    kept = {one.label: one for one in page.get("/system/").context["kept"]}
    assert (kept[aged].days, kept[aged].most_days) == (90, 365)
    assert "90 to 365 days" in text(page.get("/system/"))
    assert kept["Runs"].bytes is None or kept["Runs"].bytes > 0
    every_chore = {chore for chore in CHORES if chore.startswith("remove_")} - {"remove_rows"}
    assert {chore for _label, chore, _days, _models in KINDS} == every_chore


@pytest.mark.django_db(transaction=True)
def test_page_whose_numbers_the_database_refuses_still_says_what_doctor_says(page: Client) -> None:
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE syncruns_document RENAME TO elsewhere")
    try:
        response = page.get("/system/")
    finally:
        with database.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO syncruns_document")
    assert response.status_code == 200
    assert "Tables of the console are missing, although they had been made: syncruns_document." in text(response)


def test_page_holds_no_secret(page: Client) -> None:
    said = page.get("/system/").content.decode()
    hidden = [settings.SECRET_KEY, *settings.CREDENTIAL_KEYS]
    if database.vendor == "postgresql":
        hidden.append(settings.DATABASES["default"]["PASSWORD"])
    assert not any(secret in said for secret in hidden)
    assert not any(re.search("KEY|PASSWORD|DATABASE_URL", name) for name in SETTINGS)


def test_sources_are_asked_only_on_demand(page: Client, make_connection: Make) -> None:
    with Sandbox(Shop()) as shop:
        make_connection(slug="open", name="Open", config={"base_url": shop.url})
        make_connection(slug="closed", name="Closed")
        assert "Connects to the source of every connection" in text(page.get("/system/"))
        whole = text(page.post("/system/sources/"))
        part = text(page.post("/system/sources/", headers={"HX-Request": "true"}))
    for said in (whole, part):
        assert "Open: 127.0.0.1 answers in" in said
        assert "Closed: 127.0.0.1 cannot be reached" in said
    assert "Settings in force" in whole and "Settings in force" not in part


def test_page_asks_as_often_for_thirty_connections_as_for_three(page: Client, make_connection: Make) -> None:
    def ask(connections: int) -> int:
        for _number in range(connections):
            connection = make_connection(auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=5))
            SyncRun.objects.create(
                connection=connection, trigger="schedule", state="succeeded", finished_at=timezone.now()
            )
        with CaptureQueriesContext(database) as queries:
            page.get("/system/")
        return len(queries)

    page.get("/system/")
    few = ask(3)
    assert ask(27) == few


def test_sizes_name_every_table_of_the_console() -> None:
    tables = {table.name: table for table in table_sizes()}
    assert tables["syncruns_syncrun"].is_own
    assert set(database.introspection.django_table_names(only_existing=True)) <= set(tables)
    assert database_bytes() > 0


def test_menu_leads_operators_there_and_not_viewers(
    page: Client, viewer: User, signed_in: Callable[[User], Client]
) -> None:
    assert 'href="/system/"' in page.get("/").content.decode()
    assert 'href="/system/"' not in signed_in(viewer).get("/").content.decode()
