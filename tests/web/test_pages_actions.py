"""The console's buttons: each works as a plain form, and answers htmx with the row it changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import connectors
from connections.models import AuditEvent, Connection, StreamSetting
from connections.sandbox import SAMPLES
from connections.services import create_connection
from syncruns.models import SyncRun
from tests.web.console_pages import CONFIG, make_run, make_stream
from tests.web.freight import Freight

Make = Callable[..., Connection]
HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(operator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(operator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def said(response: object) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


def test_switch_acts_at_once_and_answers_with_the_row_and_an_undo(page: Client, make_connection: Make) -> None:
    connection = make_connection()
    url = reverse("connection_auto_sync", args=[connection.slug])
    row = page.post(url, {"on": "1"}, headers=HTMX).content.decode()
    connection.refresh_from_db()
    assert connection.auto_sync and connection.next_sync_at is not None
    assert row.startswith('<tr id="row-shop-1"')
    assert "Automatic syncing of Shop 1 is on." in row
    assert 'name="on" value="0">Undo' in row
    assert AuditEvent.objects.filter(action="auto_sync.on", actor="operator").count() == 1


def test_switch_works_without_a_script_and_says_the_state_it_wants(page: Client, make_connection: Make) -> None:
    connection = make_connection(auto_sync=True)
    url = reverse("connection_auto_sync", args=[connection.slug])
    for _twice in range(2):
        assert page.post(url, {}).url == reverse("connection", args=[connection.slug])
    connection.refresh_from_db()
    assert not connection.auto_sync and connection.next_sync_at is None


def test_switching_on_a_schedule_that_cannot_be_read_becomes_a_message(page: Client, make_connection: Make) -> None:
    connection = make_connection(schedule_kind="cron", cron="rubbish")
    url = reverse("connection_auto_sync", args=[connection.slug])
    row = page.post(url, {"on": "1"}, headers=HTMX).content.decode()
    connection.refresh_from_db()
    assert not connection.auto_sync
    assert "notice-error" in row and "Undo" not in row


def test_two_clicks_on_sync_now_are_one_run_and_both_lead_to_it(page: Client, make_connection: Make) -> None:
    connection = make_connection(config=CONFIG)
    url = reverse("connection_sync", args=[connection.slug])
    first, second = page.post(url), page.post(url)
    run = SyncRun.objects.get()
    assert first.url == second.url == reverse("run", args=[run.pk])
    assert said(second) == ["Shop 1 was already syncing; this is that run."]


def test_sync_now_in_a_list_swaps_the_row_and_a_second_click_leads_to_the_run(
    page: Client, make_connection: Make
) -> None:
    connection = make_connection(config=CONFIG)
    url = reverse("connection_sync", args=[connection.slug])
    row = page.post(url, headers=HTMX).content.decode()
    assert 'hx-trigger="every 3s"' in row and "Follow" in row and "Shop 1 is syncing." in row
    again = page.post(url, headers=HTMX)
    assert again["HX-Redirect"] == reverse("run", args=[SyncRun.objects.get().pk])


def test_one_stream_can_be_synced_alone(page: Client, make_connection: Make) -> None:
    connection = make_connection(config=CONFIG)
    page.post(reverse("connection_sync", args=[connection.slug]), {"stream": "orders"})
    assert SyncRun.objects.get().options == {"streams": ["orders"]}


def test_sync_that_may_not_run_becomes_a_message_and_no_run(page: Client, make_connection: Make) -> None:
    connection = make_connection(config=CONFIG)
    response = page.post(reverse("connection_sync", args=[connection.slug]), {"stream": "nothing"})
    assert response.url == reverse("connection", args=[connection.slug])
    assert not SyncRun.objects.exists()
    assert len(said(response)) == 1


def test_stream_is_switched_off(page: Client, make_connection: Make) -> None:
    connection = make_connection(config=CONFIG)
    url = reverse("connection_stream", args=[connection.slug, "orders"])
    page.post(url, {})
    assert StreamSetting.objects.get().enabled is False
    page.post(url, {"enabled": "1"})
    assert StreamSetting.objects.get().enabled is True


def test_look_back_is_for_whoever_may_change_settings(
    page: Client, administrator: User, signed_in: Callable[[User], Client], make_connection: Make
) -> None:
    connection = make_connection(config=CONFIG)
    url = reverse("connection_stream", args=[connection.slug, "orders"])
    assert page.post(url, {"window_minutes": "60"}).status_code == 403
    client = signed_in(administrator)
    client.post(url, {"window_minutes": "60"})
    assert StreamSetting.objects.get().window_minutes == 60
    for wrong in ("-5", "1e9", "rubbish", "٣", "99999999999"):
        client.post(url, {"window_minutes": wrong})
        assert StreamSetting.objects.get().window_minutes == 60
    client.post(url, {"window_minutes": ""})
    assert StreamSetting.objects.get().window_minutes is None


def test_rhythm_of_a_stream_is_set_beside_its_look_back_and_shown_in_its_row(
    page: Client, administrator: User, signed_in: Callable[[User], Client], make_connection: Make
) -> None:
    connection = make_connection(config=CONFIG)
    url = reverse("connection_stream", args=[connection.slug, "orders"])
    assert page.post(url, {"every_minutes": "360"}).status_code == 403
    client = signed_in(administrator)
    client.post(url, {"window_minutes": "60", "every_minutes": "360"})
    setting = StreamSetting.objects.get()
    assert (setting.window_minutes, setting.every_minutes) == (60, 360)

    def shown(one: Connection) -> str:
        return client.get(reverse("connection", args=[one.slug]), HTTP_ACCEPT_LANGUAGE="en").content.decode()

    assert "at most every 6 h" in shown(connection)
    for wrong in ("-5", "rubbish", "99999999999"):
        client.post(url, {"every_minutes": wrong})
        assert StreamSetting.objects.get().every_minutes == 360
    client.post(url, {"every_minutes": "0"})
    assert "at most every" not in shown(connection)


def test_row_of_a_stream_says_what_is_read_at_each_sync_and_what_less_often(
    page: Client, make_connection: Make
) -> None:
    told = {
        "auvo": ["changes and 7 days around today: at each sync; everything: every 24 h"],
        "etrac": ["where every vehicle is: at each sync; the history: every 6 h", "at most every 6 h"],
    }
    for kind, words in told.items():
        one = create_connection(kind=kind, name=kind, values=SAMPLES[kind]("http://127.0.0.1:1")["values"])
        html = page.get(reverse("connection", args=[one.slug]), HTTP_ACCEPT_LANGUAGE="en").content.decode()
        assert all(each in html for each in words), kind


def test_kind_that_is_switched_off_for_the_installation_says_so_everywhere_and_is_not_started(
    page: Client, make_connection: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = make_connection(config=CONFIG, auto_sync=True, next_sync_at=timezone.now() + timedelta(hours=1))
    monkeypatch.setenv("RUN_REST", "0")
    english = {"HTTP_ACCEPT_LANGUAGE": "en"}
    for address in (reverse("overview"), reverse("connections"), reverse("connection", args=[connection.slug])):
        html = page.get(address, **english).content.decode()
        assert "RUN_REST=0" in html and 'state-off">' in html, address
    address = reverse("connection_sync", args=[connection.slug])
    refused = page.post(address, follow=True, **english)
    assert "RUN_REST" in refused.content.decode() and not SyncRun.objects.exists()
    monkeypatch.setenv("RUN_REST", "1")
    page.post(address)
    assert SyncRun.objects.get().state == "queued"


def test_queued_run_is_cancelled_at_once_and_a_running_one_is_asked_to_stop(
    page: Client, make_connection: Make
) -> None:
    queued, running = make_run(make_connection(), "queued"), make_run(make_connection(), "running")
    for run in (queued, running):
        assert page.post(reverse("run_cancel", args=[run.pk])).url == reverse("run", args=[run.pk])
        run.refresh_from_db()
    assert queued.state == "cancelled"
    assert running.state == "running" and running.cancel_requested_at is not None


def test_retry_takes_everything_or_only_what_is_missing(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(), "failed", error_code="timeout")
    make_stream(run, "orders", "succeeded")
    make_stream(run, "invoices", "failed")
    url = reverse("run_retry", args=[run.pk])
    response = page.post(url, {"only": "unfinished"})
    again = SyncRun.objects.get(state="queued")
    assert response.url == reverse("run", args=[again.pk])
    assert again.options == {"streams": ["invoices"]}
    again.cancel_queued()
    page.post(url)
    assert SyncRun.objects.get(state="queued").options == {}


def test_deletion_needs_the_name_and_a_decision_about_the_rows(
    administrator: User, signed_in: Callable[[User], Client], make_connection: Make
) -> None:
    connection, client = make_connection(config=CONFIG), signed_in(administrator)
    url = reverse("connection_delete", args=[connection.slug])
    for data in ({}, {"data": "keep", "name": "shop"}, {"data": "rubbish", "name": "Shop 1"}):
        response = client.post(url, data)
        assert response.status_code == 422
        assert b"field-error" in response.content
        connection.refresh_from_db()
        assert connection.deletion == ""
    assert client.post(url, {"data": "drop", "name": " Shop 1 "}).url == reverse("connections")
    connection.refresh_from_db()
    assert connection.deletion == "drop"


def test_actions_do_not_lead_away_from_the_console(page: Client, make_connection: Make) -> None:
    connection = make_connection()
    url = reverse("connection_auto_sync", args=[connection.slug])
    assert page.post(url, {"next": "https://elsewhere.example/"}).url == reverse("connection", args=[connection.slug])
    assert page.post(url, {"next": "/connections/?q=a"}).url == "/connections/?q=a"


@pytest.mark.parametrize(
    "name", ["connection_auto_sync", "connection_sync", "connection_delete", "run_cancel", "run_retry", "sample_create"]
)
def test_actions_refuse_get_and_whoever_may_only_look(
    viewer: User, signed_in: Callable[[User], Client], make_connection: Make, name: str
) -> None:
    connection = make_connection(config=CONFIG)
    run = make_run(connection, "failed", error_code="timeout")
    args = [] if name == "sample_create" else [run.pk] if name.startswith("run") else [connection.slug]
    client = signed_in(viewer)
    assert client.get(reverse(name, args=args)).status_code == 405
    assert client.post(reverse(name, args=args)).status_code == 403
    assert SyncRun.objects.count() == 1


@pytest.fixture
def frota(monkeypatch: pytest.MonkeyPatch, make_connection: Make) -> Connection:
    """A connection two of whose streams can be read since a moment."""
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, Freight))
    return make_connection(kind="freight", slug="frota", config={"url": "https://freight.example", "database": "prod"})


@pytest.mark.parametrize(
    ("stream", "begun"), [("", ["carteira", "entradas"]), ("entradas", ["entradas"]), ("parceiros", [])]
)
def test_everything_since_a_date_is_queued_for_all_or_one_stream(
    page: Client, frota: Connection, stream: str, begun: list[str]
) -> None:
    shown = page.get(reverse("connection", args=[frota.slug])).content.decode()
    assert "Read everything since a date" in shown
    assert '<option value="parceiros">' not in shown  # it can only be read in full
    answer = page.post(reverse("connection_sync", args=[frota.slug]), {"since": "2024-01-01", "stream": stream})
    run = SyncRun.objects.get()
    assert answer.url == reverse("run", args=[run.pk])
    assert run.options["since"] == "2024-01-01T00:00:00-03:00"
    assert run.options.get("streams") == ([stream] if stream else None)
    assert sorted(frota.stream_settings.exclude(first_since=None).values_list("stream", flat=True)) == begun
    shown = page.get(reverse("connection", args=[frota.slug])).content.decode()
    assert shown.count("first read: since Jan 1, 2024") == len(begun)
    assert "everything since" in page.get(reverse("run", args=[run.pk])).content.decode()


@pytest.mark.parametrize("typed", ["2999-01-01", "yesterday"])
def test_a_date_to_come_or_none_at_all_starts_nothing(page: Client, frota: Connection, typed: str) -> None:
    answer = page.post(reverse("connection_sync", args=[frota.slug]), {"since": typed})
    assert answer.url == reverse("connection", args=[frota.slug])
    assert len(said(answer)) == 1
    assert not SyncRun.objects.exists() and not frota.stream_settings.exists()
