"""The review pages: what waits, who may see and decide it, and what deciding does."""

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

import config.urls  # noqa: F401 - pages import the registry: they shall find it as it is, before a test adds to it
from connections import connectors
from connections.destination import table_name
from connections.models import AuditEvent, Connection
from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import Column, Finding, Page, Stream, Table
from syncruns.engine.warehouse import warehouse
from syncruns.models import QuarantinedRecord, SyncRun
from syncruns.review.fields import corrections_in
from tests.web.console_pages import make_run

pytestmark = pytest.mark.django_db
PEOPLE = Table(
    "people",
    (
        Column("cpf", personal=True), Column("name", personal=True), Column("age", "integer"),
        Column("paid", "decimal", 10, 2), Column("more", "json"),
    ),
    key=("cpf",),
)  # fmt: skip
CPF, NAME = "529.982.247-25", "Maria Aparecida"


class People(Connector):
    """Reads nothing: only what it declares counts here."""

    kind = "people"
    label = "People"
    schema = "people"

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return (Stream("people", "People", (PEOPLE,)),)

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield Page()

    def test(self, context: Context) -> Iterator[Finding]:
        yield Finding("Server", "ok")


@pytest.fixture
def clinic(make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, People))
    return make_connection(name="Clinic", slug="clinic", kind="people", config={})


@pytest.fixture
def browse(signed_in: Callable[[User], Client]) -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = signed_in(user)
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        return client

    return sign_in


def put_aside(connection: Connection, key: str = CPF, **fields: Any) -> QuarantinedRecord:
    record = {"cpf": key, "name": NAME, "age": "old", "paid": "1.50", "more": '{"a":[1]}'}
    reasons = {"age": {"code": "not_an_integer", "params": {}}}
    values: dict[str, Any] = {"record": record, "reasons": reasons, "reason": "not_an_integer"} | fields
    return QuarantinedRecord.objects.create(
        connection=connection, stream="people", table="people", record_key=key, **values
    )


def form(record: QuarantinedRecord, **fields: str) -> dict[str, str]:
    """Return what the record's page sends when only fields are changed."""
    shown = {name: str(value) for name, value in record.record.items()}
    return {
        "seen": record.last_seen_at.isoformat(),
        **{f"field:{name}": text for name, text in (shown | fields).items()},
    }


def words(html: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.decode()))


def stored(connection: Connection) -> int:
    return warehouse().count("people", PEOPLE, connection.pk)


def test_list_and_menu_count_what_waits_and_say_why(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    put_aside(clinic)
    put_aside(clinic, "1", state="discarded", decided_by="ana")
    page = browse(operator).get("/review/")
    said = words(page.content)
    assert "1 record waits for you." in said
    assert "1 waits for a decision" in said
    assert f"{CPF} {table_name('people', 'people')} Clinic age : it is not a whole number" in said
    assert "No record fits these filters." in words(browse(operator).get("/review/?q=nothing").content)


def test_filters_stay_in_the_address_and_on_the_record(
    clinic: Connection, operator: User, browse: Callable[[User], Client], make_connection: Callable[..., Connection]
) -> None:
    run = make_run(clinic, "partial")
    found = put_aside(clinic, "7", run=run, state="fixed", decided_by="ana")
    other = put_aside(make_connection(), "8")
    client = browse(operator)
    for query in ("connection=clinic&state=all", f"run={run.pk}&state=fixed", "q=7&state=all", "state=fixed"):
        page = client.get(f"/review/?{query}")
        assert [row.record for row in page.context["rows"]] == [found], query
        links = re.findall(r'href="(/review/records/[^"]+)"', page.content.decode())
        assert links == [f"/review/records/{found.pk}/?{page.context['filters'].query}".replace("&", "&amp;")]
    assert [row.record for row in client.get("/review/?reason=not_an_integer").context["rows"]] == [other]


def test_list_asks_the_database_as_often_for_many_records_as_for_few(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    client = browse(operator)
    for number in range(3):
        put_aside(clinic, str(number))
    client.get("/review/?state=all")
    with CaptureQueriesContext(database) as few:
        client.get("/review/?state=all")
    for number in range(3, 120):
        put_aside(clinic, str(number))
    with CaptureQueriesContext(database) as many:
        page = client.get("/review/?state=all")
    assert len(page.context["rows"]) == 50
    assert len(many) == len(few) <= 17


def test_viewer_sees_no_personal_value_and_decides_nothing(
    clinic: Connection, viewer: User, browse: Callable[[User], Client]
) -> None:
    record = put_aside(clinic, run=make_run(clinic, "partial", quarantined=1))
    client = browse(viewer)
    for address in ("/review/", f"/review/records/{record.pk}/", f"/runs/{record.run_id}/", f"/review/?q={CPF}"):
        html = client.get(address).content.decode()
        assert CPF not in html.replace(f"?q={CPF}", "") and NAME not in html, address
        assert "it is not a whole number" in html, address
        main = html[html.index("<main") : html.index("</main>")]
        assert 'method="post"' not in main or 'action="/review/records/"' in main, address
    assert "old" in client.get(f"/review/records/{record.pk}/").content.decode()
    assert client.post(f"/review/records/{record.pk}/", form(record, age="41")).status_code == 403
    Connection.objects.update(kind="gone")
    assert NAME not in client.get(f"/review/records/{record.pk}/").content.decode()


def test_corrected_record_is_loaded_and_the_next_one_shown(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    record = put_aside(clinic)
    older = put_aside(clinic, "2", last_seen_at=timezone.now() - timedelta(hours=1))
    client = browse(operator)
    answer = client.post(f"/review/records/{record.pk}/?connection=clinic", form(record, age="41", paid="1.234,5"))
    assert answer.headers["Location"] == f"/review/records/{older.pk}/?connection=clinic"
    record.refresh_from_db()
    assert (record.state, record.decided_by, record.corrections) == (
        "fixed",
        "operator",
        {"age": "41", "paid": "1234.5"},
    )
    assert stored(clinic) == 1
    said = words(client.get(f"/review/records/{record.pk}/").content)
    assert "operator loaded it just now" in said and "old" in said and "41" in said
    assert "The correction holds for as long as" in said


def test_refused_correction_keeps_what_was_typed_and_says_why(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    record = put_aside(clinic)
    answer = browse(operator).post(f"/review/records/{record.pk}/", form(record, age="41 years", name="Ana"))
    said = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="41 years"' in said and 'value="Ana"' in said
    assert "It still cannot be loaded, and nothing was changed." in said
    assert "The source sent:" in said
    assert re.search(r'id="f-age"[^>]*aria-invalid="true" autofocus', said)
    assert stored(clinic) == 0


def test_record_that_came_again_meanwhile_is_shown_anew(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    record = put_aside(clinic)
    sent = form(record, age="41")
    QuarantinedRecord.objects.update(last_seen_at=timezone.now() + timedelta(minutes=1))
    answer = browse(operator).post(f"/review/records/{record.pk}/", sent, follow=True)
    assert "The source has sent this record again meanwhile" in words(answer.content)
    assert stored(clinic) == 0


def test_nothing_is_loaded_while_the_connection_syncs(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    record = put_aside(clinic)
    make_run(clinic, "running")
    answer = browse(operator).post(f"/review/records/{record.pk}/", form(record, age="41"))
    assert answer.status_code == 422 and 'value="41"' in answer.content.decode()
    assert "Clinic is syncing at the moment, so nothing was written" in words(answer.content)


def test_corrected_key_does_not_replace_another_row(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    client = browse(operator)
    first, second = put_aside(clinic, "1"), put_aside(clinic, "2")
    client.post(f"/review/records/{first.pk}/", form(first, age="1"))
    answer = client.post(f"/review/records/{second.pk}/", form(second, age="2", cpf="1"))
    assert answer.status_code == 422
    assert "a row with this key is already stored" in words(answer.content)


def test_discarding_one_asks_why_and_can_be_taken_back(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    record = put_aside(clinic)
    client = browse(operator)
    refused = client.post(f"/review/records/{record.pk}/discard/", {"note": "  "})
    assert refused.status_code == 422 and "Say why" in words(refused.content)
    client.post(f"/review/records/{record.pk}/discard/", {"note": "A test patient."})
    said = words(client.get(f"/review/records/{record.pk}/").content)
    assert "operator discarded it just now" in said and "A test patient." in said
    assert AuditEvent.objects.get(action="records.discarded").params["note"] == "A test patient."
    client.post(f"/review/records/{record.pk}/reopen/")
    record.refresh_from_db()
    assert record.is_open


def test_many_are_tried_again_and_the_outcome_told_in_numbers(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    good = put_aside(clinic, "1", record={"cpf": "1", "age": "41"})
    bad = put_aside(clinic, "2")
    sent = {"act": "retry", "record": [str(good.pk), str(bad.pk)], "connection": "clinic"}
    answer = browse(operator).post("/review/records/", sent, follow=True)
    assert answer.redirect_chain[-1][0] == "/review/?connection=clinic"
    said = words(answer.content)
    assert "1 record was loaded." in said and "1 record still cannot be loaded." in said
    assert SyncRun.objects.get(trigger="review").requested_by == operator


def test_all_that_are_found_are_discarded_after_their_number_was_told(
    clinic: Connection, operator: User, browse: Callable[[User], Client]
) -> None:
    for number in range(60):
        put_aside(clinic, str(number))
    spared = put_aside(clinic, "spared", reason="empty")
    client = browse(operator)
    until = client.get("/review/?reason=not_an_integer").context["until"].isoformat()
    late = put_aside(clinic, "late")
    sent = {"act": "discard", "all": "1", "until": until, "reason": "not_an_integer"}
    page = client.post("/review/records/", sent)
    assert "Discard 60 records?" in words(page.content)
    assert client.post("/review/records/", sent | {"confirm": "1", "note": ""}).status_code == 422
    assert not QuarantinedRecord.objects.filter(state="discarded").exists()
    said = words(client.post("/review/records/", sent | {"confirm": "1", "note": "Tests"}, follow=True).content)
    assert "60 records were discarded." in said
    assert set(QuarantinedRecord.objects.filter(state="open")) == {spared, late}


def test_nothing_chosen_is_said(clinic: Connection, operator: User, browse: Callable[[User], Client]) -> None:
    answer = browse(operator).post("/review/records/", {"act": "retry"}, follow=True)
    assert "Choose the records first" in words(answer.content)


@pytest.mark.parametrize(
    ("column", "kept", "typed", "correction"),
    [
        ("age", "old", "41", "41"),
        ("age", "old", "", None),
        ("paid", "1.50", "1.50", "unchanged"),
        ("paid", "1.50", "1.234,56", "1234.56"),
        ("paid", "1.50", " 2,5 ", "2.5"),
        ("paid", 1.5, "1.5", "1.5"),
        ("name", "a\nb", "a\r\nb", "unchanged"),
        ("name", None, "", "unchanged"),
        ("name", "x", " y ", " y "),
    ],
)
def test_corrections_are_what_differs_from_the_source(column: str, kept: Any, typed: str, correction: Any) -> None:
    reasons = {column: {"code": "not_exact", "params": {}}} if isinstance(kept, float) else {}
    record = QuarantinedRecord(record={column: kept}, reasons=reasons)
    found = corrections_in(record, PEOPLE, {f"field:{column}": typed})
    assert found == ({} if correction == "unchanged" else {column: correction})
