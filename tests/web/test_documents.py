"""Documents on the pages: who may, finds, opens and saves them, safely and with a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from connections.models import AuditEvent, Connection
from syncruns.models import Document, QuarantinedRecord
from tests.bills.fixtures import Run, Select
from tests.bills.vendor import Bills

SignIn = Callable[[User], Client]


def kept(connection: Connection | None = None, **fields: Any) -> Document:
    values: dict[str, Any] = {
        "source": "Energia", "sha256": "ab" * 32, "name": "fatura.pdf", "content_type": "application/pdf", "size": 5,
        "body": b"%PDF-", "stored_size": 5, "is_compressed": False,
    }  # fmt: skip
    return Document.objects.create(connection=connection, **values | fields)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("application/pdf", "application/pdf"), ("image/png", "image/png"), ("text/xml", "text/plain; charset=utf-8"),
        ("application/xml; charset=utf-8", "text/plain; charset=utf-8"), ("text/html", None), ("image/svg+xml", None),
        ("application/octet-stream", None), ("", None),
    ],
)  # fmt: skip
def test_only_what_runs_nothing_is_shown_and_the_rest_is_saved(
    operator: User, signed_in: SignIn, content_type: str, shown: str | None
) -> None:
    document = kept(content_type=content_type, body=b"<script>alert(1)</script>")
    response = signed_in(operator).get(reverse("document_content", args=[document.pk]))
    assert response.content == b"<script>alert(1)</script>"
    assert response.headers["Content-Type"] == (shown or "application/octet-stream")
    assert response.headers["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert response.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-store"


@pytest.mark.django_db
def test_file_is_saved_under_its_name_whatever_stands_in_it(operator: User, signed_in: SignIn) -> None:
    document = kept(name='fatura "julho"; ação.pdf')
    response = signed_in(operator).get(reverse("document_content", args=[document.pk]), {"save": "1"})
    assert response.headers["Content-Disposition"] == (
        "attachment; filename*=utf-8''fatura%20%22julho%22%3B%20a%C3%A7%C3%A3o.pdf"
    )
    nameless = kept(name="", sha256="cd" * 32)
    response = signed_in(operator).get(reverse("document_content", args=[nameless.pk]))
    assert response.headers["Content-Disposition"] == 'inline; filename="cdcdcdcdcdcd.pdf"'


@pytest.mark.django_db
def test_opening_and_saving_leave_a_trace_and_looking_at_the_list_none(operator: User, signed_in: SignIn) -> None:
    document, client = kept(), signed_in(operator)
    client.get(reverse("documents"))
    client.get(reverse("document", args=[document.pk]))
    client.head(reverse("document_content", args=[document.pk]))
    assert not AuditEvent.objects.filter(action__startswith="document.").exists()
    client.get(reverse("document_content", args=[document.pk]))
    client.get(reverse("document_content", args=[document.pk]), {"save": "1"})
    events = AuditEvent.objects.filter(action__startswith="document.").order_by("pk")
    assert [(event.action, event.actor, event.params["document"]) for event in events] == [
        ("document.viewed", "operator", document.pk), ("document.downloaded", "operator", document.pk),
    ]  # fmt: skip


@pytest.mark.django_db
def test_viewer_has_no_way_to_documents(viewer: User, signed_in: SignIn) -> None:
    document, client = kept(), signed_in(viewer)
    assert "/documents/" not in client.get(reverse("overview")).content.decode()
    for name, args in (("documents", []), ("document", [document.pk]), ("document_content", [document.pk])):
        assert client.get(reverse(name, args=args)).status_code == 403


@pytest.mark.django_db
def test_menu_has_documents_once_there_are_some(operator: User, signed_in: SignIn) -> None:
    client = signed_in(operator)
    assert "/documents/" not in client.get(reverse("overview")).content.decode()
    kept()
    assert "/documents/" in client.get(reverse("overview")).content.decode()


@pytest.mark.django_db(transaction=True)
def test_document_leads_to_the_rows_that_name_it_and_back(
    sync_bills: Run, bills: Connection, operator: User, signed_in: SignIn
) -> None:
    sync_bills()
    client = signed_in(operator)
    document = Document.objects.get(name="fatura-2.pdf")
    listed = client.get(reverse("documents"), {"q": "FATURA-2", "connection": bills.slug}).content.decode()
    assert "fatura-2.pdf" in listed and "fatura-1.pdf" not in listed
    page = client.get(reverse("document", args=[document.pk])).content.decode()
    row = reverse("record", args=[bills.slug, "readings", "bill_readings", 2])
    assert f'href="{row}"' in page
    of_hash = reverse("connection_document", args=[bills.slug, document.sha256])
    assert of_hash in client.get(row).content.decode()
    assert client.get(of_hash).headers["Location"] == reverse("document", args=[document.pk])
    document.delete()
    gone = client.get(of_hash, HTTP_ACCEPT_LANGUAGE="en")
    assert gone.status_code == 404 and "more than 1,826 days ago" in gone.content.decode()


@pytest.mark.django_db(transaction=True)
def test_record_that_waits_leads_to_its_document(
    sync_bills: Run, bills: Connection, vendor: Bills, operator: User, signed_in: SignIn, select: Select
) -> None:
    vendor.scans = {2}
    sync_bills()
    record = QuarantinedRecord.objects.get()
    page = signed_in(operator).get(reverse("review_record", args=[record.pk])).content.decode()
    assert reverse("connection_document", args=[bills.slug, record.record["file"]]) in page


@pytest.mark.django_db
def test_documents_of_a_deleted_connection_whose_data_were_kept_are_still_found(
    operator: User, signed_in: SignIn
) -> None:
    document, client = kept(), signed_in(operator)
    assert "Energia" in client.get(reverse("documents")).content.decode()
    assert client.get(reverse("document", args=[document.pk])).status_code == 200


@pytest.mark.django_db
def test_system_page_says_how_much_the_documents_take(operator: User, signed_in: SignIn) -> None:
    kept(size=3 * 2**20, stored_size=2**20)
    page = signed_in(operator).get(reverse("system"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "3.0\xa0MB" in page and "1.0\xa0MB in the database" in page and "1826 days" in page.replace(",", "")
