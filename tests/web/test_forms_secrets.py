"""What becomes of secrets typed into the form: kept, never shown, never handed to another person or host."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client

from connections.models import Connection
from tests.web.every_setting import EverySetting
from tests.web.forms_page import FormPage
from tests.web.test_forms import NEW, browser, every, filled

__all__ = ["browser", "every"]
CANARY = "canary-7f3a-secret"
EDIT = "/connections/box/settings/"


def with_token(client: Client) -> FormPage:
    return filled(client).fill(config__auth="bearer", config__token=CANARY)


def test_typed_secret_survives_an_error_without_coming_back(browser: Client) -> None:
    page = with_token(browser).fill(about__name="").press("save")
    assert CANARY not in page.html
    assert page.values["config:token"] == ""
    assert page.controls["config:token"]["placeholder"] == "Received; type only to change"
    page.fill(about__name="Box").press("save")
    assert Connection.objects.get().secrets.reveal() == {"token": CANARY}


@pytest.mark.parametrize("button", ["add:streams", "test", "suggest:streams:0:columns"])
def test_typed_secret_survives_every_button(browser: Client, button: str) -> None:
    page = with_token(browser).press(button)
    assert CANARY not in page.html
    assert "config:token" not in page.invalid
    assert page.press("test").invalid in ([], ["config:streams:1:name"])


def test_held_secret_is_in_no_session(browser: Client) -> None:
    with_token(browser).press("test")
    assert not any(CANARY in str(session.get_decoded()) for session in Session.objects.all())


def test_held_secret_of_another_user_is_worthless(browser: Client, signed_in: Callable[[User], Client]) -> None:
    token = with_token(browser).press("test").values["held"]
    other = User.objects.create_user("second")
    other.groups.add(Group.objects.get(name="administrator"))
    page = filled(signed_in(other)).fill(config__auth="bearer", held=token).press("test")
    assert page.invalid == ["config:token"]
    assert all(CANARY not in secrets.values() for _config, secrets in EverySetting.asked[1:])


def test_held_secret_is_forgotten_after_an_hour(browser: Client) -> None:
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False):
        page = with_token(browser).press("test")
    with time_machine.travel("2026-11-22T11:00:01Z", tick=False):
        page.press("test")
    assert page.invalid == ["config:token"]
    assert "was held for one hour" in page.html


def test_damaged_holder_is_refused(browser: Client) -> None:
    page = with_token(browser).press("test")
    page.fill(held=page.values["held"][:-2]).press("test")
    assert page.invalid == ["config:token"]


def test_stored_secret_is_kept_when_left_empty_and_never_shown(browser: Client) -> None:
    with_token(browser).press("save")
    page = FormPage(browser, EDIT)
    assert CANARY not in page.html
    assert page.values["config:token"] == ""
    assert re.search(r"Set (now|\d+)", page.html)
    page.fill(config__remark="changed").press("save")
    assert page.response.status_code == 302
    assert Connection.objects.get().secrets.reveal() == {"token": CANARY}


def test_typed_secret_replaces_the_stored_one(browser: Client) -> None:
    with_token(browser).press("save")
    FormPage(browser, EDIT).fill(config__token="fresh").press("save")
    assert Connection.objects.get().secrets.reveal() == {"token": "fresh"}


@pytest.mark.parametrize("button", ["test", "save", "save_off", "suggest:streams:0:columns"])
def test_stored_secret_never_goes_to_a_changed_address(browser: Client, button: str) -> None:
    with_token(browser).press("save")
    EverySetting.asked.clear()
    page = FormPage(browser, EDIT).fill(config__address="https://attacker.example").press(button)
    assert not EverySetting.asked
    assert page.invalid == ["config:token"]
    assert "The address changed." in page.html
    assert Connection.objects.get().config["address"] == "https://box.example"


def test_changed_address_with_a_new_secret_is_saved(browser: Client) -> None:
    with_token(browser).press("save")
    FormPage(browser, EDIT).fill(config__address="https://new.example", config__token="fresh").press("save")
    assert EverySetting.asked[-1][1] == {"token": "fresh"}
    assert Connection.objects.get().secrets.reveal() == {"token": "fresh"}


def test_unreadable_secret_is_asked_for_again(browser: Client) -> None:
    with_token(browser).press("save")
    Connection.objects.update(secrets="f1:damaged")
    page = FormPage(browser, EDIT)
    assert "can no longer be read" in page.html
    page.fill(config__token="fresh").press("save")
    assert Connection.objects.get().secrets.reveal() == {"token": "fresh"}


def test_operator_tests_what_is_stored_and_nothing_else(
    browser: Client, operator: User, signed_in: Callable[[User], Client]
) -> None:
    with_token(browser).press("save")
    EverySetting.asked.clear()
    page = FormPage(signed_in(operator), EDIT)
    page.fill(config__address="https://attacker.example").press("test")
    assert [config["address"] for config, _secrets in EverySetting.asked] == ["https://box.example"]
    for button in ("save", "save_off", "add:streams", "suggest:streams:0:columns"):
        assert page.client.post(EDIT, {**page.values, button: "1"}).status_code == 403


def test_viewer_sees_no_settings(browser: Client, viewer: User, signed_in: Callable[[User], Client]) -> None:
    filled(browser).press("save")
    client = signed_in(viewer)
    assert client.get(EDIT).status_code == 403
    assert client.get(NEW).status_code == 403
    assert client.get("/connections/new/").status_code == 403
