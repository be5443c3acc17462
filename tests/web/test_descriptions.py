"""What people write about a connection: in its form, on its page, found by searches, and in the audit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import AuditEvent, Connection
from connections.services import update_connection
from tests.web.console_pages import CONFIG, make_run
from tests.web.forms_page import FormPage

pytestmark = pytest.mark.django_db
Make = Callable[..., Connection]
WRITTEN = "Orders of the web shop.\r\nAsk  <Ana> & co.:\r\nhttps://wiki.example/shop?page=7 \r\n\r\n\r\n\r\nOften late"
KEPT = "Orders of the web shop.\nAsk  <Ana> & co.:\nhttps://wiki.example/shop?page=7\n\nOften late"


def test_description_is_written_in_the_form_and_stands_under_the_name_line_by_line(
    page: Client, make_connection: Make
) -> None:
    shop = make_connection(config=CONFIG, description="Old")
    form = FormPage(page, reverse("connection_edit", args=[shop.slug]))
    assert form.values["about:description"] == "Old"
    form.fill(about__description="x" * 501).press("save_off")
    assert form.invalid == ["about:description"]
    assert "Use at most 500 characters." in form.html and "x" * 501 in form.html
    form.fill(about__description=WRITTEN).press("save_off")
    shop.refresh_from_db()
    assert shop.description == KEPT
    shown = page.get(reverse("connection", args=[shop.slug])).content.decode()
    header = shown[: shown.index("</header>", shown.index("page-title"))]
    assert KEPT.replace("<Ana> &", "&lt;Ana&gt; &amp;") in header
    event = AuditEvent.objects.get(action="connection.changed")
    assert ["description", "Old", KEPT] in event.params["changes"]
    assert "Changed description" in page.get(reverse("audit")).content.decode()

    copy = FormPage(page, f"{reverse('connection_new_kind', args=['rest'])}?from={shop.slug}")
    copy.fill(about__name="Copy").press("save_off")
    assert Connection.objects.get(name="Copy").description == KEPT
    FormPage(page, reverse("connection_edit", args=[shop.slug])).fill(about__description=" ").press("save_off")
    shop.refresh_from_db()
    assert shop.description == ""


def test_words_of_a_description_find_the_connection_and_its_runs(page: Client, make_connection: Make) -> None:
    shop = make_connection(description="Faturamento da\nFILIAL de São Paulo")
    run, _other = make_run(shop), make_run(make_connection())
    typed = {"q": "filial sao"}
    assert [row.connection for row in page.get(reverse("connections"), typed).context["rows"]] == [shop]
    assert [one.pk for one in page.get(reverse("runs"), typed).context["page"].object_list] == [run.pk]
    assert page.get(reverse("search"), typed).headers["Location"] == reverse("connection", args=[shop.slug])
    in_admin = page.get("/admin/connections/connection/", {"q": "FILIAL"}).context["cl"].result_list
    assert list(in_admin) == [shop]


def test_description_is_no_change_when_only_the_ends_of_its_lines_differ(make_connection: Make) -> None:
    shop = make_connection(description="One\nTwo")
    update_connection(shop, description="One \r\nTwo\r\n")
    assert not AuditEvent.objects.exists()
