"""Corrections on the pages: made, refused, masked, taken back, and decided on when the source has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from connections.models import AuditEvent, Connection
from syncruns.models import Correction, QuarantinedRecord
from syncruns.services import request_sync
from tests.bills.fixtures import Run, Select
from tests.bills.vendor import Bills

SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db(transaction=True)


def row_page(bills: Connection, key: int = 2, stream: str = "bills", table: str = "bills") -> str:
    return reverse("record", args=[bills.slug, stream, table, key])


def save(client: Client, address: str, **fields: str) -> HttpResponse:
    """Send the row's form as a browser that has just shown it does."""
    response = client.get(address, HTTP_ACCEPT_LANGUAGE="en")
    assert response.context is not None
    shown = {field.input_name: field.text for field, _one in response.context["correctable"]}
    given = {f"field:{name}": value for name, value in fields.items() if name != "note"}
    data = shown | given | {"seen": response.context["seen"], "note": fields.get("note", "")}
    return client.post(address, data, HTTP_ACCEPT_LANGUAGE="en", follow=True)


def test_row_is_corrected_in_its_form_and_shows_both_values(
    sync_bills: Run, bills: Connection, operator: User, signed_in: SignIn, select: Select
) -> None:
    sync_bills()
    client = signed_in(operator)

    page = save(client, row_page(bills), total="1.250,00", note="Misread").content.decode()

    assert "Saved." in page and "The source sent:" in page and '<q class="text-break">200.50</q>' in page
    one = Correction.objects.get()
    assert (one.column, one.source, one.value, one.note, one.made_by) == (
        "total",
        "200.5",
        "1250",
        "Misread",
        "operator",
    )
    listed = client.get(reverse("review_corrections"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "In force" in listed and "Misread" in listed and "Take back" in listed


def test_value_that_does_not_fit_is_refused_beside_its_field_and_kept_as_typed(
    sync_bills: Run, bills: Connection, operator: User, signed_in: SignIn
) -> None:
    sync_bills()
    response = save(signed_in(operator), row_page(bills), total="R$ 3")
    page = response.content.decode()
    assert response.status_code == 422 and "Not saved because" in page and 'value="R$ 3"' in page
    assert not Correction.objects.exists()


def test_form_of_a_row_that_changed_meanwhile_or_syncs_writes_nothing(
    sync_bills: Run, bills: Connection, operator: User, signed_in: SignIn
) -> None:
    sync_bills()
    client = signed_in(operator)
    late = client.post(
        row_page(bills), {"field:total": "1", "seen": "older"}, HTTP_ACCEPT_LANGUAGE="en"
    )  # fmt: skip
    assert late.status_code == 409 and "changed meanwhile" in late.content.decode()
    queued, _created = request_sync(bills, call_worker=False)
    assert "is syncing at the moment" in save(client, row_page(bills), total="1").content.decode()
    assert not Correction.objects.exists()
    queued.cancel_queued()


def test_overtaken_correction_waits_under_review_until_somebody_decides(
    sync_bills: Run, bills: Connection, vendor: Bills, operator: User, signed_in: SignIn, select: Select
) -> None:
    sync_bills()
    client = signed_in(operator)
    save(client, row_page(bills), total="250")
    vendor.bills[2]["total"] = "260.00"
    sync_bills()

    first = client.get(reverse("review"))
    assert (first.status_code, first.headers["Location"]) == (302, reverse("review_corrections"))
    page = client.get(reverse("review_corrections"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "The source changed" in page and "Keep the correction" in page and "<strong>260.00</strong>" in page
    address = reverse("correction_decide", args=[Correction.objects.get().pk])

    told = client.post(address, {"act": "keep"}, HTTP_ACCEPT_LANGUAGE="en", follow=True).content.decode()
    assert "in force again" in told
    assert [str(total) for _bill, total in select("bills", "id, total")][1].startswith("250")
    told = client.post(address, {"act": "keep"}, HTTP_ACCEPT_LANGUAGE="en", follow=True).content.decode()
    assert "Somebody else decided meanwhile" in told
    told = client.post(address, {"act": "end"}, HTTP_ACCEPT_LANGUAGE="en", follow=True).content.decode()
    assert "has the source&#x27;s value" in told
    actions = list(AuditEvent.objects.filter(action__startswith="correction.").values_list("action", flat=True))
    assert sorted(actions) == ["correction.ended", "correction.kept", "correction.made"]


def test_list_is_named_after_what_it_shows_and_those_in_force_can_be_listed_alone(
    sync_bills: Run, vendor: Bills, bills: Connection, operator: User, signed_in: SignIn
) -> None:
    sync_bills()
    client = signed_in(operator)
    save(client, row_page(bills, 1), total="150")
    save(client, row_page(bills, 2), total="250")
    vendor.bills[2]["total"] = "260.00"
    sync_bills()

    def listed(state: str) -> tuple[str, int]:
        """Return the choice that is shown, and how many corrections are."""
        page = client.get(reverse("review_corrections"), {"state": state}, HTTP_ACCEPT_LANGUAGE="en")
        chosen = page.content.decode().split(f'<option value="{state}" selected>')[1].split("<")[0]
        return chosen, len(page.context["rows"])

    assert listed("") == ("Not ended", 2)
    assert listed("active") == ("In force", 1)
    assert listed("superseded") == ("The source changed", 1)


def test_viewer_sees_corrections_masked_and_can_do_nothing(
    sync_bills: Run, bills: Connection, viewer: User, operator: User, signed_in: SignIn
) -> None:
    sync_bills()
    save(signed_in(operator), row_page(bills), total="250")
    client = signed_in(viewer)
    page = client.get(row_page(bills), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "Cliente 2" not in page and "•••" in page and "250" in page and 'id="correct"' not in page
    assert client.post(row_page(bills), {"field:total": "1"}).status_code == 403
    assert "Take back" not in client.get(reverse("review_corrections"), HTTP_ACCEPT_LANGUAGE="en").content.decode()


@pytest.mark.parametrize(("key", "found"), [("2", True), ("77", False), ("x", False), ("", False), ("[2]", False)])
def test_row_is_found_by_its_table_and_key(
    sync_bills: Run, bills: Connection, operator: User, signed_in: SignIn, key: str, found: bool
) -> None:
    sync_bills()
    client = signed_in(operator)
    page = client.get(reverse("review_corrections"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert 'value="energia:bills:bills"' in page and "bill_files" not in page  # nothing of it can be corrected
    response = client.get(reverse("review_corrections"), {"in": "energia:bills:bills", "key": key})
    assert (response.headers["Location"] == row_page(bills)) is found
    assert client.get(response.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    "address",
    ["bills/nothing/1/", "nothing/bills/1/", "bills/bills/x/", "bills/bills/", "bills/bills/9/", "bills/bills/1,2/"],
)
def test_row_that_is_not_there_is_not_found(
    sync_bills: Run, bills: Connection, operator: User, signed_in: SignIn, address: str
) -> None:
    sync_bills()
    assert signed_in(operator).get(f"/connections/energia/records/{address}").status_code == 404


def test_changed_row_leads_to_its_page_and_records_reviewed_are_listed_with_corrections(
    sync_bills: Run, bills: Connection, vendor: Bills, operator: User, signed_in: SignIn
) -> None:
    vendor.bills[3]["total"] = "three hundred"
    run = sync_bills()
    client = signed_in(operator)
    changes = client.get(reverse("run_changes", args=[run.pk])).content.decode()
    assert f'href="{row_page(bills, 1)}"' in changes
    record = QuarantinedRecord.objects.get()
    data: dict[str, Any] = {"field:total": "300", "seen": record.last_seen_at.isoformat()}
    client.post(reverse("review_record", args=[record.pk]), data)
    page = client.get(reverse("review_corrections"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "Written for records that could not be loaded" in page
    assert reverse("review_record", args=[record.pk]) in page
