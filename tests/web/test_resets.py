"""The page that resets a stream: what it says before, and what it takes to order it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from connections import connectors
from connections.models import Connection
from syncruns.models import SyncRun
from tests.engine.scripted import ScriptedConnector
from tests.web.console_pages import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, ScriptedConnector))
    return make_connection(kind="scripted", config={"base_url": "https://shop.example"})


@pytest.fixture
def page(administrator: User, signed_in: Callable[[User], Client], shop: Connection) -> tuple[Client, str]:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client, reverse("connection_reset", args=[shop.slug, "orders"])


def test_reset_is_ordered_only_with_the_box_ticked(page: tuple[Client, str]) -> None:
    client, address = page
    asked = client.get(address)
    assert b"Reset the stream" in asked.content and b"not known" in asked.content
    refused = client.post(address)
    assert refused.status_code == 422 and b"Tick the box to confirm." in refused.content
    assert not SyncRun.objects.exists()
    ordered = client.post(address, {"confirm": "1"})
    run = SyncRun.objects.get()
    assert ordered.headers["Location"] == reverse("run", args=[run.pk])
    assert run.options["streams"] == ["orders"] and run.resets


def test_active_run_stands_in_the_way_and_the_page_says_so(page: tuple[Client, str], shop: Connection) -> None:
    client, address = page
    make_run(shop, "running")
    assert b"can be reset when it has ended" in client.get(address).content
    answer = client.post(address, {"confirm": "1"}, follow=True)
    assert b"Nothing was reset" in answer.content
    assert SyncRun.objects.count() == 1


def test_unknown_stream_is_not_found(page: tuple[Client, str], shop: Connection) -> None:
    client, _address = page
    assert client.get(reverse("connection_reset", args=[shop.slug, "nothing"])).status_code == 404


def test_operator_can_neither_reset_nor_repeat_a_reset(
    operator: User, signed_in: Callable[[User], Client], shop: Connection
) -> None:
    run = make_run(shop, "failed")
    SyncRun.objects.filter(pk=run.pk).update(options={"streams": ["orders"], "reset": True})
    client = signed_in(operator)
    assert b"/retry/" not in client.get(reverse("run", args=[run.pk])).content
    assert client.post(reverse("run_retry", args=[run.pk])).status_code == 403
    assert client.post(reverse("connection_reset", args=[shop.slug, "orders"]), {"confirm": "1"}).status_code == 403
    assert SyncRun.objects.count() == 1


def test_kind_that_is_switched_off_is_not_reset_and_the_page_says_so(
    page: tuple[Client, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address = page
    monkeypatch.setenv("RUN_SCRIPTED", "0")
    answer = client.post(address, {"confirm": "1"}, follow=True)
    assert answer.status_code == 200 and b"RUN_SCRIPTED" in answer.content
    assert not SyncRun.objects.exists()
