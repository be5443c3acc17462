"""A value in the address of a list that the list does not know: it does not count, and the page says so."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from connections.models import AuditEvent, Connection
from syncruns.models import Change, Correction, Delivery, Document, QuarantinedRecord, SyncLog, SyncRun, Webhook
from tests.web.console_pages import make_run, make_stream
from tests.web.data_fixtures import clean_tables, ledger, run, shop

__all__ = ["clean_tables", "ledger", "run", "shop"]  # fixtures
pytestmark = pytest.mark.django_db

# Each list with its filters, and what stands in it.
LISTS = {
    "/connections/": ("health kind tag", 'href="/connections/loja/"'),
    "/runs/": ("connection tag state trigger span from until", "{run}"),
    "/runs/{run}/": ("level", "Page loaded"),
    "/runs/{run}/changes/": ("of kind", "id 48211"),
    "/changes/": ("connection tag kind period", "id 48211"),
    "/connections/loja/runs/": ("show", "{run}"),
    "/connections/loja/schedule/": ("show", "Why did it not run?"),
    "/review/": ("connection table reason state run", "not a number"),
    "/review/corrections/": ("state connection", "Misread"),
    "/documents/": ("connection", "fatura.pdf"),
    "/data/": ("connection", "Orders"),
    "/data/ledger/orders/": ("connection deleted run", ">48211<"),
    "/audit/": ("who connection action span", "Created the connection"),
    "/settings/mail/": ("state", "Loja"),
    "/settings/webhooks/{hook}/": ("state", "Deliveries"),
}


@pytest.fixture
def places(shop: Connection, run: SyncRun, page: Client) -> dict[str, str]:
    """Put something into every list."""
    make_stream(run, "orders", "succeeded", updated=1)
    SyncLog.objects.create(run=run, stream="orders", event="page_loaded")
    Change.objects.create(run=run, stream="orders", table="orders", kind="updated", key=[48211], columns=[])
    QuarantinedRecord.objects.create(
        connection=shop, run=run, stream="orders", table="orders", record_key="9", reason="not_a_number",
        reasons={"total": {"code": "not_a_number", "params": {}}},
    )  # fmt: skip
    Correction.objects.create(
        connection=shop, stream="orders", table="orders", key=[1], record_key="1", column="note", source="a", value="b",
        note="Misread", made_by="ana",
    )  # fmt: skip
    Document.objects.create(
        connection=shop, source="Loja", sha256="ab" * 32, name="fatura.pdf", content_type="application/pdf", size=5,
        body=b"%PDF-", stored_size=5, is_compressed=False,
    )  # fmt: skip
    AuditEvent.objects.create(actor="ana", action="connection.created", target_kind="connection", target_id=shop.pk)
    user = AuditEvent.objects.exclude(user=None).latest("pk").user
    Delivery.objects.create(user=user, connection=shop, kind="stopped", code="timeout", since=run.queued_at)
    hook = Webhook(name="Hook", url="https://hook.example/")
    hook.new_secret(run.queued_at)
    hook.save()
    return {"run": str(run.pk), "hook": str(hook.pk)}


def main(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode().split("<main")[1].split("</main>")[0]


@pytest.mark.parametrize("address", LISTS)
def test_unknown_value_is_told_does_not_narrow_the_list_and_is_taken_out_by_a_link(
    page: Client, places: dict[str, str], address: str
) -> None:
    names, there = LISTS[address]
    path, there = address.format(**places), there.format(**places)
    assert "does not exist here" not in main(page.get(path))
    for value in ("nonsense", "<x>", "\0"):
        for name in names.split():
            said = main(page.get(path, {name: value, "q": "", "page": "7"}))
            assert said.count("does not exist here, so this filter does not count.") == 1, (name, value)
            assert there in said, (name, value)
            assert re.search(r'href="\?q=">Take it out of the address', said), (name, value)


@pytest.mark.parametrize("address", ["/runs/", "/changes/", "/review/", "/documents/", "/users/", "/search/", "/data/"])
def test_search_for_what_no_database_takes_finds_the_rest_of_it(page: Client, address: str) -> None:
    assert page.get(address, {"q": "a\0b"}).status_code == 200


def test_several_unknown_values_are_told_one_by_one_and_known_ones_stay(
    page: Client, places: dict[str, str], make_connection: Callable[..., Connection]
) -> None:
    make_run(make_connection(), "failed")
    response = page.get("/runs/", {"state": "failed", "connection": "gone", "trigger": "no"})
    said = main(response)
    assert "Connection “gone” does not exist here" in said and "Trigger “no” does not exist here" in said
    assert 'href="?state=failed"' in said
    assert [one.state for one in response.context["page"].object_list] == ["failed"]


def test_filter_by_a_column_that_a_table_does_not_have_is_told(page: Client, places: dict[str, str]) -> None:
    said = main(page.get("/data/ledger/orders/", {"eq:nonsense": "1", "has:note": "last"}))
    assert "Column “nonsense” does not exist here" in said
    assert "has%3Anote=last" in said and ">48211<" in said and ">Bruno<" not in said and ">2<" not in said


@pytest.mark.parametrize("address", ["/review/", "/review/corrections/", "/documents/"])
def test_connection_without_anything_in_a_list_is_known_and_chosen(
    page: Client, places: dict[str, str], make_connection: Callable[..., Connection], address: str
) -> None:
    other = make_connection(name="Other", slug="other")
    said = main(page.get(address, {"connection": other.slug}))
    assert "does not exist here" not in said
    assert '<option value="other" selected>Other</option>' in said
