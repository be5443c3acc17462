"""A kind of which little is documented says so, in both languages, before anybody chooses it and ever after."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.models import Connection

WORDS = {"pt-br": "Em beta: há pouca documentação", "en": "In beta: little of this source is documented"}
MARK = '<span class="badge count-soft beta"'


@pytest.fixture(params=["pt-br", "en"])
def browser(request: pytest.FixtureRequest, administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = request.param
    client.defaults["words"] = WORDS[request.param]
    return client


def shown(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_kind_is_marked_where_it_is_chosen_and_no_other_is(browser: Client) -> None:
    for path, marks in (("/connections/new/", 2), ("/", 2)):  # the kind itself, and its sample
        assert shown(browser, path).count(MARK) == marks
    assert browser.defaults["words"] in shown(browser, "/connections/new/")
    form = shown(browser, "/connections/new/etrac/")
    assert MARK in form and form.count(browser.defaults["words"]) == 2  # in words, and where the mark is pointed at
    assert MARK not in shown(browser, "/connections/new/auvo/")


def test_connection_of_the_kind_is_marked_on_its_pages_and_in_the_list(
    browser: Client, make_connection: Callable[..., Connection]
) -> None:
    config = {"api_url": "https://etrac.example/x", "email": "a@b.example", "time_zone": "UTC"}
    fleet, other = make_connection(kind="etrac", name="Frota", config=config), make_connection(kind="rest")
    for tab in ("", "runs/", "schedule/", "settings/"):
        assert MARK in shown(browser, f"/connections/{fleet.slug}/{tab}"), tab
    assert MARK not in shown(browser, f"/connections/{other.slug}/")
    assert shown(browser, "/connections/").count(MARK) == 1
