"""Finding things: the search of the top bar, and that of the list of runs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from connections.models import Connection
from syncruns.record_address import key_parts, record_url
from tests.web.console_pages import CONFIG, make_run

Make = Callable[..., Connection]
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def found(page: Client, typed: str, **headers: str) -> str:
    response = page.get(reverse("search"), {"q": typed}, **headers)
    if response.status_code == 302:
        return response.headers["Location"]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_one_thing_found_is_gone_to(page: Client, make_connection: Make) -> None:
    shop, run = make_connection(name="Padaria São João", config=CONFIG), make_run(make_connection(name="Other"))
    assert found(page, "sao padaria") == reverse("connection", args=[shop.slug])
    assert found(page, str(run.pk)) == found(page, f"#{run}") == reverse("run", args=[run.pk])
    assert found(page, "sales ord") == reverse("data_table", args=["rest", "shop_orders"])
    assert found(page, "webhook") == reverse("webhooks")


def test_several_are_listed_by_kind(page: Client, make_connection: Make) -> None:
    for number in range(14):
        make_connection(name=f"Shop {number}", config=CONFIG, tags=["retail"])
    said = found(page, "shop")
    assert "Connections See all" in said and "Tables" in said and "shop_orders" in said
    assert "13 found." in said
    assert "Nothing found." in found(page, "nothing at all")
    assert "Finds connections by name" in found(page, " ")


def test_script_is_answered_with_the_hits_alone(page: Client, make_connection: Make) -> None:
    shop = make_connection(name="Padaria", config=CONFIG)
    answer = page.get(reverse("search"), {"q": "padaria"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in answer and f'href="{reverse("connection", args=[shop.slug])}"' in answer


def test_viewer_is_shown_no_page_that_is_closed_to_him(viewer: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(viewer)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert "Nothing found." in found(client, "webhooks")


@pytest.mark.parametrize("typed", ["bakery", "RETAIL", "credentials refused", "maria", "{number}"])
def test_runs_are_found_by_connection_tag_error_person_and_number(
    page: Client, make_connection: Make, typed: str
) -> None:
    maria = User.objects.create_user("maria")
    bakery = make_connection(name="Bakery", tags=["Retail"])
    wanted = make_run(bakery, "failed", error_code="credentials_refused", requested_by=maria)
    make_run(make_connection(name="Other", tags=["North"]), "failed", error_code="timeout")
    runs = page.get("/runs/", {"q": typed.format(number=wanted)}).context["page"].object_list
    assert [run.pk for run in runs] == [wanted.pk]


def test_runs_are_narrowed_to_a_tag(page: Client, make_connection: Make) -> None:
    wanted = make_run(make_connection(tags=["Retail"]))
    make_run(make_connection(tags=["Retail outlets"]))
    assert [run.pk for run in page.get("/runs/", {"tag": "Retail"}).context["page"].object_list] == [wanted.pk]


@pytest.mark.parametrize("key", [["12"], ["A,b", "7"], ["a/b_c"], [".."], ["", "x"], [""], ["[1]"], ["João & Cia?#"]])
def test_key_of_a_row_survives_its_address(key: list[str]) -> None:
    address = record_url("shop", "orders", "orders", key)
    step = Client().get(address).wsgi_request.path.rsplit("/", 2)[1]
    assert key_parts(step) == key
    assert "?" not in address and "/../" not in address
