"""Adds to the demonstration what is seen less often, so that every page has something to show on its picture."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.utils import timezone

from connections.models import Connection, UserPreference
from syncruns.models import ApiToken, Backfill, Correction, Document, Webhook, WebhookDelivery
from tests.web.console_pages import hold_deletions

COLLEAGUES = {"davi": ("Davi", "Prado", "operator"), "bia": ("Bia", "Nunes", "viewer")}


def fill_rare(ana: User, password: str) -> None:
    """Create colleagues, deletions that wait, a correction, a document, a backfill, a token and a webhook."""
    for name, (first, last, role) in COLLEAGUES.items():
        user = User.objects.create_user(
            name, email=f"{name}@example.com", password=password, first_name=first, last_name=last
        )
        user.groups.add(Group.objects.get(name=role))
        UserPreference.objects.create(user=user)
    invited = User.objects.create_user("rui", email="rui@example.com", first_name="Rui", last_name="Teles")
    invited.groups.add(Group.objects.get(name="viewer"))
    UserPreference.objects.create(user=invited)
    shop = Connection.objects.get(slug="loja-virtual")
    _decide(shop)
    _programs(ana, shop)


def _decide(shop: Connection) -> None:
    now = timezone.now()
    fleet = Connection.objects.get(slug="rastreamento-da-frota")
    hold_deletions(fleet, [{"id": 30_000 + number, "total": f"{number * 37}.50"} for number in range(1, 24)])
    Correction.objects.create(
        connection=shop, stream="orders", table="erp_orders", key=[48199], record_key="48199", column="cliente",
        source="Mercearia Boa Vist", value="Mercearia Boa Vista", state="active", note="Erro de digitação.",
        made_by="ana",
    )  # fmt: skip
    body = b"<nfe/>"
    Document.objects.create(
        connection=shop, source=shop.name, sha256=hashlib.sha256(body).hexdigest(), name="nota-48199.xml",
        size=len(body), stored_size=len(body), content_type="application/xml", body=body, is_compressed=False,
    )  # fmt: skip
    begin = now - timedelta(days=300)
    Backfill.objects.create(
        connection=shop, stream="orders", begin=begin, end=now, state="running", reached=begin + timedelta(days=210),
        read=12_480, inserted=12_400, updated=1, windows_done=7, spent=timedelta(minutes=12),
    )  # fmt: skip


def _programs(ana: User, shop: Connection) -> None:
    now = timezone.now()
    ApiToken.objects.create(
        name="Painel da diretoria", digest=uuid.uuid4().hex, beginning="sincro_ab12", created_by=ana,
        last_used_at=now - timedelta(minutes=4),
    )  # fmt: skip
    webhook = Webhook.objects.create(name="Chamados", url="https://chamados.example.com/sincro")
    webhook.new_secret(now)
    webhook.save()
    WebhookDelivery.objects.create(
        webhook=webhook, event=WebhookDelivery.Event.values[0], connection=shop, state="sent", attempts=1, status=200,
        body="{}",
    )  # fmt: skip
