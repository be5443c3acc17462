"""A form that was sent after its session had ended is kept, and sent again after the sign-in."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.people import resending

PASSWORD = "correct horse battery staple"  # noqa: S105 - the fixtures'


def _typed(client: Client, url: str, data: dict[str, str], **headers: str) -> Any:
    return client.post(url, urlencode(data), content_type="application/x-www-form-urlencoded", **headers)


def _hidden(answer: Any, name: str) -> str:
    found = re.findall(rf'name="{name}" value="([^"]*)"', answer.content.decode())
    return unescape(found[-1]) if found else ""  # before it stands the form that changes the language


def test_form_sent_after_the_session_ended_is_sent_again_after_the_sign_in(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    token = client.get("/sign-in/").cookies["csrftoken"].value
    about = {"first_name": "Ana", "last_name": "Lima", "email": "", "csrfmiddlewaretoken": token}

    ended = _typed(client, "/profile/", about, HTTP_REFERER="http://testserver/preferences/?a=1")
    assert ended.status_code == 403
    assert "what you typed is kept" in ended.content.decode()
    assert "Lima" not in ended.content.decode()
    assert 'name="language"' not in ended.content.decode()

    sealed = _hidden(ended, "resend")
    who = {"username": "viewer", "next": _hidden(ended, "next"), "resend": sealed, "csrfmiddlewaretoken": token}
    wrong = _typed(client, "/sign-in/", {**who, "password": "wrong"})
    assert _hidden(wrong, "resend") == sealed
    offered = _typed(client, "/sign-in/", {**who, "password": PASSWORD})
    assert 'action="/profile/"' in offered.content.decode()
    assert 'href="/preferences/?a=1"' in offered.content.decode()
    viewer.refresh_from_db()
    assert viewer.first_name == ""

    again = {"resend": _hidden(offered, "resend"), "csrfmiddlewaretoken": _hidden(offered, "csrfmiddlewaretoken")}
    assert _typed(client, "/profile/", again).status_code == 302
    viewer.refresh_from_db()
    assert (viewer.first_name, viewer.last_name) == ("Ana", "Lima")


def test_form_older_than_a_sign_in_in_another_window_may_be_sent_again(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)
    about = {"first_name": "Ana", "csrfmiddlewaretoken": "x" * 32}

    ours = _typed(client, "/profile/", about, HTTP_ORIGIN="http://testserver")
    assert _hidden(ours, "resend")
    elsewhere = _typed(client, "/profile/", about, HTTP_ORIGIN="http://evil.example")
    unknown = _typed(client, "/profile/", about)
    assert [(one.status_code, _hidden(one, "resend")) for one in (elsewhere, unknown)] == [(403, "")] * 2


def test_kept_form_is_taken_only_at_its_own_address_and_for_an_hour(
    viewer: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = _hidden(_typed(client, "/profile/", {"first_name": "Ana"}), "resend")
    client.force_login(viewer)

    assert _typed(client, "/preferences/", {"resend": sealed}).status_code == 403
    assert _typed(client, "/profile/", {"resend": sealed[:-1]}).status_code == 403
    monkeypatch.setattr(resending, "LIFE_SECONDS", -1)
    assert _typed(client, "/profile/", {"resend": sealed}).status_code == 403
    viewer.refresh_from_db()
    assert viewer.first_name == ""
