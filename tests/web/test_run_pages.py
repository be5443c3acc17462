"""The pages of runs: the list, and what one says in each state."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection
from syncruns.models import QuarantinedRecord, SyncLog, SyncRun
from tests.web.console_pages import CONFIG, STREAMS, make_run, make_stream, text

Make = Callable[..., Connection]
pytestmark = pytest.mark.django_db


def test_runs_are_filtered_by_state_connection_trigger_and_time(page: Client, make_connection: Make) -> None:
    one, other = make_connection(), make_connection()
    failed = make_run(one, "timed_out")
    old = make_run(one, ago=timedelta(days=3), trigger="manual")
    mine = make_run(other)

    def found(**query: str) -> set[SyncRun]:
        return set(page.get("/runs/", query).context["page"].object_list)

    assert found() == {failed, old, mine}
    assert found(state="failures") == {failed}
    assert found(connection=other.slug) == {mine}
    assert found(trigger="manual") == {old}
    assert found(span="24h") == {failed, mine}
    assert found(span="rubbish", **{"from": "rubbish", "until": "2026-13-45T00:00"}) == {failed, old, mine}


def test_lists_count_what_a_run_that_goes_on_has_read_so_far(page: Client, make_connection: Make) -> None:
    connection = make_connection()
    run = make_run(connection, "running")
    make_stream(run, "orders", "succeeded", read=700, inserted=30)
    make_stream(run, "items", "running", read=4)
    for url in ("/runs/", f"/connections/{connection.slug}/runs/"):
        said = text(page, url)
        assert "704" in said and "+30" in said


@pytest.mark.parametrize("state", SyncRun.State.values)
def test_run_page_has_a_sentence_for_every_state(page: Client, make_connection: Make, state: str) -> None:
    connection = make_connection()
    run = make_run(connection, state, skip_reason="paused" if state == "skipped" else "")
    url = reverse("run", args=[run.pk])
    assert f" {connection.name}" in page.get(url).context["sentence"]
    progress = page.get(reverse("run_progress", args=[run.pk]))
    assert progress.status_code == (200 if state in ("queued", "running") else 286)
    assert ('hx-trigger="every 2s"' in progress.content.decode()) == (state in ("queued", "running"))
    assert f"<title>{progress.context['sentence']} · Sincro</title>" in progress.content.decode()  # the tab goes along


def test_run_page_says_what_was_synced(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(), read=1204, inserted=12, updated=30)
    make_stream(run, "orders", "succeeded", read=1204)
    said = text(page, reverse("run", args=[run.pk]))
    assert "Synced 1 of 1 stream of Shop 1 in 10 s: 1,204 rows read, 12 new, 30 changed." in said


def test_failed_run_names_its_stream_the_fix_and_what_it_kept(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(), "failed", error_code="credentials_refused", inserted=4, read=214)
    make_stream(run, "partners", "succeeded")
    make_stream(run, "invoices", "failed", error_code="credentials_refused")
    said = text(page, reverse("run", args=[run.pk]))
    assert "The sync of Shop 1 stopped at Invoices: credentials refused." in said
    assert "What it loaded stays: 4 new." in said
    assert "Retry only what is missing" in said


@pytest.mark.parametrize("states", [["failed"], ["succeeded", "failed"]])
def test_what_a_failed_runs_card_does_again_is_offered_once(
    page: Client, make_connection: Make, states: list[str]
) -> None:
    run = make_run(make_connection(), "failed", error_code="timeout", options={"streams": ["orders"]})
    for number, state in enumerate(states):
        make_stream(run, f"stream_{number}", state, error_code="timeout" if state == "failed" else "")
    shown = page.get(reverse("run", args=[run.pk])).content.decode()
    is_part = len(states) > 1
    assert shown.count("Retry only what is missing") == is_part and shown.count("Retry now") == (not is_part)
    assert shown.count("Run again") == is_part  # all of it
    assert reverse("connection_sync", args=[run.connection.slug]) not in shown  # which would read every stream
    assert shown.count('name="only"') == is_part


def test_end_of_a_run_is_announced_to_screen_readers(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(), "running")
    url = reverse("run_progress", args=[run.pk])
    assert 'data-announce="Synced ' not in page.get(url).content.decode()
    run.finish("succeeded")
    assert 'data-announce="Synced ' in page.get(url).content.decode()


def test_running_run_without_a_worker_is_shown_as_lost(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(), "running", lease_until=timezone.now() - timedelta(seconds=1))
    assert "lost its worker" in text(page, reverse("run", args=[run.pk]))


def test_records_that_could_not_be_loaded_show_their_reasons_and_not_their_values(
    page: Client, make_connection: Make
) -> None:
    connection = make_connection()
    run = make_run(connection, "partial", quarantined=1)
    QuarantinedRecord.objects.create(
        connection=connection, run=run, stream="orders", table="orders", record_key="42",
        record={"total": "a person's secret"}, reasons={"total": {"code": "too_many_decimals", "params": {"scale": 2}}},
    )  # fmt: skip
    said = text(page, reverse("run", args=[run.pk]))
    assert "it has more than 2 decimals" in said
    assert "a person" not in said.replace("until a person", "")


@pytest.mark.parametrize(("role", "shown"), [("viewer", False), ("operator", True), ("administrator", True)])
def test_personal_key_of_a_record_is_masked_for_who_only_views(
    role: str, shown: bool, request: pytest.FixtureRequest, signed_in: Callable[[User], Client], make_connection: Make
) -> None:
    reader = signed_in(request.getfixturevalue(role))
    people = {**STREAMS[0], "name": "people", "columns": [
        {"path": "cpf", "name": "cpf", "type": "text", "key": True, "personal": True},
        {"path": "items[].sku", "name": "sku", "type": "text"},
    ]}  # fmt: skip
    connection = make_connection(config={**CONFIG, "streams": [STREAMS[0], people]})
    run = make_run(connection, "partial", quarantined=4)
    for stream, table, key in (
        ("orders", "shop_orders", "order-1"), ("people", "shop_people", "529-a"),
        ("people", "shop_people_items", "529-b"), ("people", "gone", "529-c"),
    ):  # fmt: skip
        QuarantinedRecord.objects.create(
            connection=connection, run=run, stream=stream, table=table, record_key=key, reasons={"a": {"code": "empty"}}
        )
    said = text(reader, reverse("run", args=[run.pk]))
    assert "order-1" in said
    assert [key in said for key in ("529-a", "529-b", "529-c")] == [shown] * 3
    assert ("•••" in said) is not shown
    assert ("rest.shop_people" if database.vendor == "postgresql" else "rest_shop_people") in said


def test_partial_run_without_its_streams_still_says_that_it_is_partial(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(), "partial", error_code="timeout", read=832)
    assert "832 rows read, nothing changed. Part of the streams failed" in text(page, reverse("run", args=[run.pk]))


@pytest.mark.parametrize(
    ("state", "word", "colour"),
    [("partial", "Partial", "partial"), ("failed", "Failed", "action"), ("timed_out", "Timed out", "action")],
)
def test_card_of_a_failed_stream_has_the_word_and_colour_of_its_run(
    page: Client, make_connection: Make, state: str, word: str, colour: str
) -> None:
    run = make_run(make_connection(), state, error_code="timeout")
    make_stream(run, "orders", "succeeded")
    make_stream(run, "items", "failed", error_code="timeout")
    card = page.get(f"/runs/{run.pk}/").content.decode().split("<article")[1].split("</header>")[0]
    assert re.findall(r'class="state state-(\w+)">.*?</svg>([^<]+)<', card) == [(colour, word)]
    assert ("fault-decision" in card) is (state == "partial")


def test_partial_run_says_why_records_wait_and_what_to_do(page: Client, make_connection: Make) -> None:
    connection = make_connection()
    run = make_run(connection, "partial", read=20, inserted=18, quarantined=2)
    for key in "78":
        QuarantinedRecord.objects.create(connection=connection, run=run, stream="orders", table="o", record_key=key)
    said = text(page, f"/runs/{run.pk}/")
    assert "2 of 20 records could not be loaded and are kept with their reasons" in said
    assert "Likely cause" in said
    assert "Review 2 records" in said
    assert "records_quarantined" in said
    QuarantinedRecord.objects.update(state="fixed")
    assert "Likely cause" not in text(page, f"/runs/{run.pk}/")


def test_log_is_filtered_by_level_and_text_and_downloaded_whole(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection(slug="shop"))
    make_stream(run, "orders", "succeeded")
    for level, event, params in (
        ("info", "page_loaded", {}),
        ("warning", "rate_wait", {"seconds": 7}),
        ("error", "failed.timeout", {"source": "Shop"}),
    ):
        SyncLog.objects.create(run=run, stream="orders", level=level, event=event, params=params, repeats=3)

    def lines(**query: str) -> list[str]:
        return [line.entry.level for line in page.get(reverse("run", args=[run.pk]), query).context["log"].lines]

    assert lines() == ["info", "warning", "error"]
    assert lines(level="warning") == ["warning", "error"]
    assert lines(level="error") == ["error"]
    assert lines(q="PAGE LOADED") == ["info"]
    assert 'id="first-error"' in page.get(reverse("run", args=[run.pk])).content.decode()
    download = page.get(reverse("run_log", args=[run.pk]), {"utc": "1"})
    body = download.content.decode()
    assert download["Content-Disposition"] == f'attachment; filename="shop-{run}.log.txt"'
    assert body.count("\n") == 3 and "+00:00 ERROR" in body and "×3" in body


def test_long_log_shows_its_end_and_offers_the_rest(page: Client, make_connection: Make) -> None:
    run = make_run(make_connection())
    SyncLog.objects.bulk_create(SyncLog(run=run, event="page_loaded", params={"n": n}) for n in range(350))
    url = reverse("run", args=[run.pk])
    assert len(page.get(url).context["log"].lines) == 300
    assert "Show the 50 earlier lines" in text(page, url)
    assert len(page.get(url, {"lines": "all"}).context["log"].lines) == 350
