"""The console's pages: what they say in each state, and how much they ask of the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection
from syncruns.models import SyncLog, SystemJob
from tests.web.console_pages import CONFIG, make_run, make_stream, text

Make = Callable[..., Connection]
pytestmark = pytest.mark.django_db


def test_empty_console_offers_every_kind_and_sample_data(page: Client) -> None:
    said = text(page, "/")
    assert "Connect your first source." in said
    assert "Try with sample data" in said
    assert reverse("connection_new_kind", args=["rest"]) in page.get("/").content.decode()


def test_overview_says_that_all_is_well(page: Client, make_connection: Make) -> None:
    connection = make_connection(auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=20))
    make_run(connection, inserted=12, updated=30, deleted=1, read=1204)
    said = text(page, "/")
    assert "Your connection is up to date." in said
    assert "100.0% succeeded" in said
    assert "+12 new rows ~30 changed rows −1 deleted row" in said


def test_overview_puts_the_connection_that_needs_a_person_first_with_its_fix(
    page: Client, make_connection: Make
) -> None:
    make_connection(name="Aaa")
    stopped = make_connection(
        name="Zzz", status="error", status_code="credentials_refused", status_since=timezone.now()
    )
    make_run(stopped, "failed", error_code="credentials_refused", error_detail="401 from the vendor")
    said = text(page, "/")
    assert "1 of 2 connections needs you." in said
    for words in (
        "Credentials refused",
        "Likely cause",
        "What to do",
        "Update credentials",
        "401 from the vendor",
        "1 attempt",
    ):
        assert words in said
    assert said.rindex("Zzz") < said.rindex("Aaa")


def test_overview_says_when_the_scheduler_is_silent(page: Client, make_connection: Make, monkeypatch: Any) -> None:
    make_connection()
    SystemJob.objects.update(last_at=timezone.now() - timedelta(minutes=5))
    monkeypatch.setattr("syncruns.frame.first_asked_at", lambda: timezone.now() - timedelta(minutes=10))
    assert "The scheduler is not running; nothing will sync until it is started." in text(page, "/")


@pytest.mark.parametrize("period", ["", "24h", "7d", "30d", "rubbish"])
def test_chart_counts_every_run_of_its_period_once(page: Client, make_connection: Make, period: str) -> None:
    connection = make_connection()
    for state in ("succeeded", "failed", "partial", "lost", "skipped", "cancelled"):
        make_run(connection, state, inserted=1)
    chart = page.get("/", {"period": period}).context["chart"]
    assert chart.total == 6
    assert sum(sum(bar.counts) for bar in chart.bars) == 6
    assert len({bar.url for bar in chart.bars}) == chart.period.bars
    full = next(bar for bar in chart.bars if sum(bar.counts))
    assert text(page, full.url).count(connection.name) >= 6


@pytest.mark.parametrize("url", ["/", "/connections/"])
def test_lists_ask_the_database_as_often_for_thirty_connections_as_for_three(
    page: Client, make_connection: Make, url: str
) -> None:
    def fill(count: int) -> None:
        for number in range(count):
            stopped = {"status": "error", "status_code": "credentials_refused"} if number % 3 == 0 else {}
            connection = make_connection(auto_sync=True, next_sync_at=timezone.now(), tags=["a"], **stopped)
            for hours in range(16):
                make_run(connection, "failed" if number % 3 == 0 else "succeeded", ago=timedelta(hours=hours + 1))
            if number % 3 == 1:
                make_stream(make_run(connection, "running"), "orders", "running")

    fill(3)
    page.get(url)
    with CaptureQueriesContext(database) as few:
        page.get(url)
    fill(27)
    with CaptureQueriesContext(database) as many:
        page.get(url)
    assert len(many) == len(few) <= 21


def test_connection_list_is_filtered_by_health_tag_and_words_without_accents(
    page: Client, make_connection: Make
) -> None:
    make_connection(name="Açaí da Praça", tags=["Loja"])
    make_connection(name="Odoo", status="error", status_code="credentials_refused")

    def names(**query: str) -> list[str]:
        return [row.connection.name for row in page.get("/connections/", query).context["rows"]]

    assert names(q="acai") == ["Açaí da Praça"]
    assert names(tag="Loja") == ["Açaí da Praça"]
    assert names(health="action") == ["Odoo"]
    assert names(health="late") == []
    assert len(names(page="rubbish")) == 2


def test_connection_list_is_paged_and_keeps_its_filters(page: Client, make_connection: Make) -> None:
    for _number in range(30):
        make_connection()
    response = page.get("/connections/", {"q": "shop", "page": "2"})
    assert len(response.context["rows"]) == 5
    assert "?q=shop&amp;page=1" in response.content.decode()


def test_row_of_a_syncing_connection_asks_again_and_leads_to_its_run(page: Client, make_connection: Make) -> None:
    connection = make_connection()
    run = make_run(connection, "running")
    make_stream(run, "orders", "running", read=50, expected=100)
    row = page.get(reverse("connection_row", args=[connection.slug])).content.decode()
    assert 'hx-trigger="every 3s"' in row
    assert reverse("run", args=[run.pk]) in row
    assert '<progress class="mt-1" value="50"' in row
    run.finish("succeeded")
    assert "every 3s" not in page.get(reverse("connection_row", args=[connection.slug])).content.decode()


def test_connection_page_shows_streams_slots_and_what_happened_today(page: Client, make_connection: Make) -> None:
    connection = make_connection(config=CONFIG, auto_sync=True)
    make_stream(make_run(connection, inserted=12, ago=timedelta(seconds=11)), "orders", "succeeded", inserted=12)
    said = text(page, reverse("connection", args=[connection.slug]))
    for words in (
        "Sales orders",
        "rest.shop_orders" if database.vendor == "postgresql" else "rest_shop_orders",
        "1 of 1 switched on",
        "Next five slots",
        "12 new in 10 s",
        "Only this",
    ):
        assert words in said


def test_connection_page_explains_what_stops_it_and_refreshes_itself(page: Client, make_connection: Make) -> None:
    stopped = make_connection(status="error", status_code="credentials_refused", status_since=timezone.now())
    said = text(page, f"/connections/{stopped.slug}/")
    assert "Likely cause" in said
    assert "Update credentials" in said
    syncing = make_connection(auto_sync=True)
    make_run(syncing, "running")
    raw = page.get(f"/connections/{syncing.slug}/").content.decode()
    assert f'hx-get="/connections/{syncing.slug}/" hx-trigger="every 3s"' in raw


def test_connection_whose_settings_declare_nothing_still_has_a_page(page: Client, make_connection: Make) -> None:
    gone = make_connection(kind="no-longer-installed")
    for name in ("connection", "connection_runs", "connection_schedule", "connection_danger"):
        said = text(page, reverse(name, args=[gone.slug]))
        assert gone.name in said
    assert "Its kind of source is not installed here." in said and "It stored no rows." in said


def test_deleting_a_connection_without_rows_asks_nothing_about_them(page: Client, make_connection: Make) -> None:
    gone = make_connection()
    said = page.get(reverse("connection_danger", args=[gone.slug])).content.decode()
    assert "It never ran. It stored no rows." in said and 'type="radio"' not in said
    assert f'href="/data/?connection={gone.slug}">0</a>' in said
    page.post(reverse("connection_delete", args=[gone.slug]), {"data": "keep", "name": gone.name})
    assert Connection.objects.filter(pk=gone.pk, deletion="").count() == 0


def test_refused_deletion_leads_to_the_first_field_that_is_wrong(page: Client, make_connection: Make) -> None:
    kept = make_connection()
    address = reverse("connection_delete", args=[kept.slug])
    shown = page.post(address, {"data": "", "name": kept.name}).content.decode()
    assert shown.count("autofocus") == 1 and re.search(r'value="keep"[^>]* autofocus', shown)
    shown = page.post(address, {"data": "keep", "name": ""}).content.decode()
    assert shown.count("autofocus") == 1 and re.search(r'name="name"[^>]* autofocus', shown)


def test_schedule_that_cannot_be_read_has_a_sentence_instead_of_slots(page: Client, make_connection: Make) -> None:
    connection = make_connection(schedule_kind="cron", cron="0 0 31 2 *")
    assert "The schedule has no next slot" in text(page, reverse("connection_schedule", args=[connection.slug]))


def test_names_are_escaped_wherever_they_are_shown(page: Client, make_connection: Make) -> None:
    connection = make_connection(name='<b onmouseover="x">&', tags=["<i>"])
    run = make_run(connection, "failed", error_code="timeout")
    SyncLog.objects.create(run=run, level="info", event="run_started", params={"streams": "<script>"})
    for url in (
        "/",
        "/connections/",
        "/runs/",
        reverse("run", args=[run.pk]),
        reverse("connection", args=[connection.slug]),
    ):
        body = page.get(url).content.decode()
        assert (
            "<b onmouseover" not in body
            and "<i>" not in body
            and "<script>" not in body.replace("<script>document", "")
        )


def test_connection_that_is_being_deleted_is_gone_from_the_pages(page: Client, make_connection: Make) -> None:
    connection = make_connection(deletion="keep", status="inactive")
    assert "Connect your first source." in text(page, "/")
    assert page.get(reverse("connection", args=[connection.slug])).status_code == 404


def test_viewer_sees_states_and_no_button_that_acts(
    viewer: User, signed_in: Callable[[User], Client], make_connection: Make
) -> None:
    connection = make_connection(config=CONFIG)
    run = make_run(connection)
    client = signed_in(viewer)
    for url in ("/", "/connections/", reverse("connection", args=[connection.slug]), reverse("run", args=[run.pk])):
        body = client.get(url).content.decode()
        main = body[body.index("<main") : body.index("</main>")]
        assert 'method="post"' not in main, url


def test_stopped_connection_says_that_its_slots_do_not_count_yet(page: Client, make_connection: Make) -> None:
    stopped = make_connection(auto_sync=True, status="error", status_code="credentials_refused")
    make_run(stopped, "failed", error_code="credentials_refused")
    url = reverse("connection", args=[stopped.slug])
    assert "these slots count only once the problem is solved" in text(page, url)
    Connection.objects.update(status=Connection.Status.ACTIVE, status_code="")
    assert "once the problem is solved" not in text(page, url)


def test_settings_tell_health_and_offer_what_the_other_tabs_do(page: Client, make_connection: Make) -> None:
    connection = make_connection(auto_sync=True)
    make_run(connection, "failed", error_code="timeout")
    said = text(page, reverse("connection_edit", args=[connection.slug]))
    assert "Retrying · No answer in time" in said
    assert "Auto-sync" in said and "Sync now" in said


def test_run_that_left_nothing_does_not_promise_it(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(), "partial", read=610)
    said = text(page, reverse("run", args=[run.pk]))
    assert "Synced Shop 1 in " in said and "0 of 0" not in said
    assert "The run ended before any stream was begun" in said and "This run wrote no lines" in said
    assert "once the run has started" not in said and "Search the log" not in said


def test_error_that_goes_away_by_itself_leads_to_the_schedule(page: Client, make_connection: Make) -> None:
    connection = make_connection()
    url = reverse("run", args=[make_run(connection, "failed", error_code="rate_limited").pk])
    assert "See when it syncs next" in text(page, url)
    assert f'href="{reverse("connection_schedule", args=[connection.slug])}"' in page.get(url).content.decode()


def test_danger_page_counts_the_rows_as_the_other_tabs_do(page: Client, make_connection: Make) -> None:
    connection = make_connection()
    for name in ("connection", "connection_danger"):
        shown = page.get(reverse(name, args=[connection.slug])).content.decode()
        assert re.search(rf'href="/data/\?connection={connection.slug}">\d+</a>', shown), name
