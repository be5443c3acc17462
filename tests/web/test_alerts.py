"""The pages about e-mail: what a person wants to be told, and for administrators how the messages fare."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from connections.models import AuditEvent, Connection
from syncruns.models import Delivery, NotificationRule
from tests.smtp import MailServer, closed_port, mail_server

pytestmark = pytest.mark.django_db

Make = Callable[..., Connection]
SignIn = Callable[[User], Client]


def text(response: HttpResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def english(signed_in: SignIn) -> SignIn:
    def sign_in(user: User) -> Client:
        client = signed_in(user)
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        return client

    return sign_in


def test_person_switches_alerts_on_for_chosen_connections_and_off_again(
    viewer: User, english: SignIn, make_connection: Make
) -> None:
    mine, _other = make_connection(name="Mine"), make_connection(name="Other")
    page = english(viewer)
    assert "no mail server yet" in text(page.get("/preferences/alerts/"))
    sent = {"is_on": "on", "email": "vera@example.com", "only_chosen": "1", "connections": [mine.pk]}
    page.post("/preferences/alerts/", sent)
    rule = NotificationRule.objects.get(user=viewer)
    assert (rule.is_on, rule.only_chosen, list(rule.connections.all())) == (True, True, [mine])
    viewer.refresh_from_db()
    assert viewer.email == "vera@example.com"
    shown = page.get("/preferences/alerts/").content.decode()
    assert re.findall(r'name="connections" value="(\d+)" checked', shown) == [str(mine.pk)]
    assert 'value="1" checked' in shown and 'value="vera@example.com"' in shown
    page.post("/preferences/alerts/", {"is_on": "on", "email": "vera@example.com", "only_chosen": ""})
    page.post("/preferences/alerts/", {"email": "vera@example.com", "only_chosen": ""})
    rule.refresh_from_db()
    assert (rule.is_on, rule.only_chosen, rule.connections.count()) == (False, False, 0)
    actions = AuditEvent.objects.filter(action__startswith="alerts.").order_by("pk")
    assert [event.action for event in actions] == ["alerts.on", "alerts.changed", "alerts.off"]
    assert "vera@" not in str(list(actions.values()))


def test_what_is_missing_is_said_beside_its_field_and_what_was_typed_stays(
    viewer: User, english: SignIn, make_connection: Make
) -> None:
    make_connection()
    page = english(viewer)
    response = page.post("/preferences/alerts/", {"is_on": "on", "email": "", "only_chosen": "1"})
    assert response.status_code == 422
    assert "Give the address that the messages are to go to." in text(response)
    assert "Choose at least one connection." in text(response)
    assert 'name="is_on" id="id_is_on" checked' in response.content.decode()
    response = page.post("/preferences/alerts/", {"is_on": "on", "email": "vera@", "only_chosen": ""})
    assert response.status_code == 422 and 'value="vera@"' in response.content.decode()
    assert not NotificationRule.objects.exists()


def test_administrator_tests_the_mail_server_and_reads_its_answer(
    administrator: User, english: SignIn, settings: Any
) -> None:
    page = english(administrator)
    assert "No mail server has been set." in text(page.get("/settings/mail/"))
    with mail_server(MailServer(users={"ana": "another"})) as box:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = box.host, box.port, 5
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "ana", "s3cret-of-the-server"
        settings.DEFAULT_FROM_EMAIL = "sincro@example.com"
        refused = page.post("/settings/mail/test/", {"address": "ana@example.com"}, follow=True)
        box.users["ana"] = "s3cret-of-the-server"
        taken = page.post("/settings/mail/test/", {"address": "ana@example.com"}, follow=True)
        settings.EMAIL_PORT = closed_port()
        absent = page.post("/settings/mail/test/", {"address": "ana@example.com"}, follow=True)
    assert "did not accept the user or the password." in text(refused)
    assert "535 5.7.8 Username and Password not accepted" in text(refused)
    assert "The password was changed" in text(refused)
    assert "The mail server took the test message." in text(taken)
    assert "Nothing answers at port" in text(absent)
    assert len(box.messages) == 1
    assert 'value="ana@example.com"' in absent.content.decode()  # to be tested again
    assert "s3cret" not in refused.content.decode() + taken.content.decode()
    assert page.post("/settings/mail/test/", {"address": "nobody"}).status_code == 422


def test_log_says_what_became_of_each_message(
    administrator: User, viewer: User, english: SignIn, make_connection: Make
) -> None:
    now, connection = timezone.now(), make_connection(name="Odoo")

    def note(state: str, **fields: Any) -> None:
        values = {"kind": "problem", "code": "credentials_refused", "ended_at": now, "state": state}
        Delivery.objects.create(user=viewer, connection=connection, **values | fields)

    note("sent", sent_at=now, attempts=1)
    note(
        "waiting", error_code="try_later", error_params={"host": "mail.example", "status": 451, "answer": "greylisted"}
    )
    note("dropped", error_code="recovered", kind="recovery")
    for _number in range(60):
        note("failed", error_code="recipient_refused", error_params={"host": "mail.example"})
    page = english(administrator)
    said = text(page.get("/settings/mail/"))
    assert "viewer Odoo Needs a person: Credentials refused Not sent" in said
    assert "1 to 50 of 63" in said
    assert "mail.example asks to try again later. 451 greylisted" in text(page.get("/settings/mail/?state=waiting"))
    left_out = text(page.get("/settings/mail/?state=dropped"))
    assert "Left out it worked again before the message went out" in left_out
    assert "Credentials refused Sent" in text(page.get("/settings/mail/?state=sent"))


def test_pages_lead_to_each_other(administrator: User, viewer: User, english: SignIn) -> None:
    assert 'href="/preferences/alerts/"' in english(viewer).get("/preferences/").content.decode()
    assert 'href="/settings/mail/"' not in english(viewer).get("/preferences/alerts/").content.decode()
    for path in ("/preferences/alerts/", "/users/"):
        assert 'href="/settings/mail/"' in english(administrator).get(path).content.decode()
