"""What changed, on the pages: from every count to its rows, filtered, in the reader's words, personal values masked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections import connectors
from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import Column, Page, Stream, Table
from syncruns.models import Change, SyncRun
from tests.web.console_pages import make_run, make_stream

pytestmark = pytest.mark.django_db

PEOPLE = Table(
    "people",
    (
        Column("id", "integer"), Column("name", personal=True), Column("city"), Column("balance", "decimal", 12, 2),
        Column("born", "date", personal=True), Column("seen", "timestamp"), Column("vip", "boolean"),
    ),
    ("id",),
)  # fmt: skip
PETS = Table("pets", (Column("id", "integer"),), ("id",))
PHONES = Table("phones", (Column("person", "integer"), Column("phone", personal=True)), ("person", "phone"))


class Registry(Connector):
    """People, some of whose columns are personal."""

    kind = "people"
    label = "Registry"
    settings = ()
    schema = "registry"

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return (Stream("people", "People", (PEOPLE, PHONES)), Stream("pets", "Pets", (PETS,)))

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield Page()


@pytest.fixture
def run(make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch) -> SyncRun:
    """A run of two streams that kept five changes of the eight it made."""
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, Registry))
    connection = make_connection(name="Registry office", slug="office", kind="people", config={})
    run = make_run(connection, inserted=4, updated=3, deleted=1, read=20)
    make_stream(run, "people", "succeeded", label="People", inserted=4, updated=2, deleted=1, read=15)
    make_stream(run, "pets", "succeeded", label="Pets", updated=1, read=5)
    change(run, "inserted", [4118])
    change(run, "deleted", [17], [["city", "Recife", None], ["born", "1990-05-01", None]], name=["name", "Bia Souza"])
    change(
        run, "updated", [2207],
        [
            ["name", "Ana Lima", "Ana Reis"], ["balance", "1234.5", "-7"], ["seen", "2026-11-24T15:30:00+00:00", None],
            ["vip", False, True], ["gone", "secret", "more"],
        ],
        name=["name", "Ana Reis"],
    )  # fmt: skip
    change(run, "inserted", [1, "5599"], table="phones")
    change(run, "updated", [3], [["name", "Rex", "Bob"]], stream="pets", table="pets")
    return run


def change(run: SyncRun, kind: str, key: list[Any], columns: list[Any] | None = None, **more: Any) -> Change:
    values = {"stream": "people", "table": "people", "columns": columns or []} | more
    return Change.objects.create(run=run, kind=kind, key=key, **values)


@pytest.fixture
def browser(signed_in: Callable[[User], Client]) -> Callable[..., Client]:
    def open_as(user: User, language: str = "en") -> Client:
        client = signed_in(user)
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        return client

    return open_as


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def keys(client: Client, query: str, run: SyncRun) -> list[list[Any]]:
    return [row.change.key for row in client.get(f"/runs/{run.pk}/changes/{query}").context["shown"]]


def test_run_page_shows_rows_with_old_and_new_values(run: SyncRun, operator: User, browser: Any) -> None:
    said = text(browser(operator), f"/runs/{run.pk}/")
    assert "What changed" in said
    assert "Ana Reis id 2207 Changed People people name before: Ana Lima after: Ana Reis" in said
    assert "balance before: 1,234.50 after: -7.00" in said
    assert "seen before: Nov 24, 2026 12:30:00 (UTC−03:00) after: —" in said
    assert "vip before: No after: Yes" in said
    assert "Bia Souza id 17 Deleted People people what it held city before: Recife after: —" in said
    assert "person 1, phone 5599 New" in said
    assert "5 of 5 rows and 3 more, which are not kept" in said
    assert "balance antes: 1.234,50 depois: -7,00" in text(browser(operator, "pt-br"), f"/runs/{run.pk}/")


def test_viewers_see_personal_values_masked_and_so_what_nobody_declares(
    run: SyncRun, viewer: User, browser: Any
) -> None:
    page = browser(viewer)
    for url in (f"/runs/{run.pk}/", f"/runs/{run.pk}/changes/", "/changes/"):
        said = text(page, url)
        assert "••• id 2207 Changed" in said
        assert "name before: ••• after: •••" in said
        assert "balance before: 1,234.50" in said
        assert "person 1, phone •••" in said
        raw = page.get(url).content.decode()
        # As words: a page's random tokens hold any three letters now and then.
        assert not re.findall(r"\b(?:Ana|Bia|1990|secret|5599|Rex)\b", raw)


def test_counts_lead_to_their_rows(run: SyncRun, administrator: User, browser: Any) -> None:
    page = browser(administrator)
    rows = f"/runs/{run.pk}/changes/"
    for url in ("/connections/", "/runs/", "/connections/office/", "/connections/office/runs/"):
        assert f'<a href="{rows}?kind=inserted">+4' in page.get(url).content.decode(), url
    assert (
        f'<a class="row-count" href="{rows}?of=people&amp;kind=updated">2</a>'
        in page.get(f"/runs/{run.pk}/").content.decode()
    )
    assert '<a href="/changes/?period=24h&amp;kind=deleted">−1' in page.get("/").content.decode()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(days=31))
    assert f'href="{rows}' not in page.get("/runs/").content.decode()
    assert "The rows that this run changed are no longer kept." in text(page, rows + "?kind=inserted&of=pets")


def test_rows_are_filtered_by_stream_table_and_kind(run: SyncRun, viewer: User, browser: Any) -> None:
    page = browser(viewer)
    assert keys(page, "", run) == [[2207], [3], [17], [4118], [1, "5599"]]
    assert keys(page, "?kind=inserted", run) == [[4118], [1, "5599"]]
    assert keys(page, "?of=people", run) == [[2207], [17], [4118], [1, "5599"]]
    assert keys(page, "?of=people/phones", run) == [[1, "5599"]]
    assert keys(page, "?of=pets&kind=deleted", run) == []
    assert keys(page, "?of=people/nothing", run) == []
    choices = page.get(f"/runs/{run.pk}/changes/").context["changes"].choices
    assert [choice.value for choice in choices] == ["people", "people/people", "people/phones", "pets"]
    assert "and 2 more, which are not kept" in text(page, f"/runs/{run.pk}/changes/?kind=inserted&of=people")
    assert "more, which" not in text(page, f"/runs/{run.pk}/changes/?of=people/phones")
    assert "No row fits this filter." in text(page, f"/runs/{run.pk}/changes/?of=pets&kind=deleted")


def test_many_rows_come_in_pages_with_constant_queries(run: SyncRun, viewer: User, browser: Any) -> None:
    page = browser(viewer)

    def queries(url: str) -> int:
        with CaptureQueriesContext(database) as captured:
            page.get(url)
        return len(captured)

    urls = (f"/runs/{run.pk}/changes/?kind=inserted", "/changes/?period=today")
    few = [queries(url) for url in urls]
    for number in range(120):
        change(run, "inserted", [number])
    assert [queries(url) for url in urls] == few
    assert "51 to 100 of 122" in text(page, urls[0] + "&page=2")
    first = page.get(urls[1])
    assert len(first.context["shown"]) == 50
    older = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert older is not None and "period=today" in older[1]
    second = page.get("/changes/" + older[1].replace("&amp;", "&"))
    seen = [row.change.pk for response in (first, second) for row in response.context["shown"]]
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 100


def test_what_changed_yesterday_is_one_click(run: SyncRun, viewer: User, browser: Any) -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = {"updated": midnight - timedelta(seconds=1), "deleted": midnight - timedelta(days=1, seconds=1)}
    for kind, moment in moments.items():
        Change.objects.filter(kind=kind).update(at=moment)

    def found(query: str) -> set[str]:
        return {row.change.kind for row in browser(viewer).get(f"/changes/{query}").context["shown"]}

    assert found("?period=yesterday") == {"updated"}
    assert found("?period=today") == {"inserted"}
    assert "2 rows: 2 changed." in text(browser(viewer), "/changes/?period=yesterday")
    assert found("?period=7d&connection=office") == {"inserted", "updated", "deleted"}
    assert found("?period=odd&kind=odd&before=x") == {"inserted", "updated", "deleted"}


@pytest.mark.parametrize("page", ["/runs/", "/changes/"])
def test_empty_lists_say_when_they_fill_and_lead_there(page: str, viewer: User, browser: Any) -> None:
    assert '<a href="/connections/">To the connections</a>' in browser(viewer).get(page).content.decode()


def test_rows_are_searched_by_name_and_key_by_whom_nothing_is_masked_for(
    run: SyncRun, viewer: User, administrator: User, browser: Any
) -> None:
    def found(user: User, typed: str) -> set[str]:
        return {row.change.kind for row in browser(user).get("/changes/", {"q": typed}).context["shown"]}

    assert found(administrator, "bia") == found(administrator, "17") == {"deleted"}
    assert found(administrator, "4118") == {"inserted"}
    assert found(administrator, "nobody") == set()
    assert found(viewer, "bia") == {"inserted", "updated", "deleted"}
    assert 'name="q"' in browser(administrator).get("/changes/").content.decode()


def test_section_comes_when_the_run_ends(run: SyncRun, viewer: User, browser: Any) -> None:
    page = browser(viewer)
    ended = page.get(f"/runs/{run.pk}/progress/").content.decode()
    assert re.search(r'<div id="run-changes" hx-swap-oob="true"><section', ended)
    quiet = make_run(run.connection, "succeeded", read=3)
    make_stream(quiet, "people", "succeeded", read=3)
    assert "What changed" not in text(page, f"/runs/{quiet.pk}/")
    live = make_run(run.connection, "running")
    make_stream(live, "people", "running", inserted=3)
    change(live, "inserted", [1])
    assert '<div id="run-changes"></div>' in page.get(f"/runs/{live.pk}/").content.decode()
