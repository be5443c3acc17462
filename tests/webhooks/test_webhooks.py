"""Messages to other programs: what is told, how it is signed and sent, and the pages that look after it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from connections.models import AuditEvent, Connection
from syncruns import dispatch
from syncruns.chores import CHORES
from syncruns.models import SyncRun, SystemJob, ToldHealth, Webhook, WebhookDelivery
from syncruns.services import cancel_run
from syncruns.tasks import execute_run
from syncruns.webhooks.events import SEND, WATCH, note, note_health_changes, note_run
from syncruns.webhooks.sending import LEASE, PAUSES, send_due, send_test
from tests.web.console_pages import CONFIG, make_run
from tests.webhooks.receiver import Receiver, receiver

pytestmark = pytest.mark.django_db

Make = Callable[..., Connection]
SignIn = Callable[[User], Client]


@pytest.fixture
def program() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def hook(program: Receiver) -> Webhook:
    webhook = Webhook(name="Finance", url=program.url)
    webhook.new_secret(timezone.now())
    webhook.save()
    return webhook


def send_all(now: Any = None) -> int:
    steps = 0
    while send_due(now or timezone.now()):
        steps += 1
        assert steps < 20
    return steps


def is_signed(headers: Any, body: str, secret: str) -> bool:
    signed = f"{headers['Sincro-Timestamp']}.{body}".encode()
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" in headers["Sincro-Signature"].split(
        ","
    )


def test_end_of_a_run_is_told_with_a_signature(program: Receiver, hook: Webhook, make_connection: Make) -> None:
    SystemJob.objects.create(name=SEND, next_at=timezone.now() + timedelta(minutes=1))
    run = make_run(make_connection(slug="shop", config=CONFIG), "queued")
    assert execute_run(run.pk) is not None  # nobody answers at its address: the run fails
    send_all()
    ((headers, body),) = program.taken
    found = json.loads(body)
    assert (found["event"], found["connection"]["slug"]) == ("run.ended", "shop")
    assert (found["run"]["id"], found["run"]["status"]) == (str(run.pk), "FALHA")
    assert found["run"]["erros"] and headers["Sincro-Delivery"] == found["id"]
    assert is_signed(headers, body, hook.secrets.reveal()["current"])
    assert not is_signed(headers, body + " ", hook.secrets.reveal()["current"])
    assert WebhookDelivery.objects.get().state == "sent"
    assert SystemJob.objects.get(name=SEND).next_at <= timezone.now(), "the next tick sends it"


def test_runs_that_are_lost_or_cancelled_are_told_too(hook: Webhook, make_connection: Make) -> None:
    lost = make_run(make_connection(), "running", lease_until=timezone.now() - timedelta(minutes=1))
    dispatch.reap(timezone.now())
    cancelled = make_run(make_connection(), "queued")
    cancel_run(cancelled)
    told = [json.loads(one.body)["run"] for one in WebhookDelivery.objects.order_by("created_at")]
    assert [(run["id"], run["state"]) for run in told] == [(str(lost.pk), "lost"), (str(cancelled.pk), "cancelled")]


def test_change_of_health_is_told_once_and_running_is_none(hook: Webhook, make_connection: Make) -> None:
    hook.on_run_end = False
    hook.save()
    shop = make_connection(slug="shop", config=CONFIG, auto_sync=True, next_sync_at=timezone.now() + timedelta(hours=1))
    first = make_run(shop, ago=timedelta(hours=1))
    note_health_changes(timezone.now())
    assert (ToldHealth.objects.get().state, WebhookDelivery.objects.count()) == ("ok", 0)
    second = make_run(shop, "running")
    note_health_changes(timezone.now())
    second.finish("failed", error={"code": "timeout", "params": {}})
    for _ in range(2):
        note_health_changes(timezone.now())
    health = json.loads(WebhookDelivery.objects.get().body)["health"]
    assert (health["before"], health["after"], bool(health["sentence"])) == ("ok", "retrying", True)
    assert first.pk != second.pk
    Webhook.objects.update(is_on=False)
    note_health_changes(timezone.now())
    assert not ToldHealth.objects.exists()


def test_what_is_not_taken_is_tried_again_later_and_given_up_in_the_end(program: Receiver, hook: Webhook) -> None:
    program.status = 503
    note([hook], "run.ended", None, {})
    note([hook], "run.ended", None, {})
    now = timezone.now()
    assert send_all(now) == 1, "one try at a time to an address that fails"
    tried = WebhookDelivery.objects.get(attempts=1)
    assert (tried.state, tried.status, tried.error_code) == ("waiting", 503, "server_error")
    assert tried.due_at == now + PAUSES[0]
    for pause in (*PAUSES, timedelta(days=2)):
        now += pause + timedelta(seconds=1)
        send_all(now)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) <= {"failed", "waiting"}
    assert WebhookDelivery.objects.filter(state="failed").exists()
    program.status = 200
    WebhookDelivery.objects.update(state="waiting", due_at=now)
    send_all(now)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"sent"}


def test_message_of_a_worker_that_vanished_is_sent_again_under_the_same_id(program: Receiver, hook: Webhook) -> None:
    note([hook], "run.ended", None, {})
    now = timezone.now()
    WebhookDelivery.objects.update(state="sending", lease_until=now + LEASE)
    assert send_all(now) == 0
    assert send_all(now + LEASE + timedelta(seconds=1)) == 1
    assert program.taken[0][0]["Sincro-Delivery"] == str(WebhookDelivery.objects.get(state="sent").pk)


@pytest.mark.parametrize(
    ("address", "allowed", "code"),
    [
        (None, False, "address_refused"),
        (None, True, ""),
        ("http://169.254.169.254/latest", True, "address_refused"),
        ("http://127.0.0.1:1/", True, "connection_failed"),
    ],
)
def test_private_addresses_are_refused_unless_allowed(
    program: Receiver, hook: Webhook, settings: Any, address: str | None, allowed: bool, code: str
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    hook.url, hook.allow_private = address or program.url, allowed
    hook.save()
    assert send_test(hook, None).error_code == code
    assert len(program.taken) == (not code)


def test_name_is_looked_up_once_and_refused_when_any_of_its_addresses_is_inside(
    program: Receiver, hook: Webhook, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    port = urlsplit(program.url).port
    asked: list[str] = []

    def getaddrinfo(host: str, *_more: Any, **_options: Any) -> list[Any]:
        """Answer as a name would whose owner changes it between the check and the call."""
        asked.append(host)
        addresses = ["127.0.0.1"] if len(asked) % 2 else ["8.8.8.8", "127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    hook.url = f"http://hook.example.com:{port}/"
    hook.save()
    assert [send_test(hook, None).error_code for _ in range(2)] == ["address_refused"] * 2
    assert (program.taken, asked) == ([], ["hook.example.com"] * 2)
    hook.allow_private = True
    hook.save()
    assert send_test(hook, None).error_code == "", "the address that was checked is the one that is called"
    assert len(program.taken) == 1 and len(asked) == 3


def test_redirect_is_not_followed(program: Receiver, hook: Webhook) -> None:
    program.status = 302
    assert send_test(hook, None).error_code == "bad_response"
    assert len(program.taken) == 1


def test_after_a_rotation_both_secrets_sign_for_a_day(program: Receiver, hook: Webhook) -> None:
    former = hook.secrets.reveal()["current"]
    secret = hook.new_secret(timezone.now())
    hook.save()
    send_test(hook, None)
    assert all(is_signed(*program.taken[0], each) for each in (former, secret))
    hook.rotated_at -= timedelta(days=2)
    hook.save()
    send_test(hook, None)
    assert [is_signed(*program.taken[1], each) for each in (former, secret)] == [False, True]


def test_run_ends_even_if_it_cannot_be_told(make_connection: Make, hook: Webhook) -> None:
    run = make_run(make_connection())
    run.finished_at = object()  # cannot be written
    note_run(run)
    assert {SEND, WATCH} <= set(CHORES)


def test_run_ends_even_if_its_webhooks_cannot_be_looked_up(make_connection: Make) -> None:
    run = make_run(make_connection())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE syncruns_webhook RENAME TO elsewhere")
        note_run(run)
        cursor.execute("ALTER TABLE elsewhere RENAME TO syncruns_webhook")
    assert SyncRun.objects.filter(pk=run.pk).exists()


def test_administrator_adds_tests_rotates_and_deletes_a_webhook(
    program: Receiver, administrator: User, signed_in: SignIn
) -> None:
    browser = signed_in(administrator)
    fields = {"name": "Finance", "url": program.url, "on_run_end": "on", "is_on": "on"}
    for wrong in ("ftp://x/", "https://me:secret@example.com/", "example.com", "http://[", "http://a b/"):
        assert browser.post("/settings/webhooks/", fields | {"url": wrong}).status_code == 422
    assert (
        "No program is told" in browser.get("/settings/webhooks/", headers={"Accept-Language": "en"}).content.decode()
    )
    page = browser.post("/settings/webhooks/", fields).headers["Location"]

    def secret() -> list[str]:
        return sorted(set(re.findall(r"whsec_[-\w]{43}", browser.get(page).content.decode())))

    (first,) = secret()
    assert secret() == [], "it is shown once"
    assert first not in str(Webhook.objects.values_list("secrets").get())
    browser.post(f"{page}test/")
    assert is_signed(*program.taken[0], first)
    browser.post(f"{page}rotate/")
    assert secret() not in ([], [first])
    note(Webhook.objects.all(), "run.ended", None, {})
    browser.post(page, fields | {"name": "Finance 2", "is_on": ""})
    states = ["dropped", "sent"]
    assert list(WebhookDelivery.objects.order_by("state").values_list("state", flat=True)) == states, "it is off"
    assert "HTTP 204" in browser.get(page).content.decode()
    assert browser.get("/settings/webhooks/").status_code == 200
    browser.post(f"{page}delete/")
    actions = list(AuditEvent.objects.filter(target_kind="webhook").order_by("pk").values_list("action", flat=True))
    assert actions == [f"webhook.{done}" for done in ("created", "tested", "rotated", "changed", "deleted")]
    assert first not in str(list(AuditEvent.objects.values()))
