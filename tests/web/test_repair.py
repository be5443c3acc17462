"""From the error card to a connection that syncs again."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN, Shop
from syncruns.models import StreamRun
from tests.web.console_pages import CONFIG, make_run
from tests.web.forms_page import FormPage

Make = Callable[..., Connection]
pytestmark = pytest.mark.django_db


def test_card_leads_to_the_field_and_what_was_stopped_is_due_once_it_is_mended(
    page: Client, make_connection: Make
) -> None:
    with Sandbox(Shop()) as shop:
        config = CONFIG | {"base_url": shop.url, "auth": "bearer", "allow_private_addresses": True}
        stopped = make_connection(
            config=config, secrets={"token": "old"}, status="error", status_code="credentials_refused",
            status_since=timezone.now(), auto_sync=True,
        )  # fmt: skip
        make_run(stopped, "failed", error_code="credentials_refused")
        overview = page.get("/").content.decode()
        assert "Your connection needs you." in overview
        found = re.search(r'href="([^"]+)"><svg[^>]*><use[^>]*/></svg>Update credentials', overview)
        assert found is not None
        form = FormPage(page, unescape(found[1]))
        assert form.focused == ["config:token"]
        form.fill(config__token=TOKEN, config__streams__0__records="orders").press("save")
        after = page.get(form.response.headers["Location"]).content.decode()
    assert "Saved. The connection syncs again now." in after
    stopped.refresh_from_db()
    assert stopped.status == "active" and stopped.next_sync_at is not None
    assert stopped.next_sync_at <= timezone.now()


def test_card_of_a_wrong_setting_leads_to_it(page: Client, make_connection: Make) -> None:
    wrong = make_connection(
        config=CONFIG, status="error", status_code="config_invalid", status_params={"field": "base_url"},
        status_since=timezone.now(),
    )  # fmt: skip
    assert f'href="/connections/{wrong.slug}/settings/?field=base_url"' in page.get("/").content.decode()
    assert FormPage(page, f"/connections/{wrong.slug}/settings/?field=base_url").focused == ["config:base_url"]
    assert FormPage(page, f"/connections/{wrong.slug}/settings/?field=nothing").focused == []


def test_card_of_a_reset_that_brought_nothing_leads_to_resetting_again(page: Client, make_connection: Make) -> None:
    shop = make_connection(config=CONFIG)
    run = make_run(shop, "failed", error_code="reset_empty")
    StreamRun.objects.create(run=run, stream="orders", label="Orders", state="failed", error_code="reset_empty")
    html = page.get(f"/runs/{run.pk}/").content.decode()
    assert f'href="/connections/{shop.slug}/streams/orders/reset/"' in html
    assert 'data-copy="reset_empty ·' in html
