"""A dry run on the pages: how it is started, and what its run's page says to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from connections import connectors
from connections.models import AuditEvent, Connection
from connections.sdk.declare import Column, Page, Stream, Table
from syncruns.models import SyncRun
from syncruns.tasks import execute_run
from tests.engine.scripted import ScriptedConnector, pages

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = Table("people", (Column("id", "integer"), Column("city"), Column("cpf", personal=True)), key=("id",))


@pytest.fixture
def shop(make_connection: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, ScriptedConnector))
    stream = Stream("people", "People", (PEOPLE,), changed_since=True)
    monkeypatch.setattr(ScriptedConnector, "streams", classmethod(lambda cls, config: (stream,)))
    monkeypatch.setattr(
        ScriptedConnector, "scripts",
        {"people": pages(Page({"people": [{"id": 1, "city": "Açu", "cpf": "123.456.789-09"}]}))},
    )  # fmt: skip
    yield make_connection(kind="scripted", config={"base_url": "https://shop.example"})
    with database.cursor() as cursor:
        assert not [name for name in database.introspection.table_names(cursor) if "people" in name]


def test_button_leads_to_a_run_that_says_what_would_change_and_masks_persons_for_viewers(
    shop: Connection, operator: User, viewer: User, signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(operator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert b'name="dry_run"' in client.get(reverse("connection", args=[shop.slug])).content
    started = client.post(reverse("connection_sync", args=[shop.slug]), {"stream": "people", "dry_run": "1"})
    run = SyncRun.objects.get()
    address = reverse("run", args=[run.pk])
    assert (run.trigger, started.headers["Location"]) == ("dry_run", address)
    assert AuditEvent.objects.filter(action="run.tried").exists()
    assert "is queued" in client.get(address).content.decode()
    execute_run(run.pk)
    shown = client.get(address).content.decode()
    assert "nothing was written" in shown and "What a sync would change" in shown
    listed = reverse("run_changes", args=[run.pk])
    assert "1 row" in shown or "1 of 1" in shown
    assert b"What changed" not in client.get(address).content
    browser = signed_in(viewer)
    assert "123.456.789-09" not in browser.get(address).content.decode() + browser.get(listed).content.decode()
    assert "Açu" not in client.get(reverse("changes")).content.decode()  # the list of what did change
    assert b'name="dry_run"' not in browser.get(reverse("connection", args=[shop.slug])).content
