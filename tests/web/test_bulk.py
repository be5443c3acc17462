"""What is done to several connections at once, and copies of one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from connections.models import AuditEvent, Connection, StreamSetting
from connections.services import set_stream
from syncruns.models import SyncRun
from tests.web.console_pages import CONFIG
from tests.web.forms_page import FormPage

Make = Callable[..., Connection]
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def act(page: Client, act: str, *picked: Connection, **more: str) -> list[str]:
    """Press a button for some connections; return what the next page says."""
    sent = {"act": act, "pick": [one.slug for one in picked], **more}
    response = page.post(reverse("connections_bulk"), sent, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_chosen_connections_sync_and_those_that_cannot_say_why(page: Client, make_connection: Make) -> None:
    good, busy, bad = (make_connection(config=CONFIG) for _each in range(3))
    assert act(page, "sync", busy) == ["1 connection is syncing."]
    Connection.objects.filter(pk=bad.pk).update(kind="unknown")
    said = act(page, "sync", good, busy, bad)
    assert said[0].startswith("Shop 3: ")
    assert said[1:] == ["1 connection is syncing.", "Shop 2 was already syncing."]
    assert SyncRun.objects.count() == 2


def test_switching_many_is_noted_for_each(page: Client, make_connection: Make) -> None:
    shops = [make_connection(config=CONFIG) for _each in range(2)]
    assert act(page, "on", *shops) == ["2 connections are switched on."]
    assert Connection.objects.filter(auto_sync=True).count() == 2
    assert AuditEvent.objects.filter(action="auto_sync.on").count() == 2
    assert act(page, "off", *shops) == ["2 connections are switched off."]
    assert not Connection.objects.filter(auto_sync=True).exists()


def test_tags_are_added_and_removed_whatever_their_case(page: Client, make_connection: Make) -> None:
    first, second = make_connection(tags=["Sales"]), make_connection()
    act(page, "tag", first, second, tags="sales,  North ")
    assert [one.tags for one in Connection.objects.order_by("pk")] == [["Sales", "North"], ["sales", "North"]]
    act(page, "untag", first, second, tags="NORTH")
    assert [one.tags for one in Connection.objects.order_by("pk")] == [["Sales"], ["sales"]]
    assert act(page, "tag", first, tags=" ,") == ["Type the tag first."]
    assert act(page, "tag", first, tags="x" * 41) == ["Use at most 40 characters for a tag."]


def test_all_that_the_filters_find_are_meant_and_the_filters_stay(page: Client, make_connection: Make) -> None:
    for tag in ("north", "north", "south"):
        make_connection(config=CONFIG, tags=[tag])
    response = page.post(reverse("connections_bulk"), {"act": "on", "all": "1", "tag": "north"})
    assert response.headers["Location"] == "/connections/?tag=north"
    assert Connection.objects.filter(auto_sync=True).count() == 2


def test_enter_and_an_empty_choice_do_nothing(page: Client, make_connection: Make) -> None:
    shop = make_connection(config=CONFIG)
    assert act(page, "", shop) == ["Press the button that says what to do."]
    assert act(page, "sync") == ["Choose the connections first."]
    assert not SyncRun.objects.exists()


def test_operator_may_sync_many_but_not_tag_them(
    operator: User, signed_in: Callable[[User], Client], make_connection: Make
) -> None:
    client, shop = signed_in(operator), make_connection(config=CONFIG)
    assert act(client, "sync", shop)
    sent = {"act": "tag", "pick": shop.slug, "tags": "a"}
    assert client.post(reverse("connections_bulk"), sent).status_code == 403
    assert client.get("/connections/").content.decode().count('value="tag"') == 0


def test_row_that_refreshes_keeps_its_box(page: Client, make_connection: Make) -> None:
    shop = make_connection(config=CONFIG)
    box = f'id="pick-{shop.slug}"'
    assert box in page.get("/connections/").content.decode()
    assert box not in page.get("/").content.decode()
    row = reverse("connection_row", args=[shop.slug])
    assert box in page.get(row, {"can_pick": "1"}).content.decode()
    assert box not in page.get(row).content.decode()


def test_copy_begins_with_the_settings_tags_and_streams_of_the_other_and_without_its_secrets(
    page: Client, make_connection: Make
) -> None:
    config = CONFIG | {"auth": "bearer"}
    shop = make_connection(
        config=config, secrets={"token": "s3cret"}, tags=["Sales"], schedule_kind="daily", daily_at="06:30"
    )
    set_stream(shop, "orders", enabled=False)
    form = FormPage(page, f"{reverse('connection_new_kind', args=['rest'])}?from={shop.slug}")
    assert form.values["about:name"] == "Shop 1 (copy)"
    assert form.values["config:base_url"] == "http://127.0.0.1:9"
    assert form.values["schedule:daily_at"] == "06:30"
    assert "s3cret" not in form.html
    form.press("save_off")
    assert form.invalid == ["config:token"]
    form.fill(config__token="another", about__tags="Sales, Copy").press("save_off")  # noqa: S106
    copy = Connection.objects.exclude(pk=shop.pk).get()
    assert (copy.tags, copy.secrets.reveal()) == (["Sales", "Copy"], {"token": "another"})
    assert [one["columns"][0]["path"] for one in copy.config["streams"]] == ["id"]
    assert StreamSetting.objects.get(connection=copy).enabled is False
    assert page.get(f"/connections/new/odoo/?from={shop.slug}").status_code == 404


def test_tags_are_changed_in_the_settings(page: Client, make_connection: Make) -> None:
    shop = make_connection(config=CONFIG, tags=["Sales"])
    form = FormPage(page, reverse("connection_edit", args=[shop.slug]))
    assert form.values["about:tags"] == "Sales"
    form.fill(about__tags=", ".join(f"tag {number}" for number in range(13))).press("save_off")
    assert form.invalid == ["about:tags"]
    form.fill(about__tags="Sales, sales, North").press("save_off")
    shop.refresh_from_db()
    assert shop.tags == ["Sales", "North"]
