"""What was noted goes out: gathered, once, in the reader's language, again later while the server does not take it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone, translation

from connections.models import AuditEvent, Connection, UserPreference
from syncruns.alerts import delivery
from syncruns.alerts.delivery import send_due, send_test
from syncruns.checkup.check import OK, WARNING, Scene
from syncruns.checkup.mail import check_mail
from syncruns.checkup.words import tell
from syncruns.chores import CHORES, do_due
from syncruns.models import Delivery, NotificationRule
from tests.smtp import MailServer, closed_port, mail_server

pytestmark = pytest.mark.django_db

Make = Callable[..., Connection]
PUBLIC_URL = "https://sync.example.com"


@pytest.fixture
def box(settings: Any) -> Iterator[MailServer]:
    with mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = server.host, server.port, 5
        settings.EMAIL_HOST_USER = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.DEFAULT_FROM_EMAIL = "Sincro <sincro@example.com>"
        settings.PUBLIC_URL = PUBLIC_URL
        yield server


def person(name: str, language: str = "en", *, role: str = "viewer", **fields: Any) -> User:
    user = User.objects.create_user(name, f"{name}@example.com", **fields)
    user.groups.add(Group.objects.get(name=role))
    UserPreference.objects.create(user=user, language=language, time_zone="America/Manaus")
    NotificationRule.objects.create(user=user, is_on=True)
    return user


def note(user: User, connection: Connection, *, due: bool = True, **fields: Any) -> Delivery:
    now = timezone.now()
    values: dict[str, Any] = {
        "kind": "problem",
        "code": "credentials_refused",
        "since": now,
        "due_at": now if due else now + timedelta(minutes=1),
    }
    return Delivery.objects.create(user=user, connection=connection, **values | fields)


def send_all() -> int:
    """Send as the chore does; returns how many steps it took."""
    steps = 1
    while send_due(timezone.now()):
        steps += 1
        assert steps < 20
    return steps


def text(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r", "")


def html(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_dead_vendor_with_forty_connections_is_one_message_a_person(box: MailServer, make_connection: Make) -> None:
    ana, bia = person("ana"), person("bia", "pt-br")
    connections = [make_connection(name=f"Store {number:02}") for number in range(40)]
    for number, connection in enumerate(connections):
        for user in (ana, bia):
            note(user, connection, due=number == 0, params={"status": 401})
    send_all()
    assert [message["To"] for message in box.messages] == ["ana@example.com", "bia@example.com"]
    english, portuguese = box.messages
    assert english["Subject"] == "[Sincro] 40 connections need you"
    assert portuguese["Subject"] == "[Sincro] 40 conexões precisam de você"
    for body in (text(english), html(english)):
        assert body.count("Likely cause") == 1
        assert body.count(f"{PUBLIC_URL}/connections/shop-") == 40
    assert "Provável causa: " in text(portuguese)
    assert Delivery.objects.filter(state="sent", attempts=1).count() == 80


def test_message_says_what_to_do_since_when_and_where(box: MailServer, make_connection: Make) -> None:
    ana = person("ana", "pt-br")
    stopped = make_connection(name="Odoo & Matriz", slug="odoo")
    since = timezone.now().replace(hour=18, minute=5)
    note(ana, stopped, since=since)
    note(ana, make_connection(name="Auvo"), code="timeout", params={"host": "auvo"}, failures=3, since=since)
    note(ana, make_connection(name="Frota"), code="delete_brake", params={"missing": 20, "total": 40}, since=since)
    note(ana, make_connection(name="PDV"), kind="recovery", code="server_error", since=since)
    send_all()
    [message] = box.messages
    assert message["Subject"] == "[Sincro] 3 conexões precisam de você; 1 conexão voltou a funcionar"
    body = text(message)
    parts = [
        "Credenciais recusadas · API JSON (REST)",
        "O que fazer:\n1. ",
        "- Odoo & Matriz: parada desde",
        f"{PUBLIC_URL}/connections/odoo/",
        "- Frota: aguarda uma decisão desde",
        "- Auvo: falhou 3 vezes seguidas desde",
        "Voltou a funcionar\n- PDV: ",
        f"{PUBLIC_URL}/preferences/alerts/",
    ]
    assert [part for part in parts if part not in body] == []
    assert [body.index(part) for part in parts] == sorted(body.index(part) for part in parts)
    assert f'<a href="{PUBLIC_URL}/connections/odoo/">Odoo &amp; Matriz</a>' in html(message)
    assert message["Auto-Submitted"] == "auto-generated"


def test_one_connection_is_named_in_the_subject(box: MailServer, make_connection: Make, settings: Any) -> None:
    settings.PUBLIC_URL = ""
    connection = make_connection(name="Odoo")
    for name, fields, subject in (
        ("ana", {}, "Odoo needs you"),
        ("bia", {"failures": 3}, "Odoo keeps failing"),
        ("caio", {"kind": "recovery"}, "Odoo works again"),
    ):
        note(person(name), connection, **fields)
        send_all()
        assert box.messages[-1]["Subject"] == f"[Sincro] {subject}"
        assert "http" not in text(box.messages[-1])


def test_nobody_gets_a_second_message_within_minutes(box: MailServer, make_connection: Make) -> None:
    ana, now = person("ana"), timezone.now()
    note(ana, make_connection())
    send_all()
    note(ana, make_connection())
    note(ana, make_connection(), kind="recovery")
    send_all()
    assert len(box.messages) == 1
    send_due(now + delivery.REST + timedelta(seconds=5))
    assert [message["Subject"] for message in box.messages][1:] == [
        "[Sincro] 1 connection needs you; 1 connection works again"
    ]


def test_what_nobody_wants_any_more_is_left_out(box: MailServer, make_connection: Make) -> None:
    people = {name: person(name) for name in ("off", "gone", "blind", "mute", "solved")}
    NotificationRule.objects.filter(user=people["off"]).update(is_on=False)
    User.objects.filter(username="gone").update(is_active=False)
    User.objects.filter(username="mute").update(email="")
    people["blind"].groups.clear()
    for name, user in people.items():
        note(user, make_connection(), ended_at=timezone.now() if name == "solved" else None)
    send_all()
    assert box.messages == []
    assert dict(Delivery.objects.values_list("user__username", "error_code")) == {
        "off": "unwanted", "gone": "no_access", "blind": "no_access", "mute": "no_address", "solved": "recovered",
    }  # fmt: skip
    assert set(Delivery.objects.values_list("state", flat=True)) == {"dropped"}


def test_server_that_is_away_is_asked_once_a_round_and_later_again(box: MailServer, make_connection: Make) -> None:
    box.answers["MAIL"] = "451 try later"
    for name in ("ana", "bia", "caio"):
        note(person(name), make_connection())
    assert send_all() == 1
    assert len(box.conversations) == 1
    assert set(Delivery.objects.values_list("state", "error_code")) == {("waiting", "try_later")}
    now = timezone.now()
    assert not send_due(now)
    box.answers.clear()
    later = now + timedelta(minutes=2)
    while send_due(later):
        pass
    assert len(box.messages) == 3
    assert set(Delivery.objects.values_list("state", "error_code")) == {("sent", "")}


def test_each_failure_waits_longer_and_after_days_it_is_given_up(
    box: MailServer, make_connection: Make, settings: Any
) -> None:
    settings.EMAIL_PORT = closed_port()
    one = note(person("ana"), make_connection())
    waits, now = [], timezone.now()
    for _try in range(8):
        send_due(now)
        one.refresh_from_db()
        waits.append(one.due_at - now)
        now = one.due_at
    assert waits == sorted(waits) and waits[-1] == delivery.PAUSES[-1]
    assert one.attempts == 8
    send_due(now + delivery.GIVE_UP)
    one.refresh_from_db()
    assert (one.state, one.error_code) == ("failed", "connection_refused")


def test_refused_address_keeps_nobody_else_waiting(box: MailServer, make_connection: Make) -> None:
    connection = make_connection()
    note(person("ana"), connection)
    note(person("bia"), connection)
    box.answers["RCPT"] = "550 no such user"
    send_all()
    assert set(Delivery.objects.values_list("state", "error_code", "attempts")) == {("failed", "recipient_refused", 1)}
    assert len(box.conversations) == 2


def test_two_workers_never_send_the_same(box: MailServer, make_connection: Make, monkeypatch: Any) -> None:
    note(person("ana"), make_connection())

    def post(message: EmailMessage) -> None:
        assert send_due(timezone.now()) is False  # another worker, while this one sends

    monkeypatch.setattr(delivery, "post", post)
    send_all()
    assert Delivery.objects.get().state == "sent"


def test_message_of_a_vanished_worker_goes_out_under_the_same_id(box: MailServer, make_connection: Make) -> None:
    ana, message = person("ana"), uuid4()
    now = timezone.now()
    note(ana, make_connection(), state="sending", message=message, attempts=1, lease_until=now - timedelta(seconds=1))
    note(ana, make_connection(), due=False)
    send_all()
    assert [sent["Message-ID"] for sent in box.messages] == [f"<{message}@sync.example.com>"]
    assert sorted(Delivery.objects.values_list("state", "attempts")) == [("sent", 2), ("waiting", 0)]


def test_chore_sends_what_is_due(box: MailServer, make_connection: Make) -> None:
    note(person("ana"), make_connection())
    do_due({"send_mail": CHORES["send_mail"]})
    assert len(box.messages) == 1


def test_test_message_tells_how_it_went_and_wakes_what_waits(
    box: MailServer, make_connection: Make, settings: Any
) -> None:
    ana = person("ana", "pt-br", role="administrator")
    settings.EMAIL_PORT = closed_port()
    note(ana, make_connection())
    send_due(timezone.now())
    problem = send_test(ana, "admin@example.com")
    assert problem is not None and problem.code == "connection_refused"
    settings.EMAIL_PORT = box.port
    assert send_test(ana, "admin@example.com") is None
    assert box.messages[0]["To"] == "admin@example.com"
    assert box.messages[0]["Subject"] == "[Sincro] Mensagem de teste"
    send_all()
    assert box.messages[1]["To"] == "ana@example.com"
    settings.EMAIL_HOST = ""
    problem = send_test(ana, "admin@example.com")
    assert problem is not None and problem.code == "not_configured"
    assert [event.params["answer"] for event in AuditEvent.objects.order_by("pk")] == [
        "connection_refused", "ok", "not_configured",
    ]  # fmt: skip


def test_old_deliveries_are_removed_but_a_problem_that_goes_on_is_remembered(make_connection: Make) -> None:
    ana, old = person("ana"), timezone.now() - timedelta(days=90)
    goes_on = note(ana, make_connection(), created_at=old, state="sent")
    note(ana, make_connection(), created_at=old, state="sent", ended_at=old)
    recent = note(ana, make_connection(), kind="recovery")
    do_due({"remove_deliveries": CHORES["remove_deliveries"]})
    assert set(Delivery.objects.all()) == {goes_on, recent}


def test_doctor_says_whether_messages_go_out(box: MailServer, make_connection: Make, settings: Any) -> None:
    def found() -> tuple[str, str]:
        [check] = check_mail(Scene(timezone.now()))
        return check.state, tell(check).text if check.state != OK else check.code

    assert found() == (OK, "mail_new")
    note(person("ana"), make_connection())
    settings.EMAIL_PORT = closed_port()
    send_all()
    with translation.override("en"):
        assert found() == (
            WARNING, f"A message was not sent (just now): Nothing answers at port {settings.EMAIL_PORT} of 127.0.0.1.",
        )  # fmt: skip
        settings.EMAIL_HOST = ""
        assert found() == (WARNING, "People who want to be told by e-mail: 1; but no mail server is set.")
    settings.EMAIL_HOST, settings.EMAIL_PORT = box.host, box.port
    send_test(User.objects.get(), "admin@example.com")
    send_all()
    assert found() == (OK, "mail_sent")
    NotificationRule.objects.all().delete()
    settings.EMAIL_HOST = ""
    assert found() == (OK, "mail_off")
