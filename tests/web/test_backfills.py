"""The page of backfills: beginning, stopping and resuming one, and what it says meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import connectors
from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns.models import Backfill
from tests.engine.scripted import ScriptedConnector
from tests.web.console_pages import make_run

pytestmark = pytest.mark.django_db
RANGE = {"stream": "items", "since": "2026-03-01", "until": "2026-03-31", "pause": "5"}


@pytest.fixture
def shop(make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, ScriptedConnector))
    return make_connection(kind="scripted", config={"base_url": "https://shop.example"})


@pytest.fixture
def client(operator: User, signed_in: Callable[[User], Client]) -> Client:
    browser = signed_in(operator)
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


@pytest.fixture
def address(shop: Connection) -> str:
    return reverse("connection_backfills", args=[shop.slug])


def begin(client: Client, shop: Connection, **changed: str) -> object:
    return client.post(reverse("backfill_begin", args=[shop.slug]), RANGE | changed, follow=True)


def test_days_are_the_connection_s_and_the_last_one_is_included(client: Client, shop: Connection, address: str) -> None:
    assert b"Nothing was backfilled yet." in client.get(address).content
    begin(client, shop)
    backfill = Backfill.objects.get()
    assert (backfill.begin, backfill.end) == (datetime(2026, 3, 1, 3, tzinfo=UTC), datetime(2026, 4, 1, 3, tzinfo=UTC))
    assert (backfill.stream, backfill.pause_seconds, backfill.requested_by) == ("items", 5, User.objects.get())
    shown = client.get(address).content.decode()
    assert "Mar 1, 2026 to Mar 31, 2026" in shown and "Going on" in shown and "data-poll" in shown


@pytest.mark.parametrize("wrong", [{"until": "2026-02-01"}, {"since": ""}, {"since": "soon"}, {"stream": "orders"}])
def test_range_that_cannot_be_read_is_refused_beside_its_field_with_what_was_typed(
    client: Client, shop: Connection, wrong: dict[str, str]
) -> None:
    answer = client.post(reverse("backfill_begin", args=[shop.slug]), RANGE | wrong)
    assert answer.status_code == 422
    (field,) = wrong
    shown = answer.content.decode()
    assert re.findall(r'name="(\w+)"[^>]* aria-invalid="true"[^>]* autofocus', shown) == [field]
    assert f'id="{field}-error"' in shown and 'value="5"' in shown
    assert not Backfill.objects.exists()


def test_refused_form_still_follows_the_backfills_that_go_on(client: Client, shop: Connection, address: str) -> None:
    begin(client, shop)
    answer = client.post(reverse("backfill_begin", args=[shop.slug]), RANGE | {"since": ""})
    assert f'hx-get="{address}"' in answer.content.decode()


def test_second_backfill_of_a_stream_waits_for_the_end_of_the_first(client: Client, shop: Connection) -> None:
    begin(client, shop)
    answer = begin(client, shop)
    assert b"still open" in answer.content  # type: ignore[attr-defined] - a test client's answer
    assert Backfill.objects.count() == 1


def test_stop_and_resume_are_buttons_and_the_page_tells_progress_and_failures(
    client: Client, shop: Connection, address: str
) -> None:
    begin(client, shop)
    backfill = Backfill.objects.get()
    halfway = backfill.begin + (backfill.end - backfill.begin) / 2
    Backfill.objects.update(reached=halfway, windows_done=3, spent=timedelta(minutes=10), read=1234)
    shown = client.get(address).content.decode()
    assert 'value="50"' in shown and "1,234 rows read" in shown and "about 10\xa0min left" in shown
    client.post(reverse("backfill_stop", args=[shop.slug, backfill.pk]))
    backfill.refresh_from_db()
    assert backfill.state == "stopped" and b"Resume" in client.get(address).content
    client.post(reverse("backfill_resume", args=[shop.slug, backfill.pk]))
    backfill.refresh_from_db()
    assert backfill.state == "running"
    backfill.note_failed(SyncError("server_error", status=500))
    assert b"It tries again at" in client.get(address).content
    Backfill.objects.update(state="failed")
    assert b"Try again" in client.get(address).content
    Backfill.objects.update(state="done", finished_at=timezone.now(), reached=backfill.end)
    shown = client.get(address).content.decode()
    assert "Done" in shown and "data-poll" not in shown.split('id="backfill-list"')[1].split(">")[0]


def test_card_of_a_failed_window_resumes_the_backfill_and_syncs_nothing_else(
    client: Client, shop: Connection, address: str
) -> None:
    begin(client, shop)
    backfill = Backfill.objects.get()
    run = make_run(
        shop,
        "failed",
        trigger="backfill",
        error_code="timeout",
        options={"backfill": backfill.pk, "streams": ["items"]},
    )

    def card() -> str:
        page = client.get(reverse("run", args=[run.pk])).content.decode()
        return page.split('<article class="card fault')[1].split("</article>")[0]

    resume = reverse("backfill_resume", args=[shop.slug, backfill.pk])
    goes_on = card()
    assert address in goes_on and "See the backfill" in goes_on and "<form" not in goes_on
    Backfill.objects.update(state="failed", error_code="timeout")
    stopped = card()
    assert resume in stopped and "Resume the backfill" in stopped and "next sync" not in stopped
    assert "next sync" not in client.get(address).content.decode().split('id="backfill-list"')[1].split("</section>")[0]
    Backfill.objects.all().delete()
    assert address in card() and "Retry now" not in card()


def test_viewer_sees_backfills_and_begins_none(
    viewer: User, signed_in: Callable[[User], Client], shop: Connection, address: str
) -> None:
    browser = signed_in(viewer)
    Backfill.objects.create(
        connection=shop, stream="items", begin=timezone.now() - timedelta(days=2), end=timezone.now(),
        reached=timezone.now() - timedelta(days=2),
    )  # fmt: skip
    answer = browser.get(address)
    assert answer.status_code == 200 and b"/stop/" not in answer.content and b"/begin/" not in answer.content
    assert browser.post(reverse("backfill_begin", args=[shop.slug]), RANGE).status_code == 403


def test_connection_whose_streams_cannot_be_ranged_has_no_such_tab(
    client: Client, make_connection: Callable[..., Connection]
) -> None:
    other = make_connection()
    assert b"/backfills/" not in client.get(reverse("connection", args=[other.slug])).content
    assert b"No stream of this connection" in client.get(reverse("connection_backfills", args=[other.slug])).content
