"""Signing in and out, passwords, preferences, and the first administrator."""

from __future__ import annotations

import io
import re
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from connections.models import AuditEvent, Connection, UserPreference
from syncruns import frame
from syncruns.models import SystemJob

PASSWORD = "correct horse battery staple"  # noqa: S105 - the fixtures'
NEW = "a longer battery of horses"
SignIn = Callable[[User], Client]


def _sign_in(client: Client, name: str, password: str, **headers: str):
    return client.post("/sign-in/", {"username": name, "password": password}, **headers)


def _events() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("id").values_list("actor", "action"))


# Sign-in, lockout, sign-out


def test_signing_in_leads_to_the_page_that_was_asked_for(viewer: User, client: Client) -> None:
    asked = client.get("/runs/")
    signed_in = client.post(asked.headers["Location"], {"username": "viewer", "password": PASSWORD, "next": "/runs/"})

    assert asked.headers["Location"] == "/sign-in/?next=/runs/"
    assert signed_in.headers["Location"] == "/runs/"
    assert _events() == [("viewer", "sign_in.ok")]


@pytest.mark.parametrize(
    ("came_from", "back"),
    [
        ("http://testserver/connections/shop/?tab=1", "/connections/shop/%3Ftab%3D1"),
        ("http://elsewhere.test/x/", "/"),
        ("", "/"),
    ],
)
def test_form_sent_after_the_session_ended_leads_back_to_its_page(client: Client, came_from: str, back: str) -> None:
    refused = client.post("/connections/shop/sync/", headers={"referer": came_from})

    assert refused.headers["Location"] == f"/sign-in/?next={back}"


def test_next_never_leads_to_another_host(viewer: User, client: Client) -> None:
    signed_in = client.post("/sign-in/", {"username": "viewer", "password": PASSWORD, "next": "https://evil.example/"})

    assert signed_in.headers["Location"] == "/"


def test_wrong_password_is_told_without_saying_which_part_was_wrong(viewer: User, client: Client) -> None:
    known = _sign_in(client, "viewer", "wrong")
    unknown = _sign_in(client, "nobody", "wrong")

    errors = [list(response.context["form"].non_field_errors()) for response in (known, unknown)]
    assert errors[0] == errors[1] and errors[0]
    assert b"wrong" not in known.content


def test_name_that_nobody_has_is_not_kept_in_the_trail(viewer: User, client: Client) -> None:
    _sign_in(client, "my-password-in-the-wrong-field", "x")

    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.target_name) == ("sign_in.failed", "?", "")


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_too_many_wrong_passwords_lock_the_name_for_a_while(viewer: User, client: Client, language: str) -> None:
    tries = [*["wrong"] * 5, PASSWORD]
    answers = [_sign_in(client, "viewer", password, HTTP_ACCEPT_LANGUAGE=language) for password in tries]

    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    page = answers[-1].content.decode()
    assert f'<html lang="{language}">' in page
    assert answers[-1].context["cool_off_minutes"] == 15 and "15 min" in page
    assert ("viewer", "sign_in.locked") in _events()


def test_lock_holds_for_one_address_and_an_administrator_lifts_it(
    viewer: User, administrator: User, client: Client, signed_in: SignIn
) -> None:
    for _ in range(5):
        _sign_in(client, "viewer", "wrong")
    elsewhere = _sign_in(Client(), "viewer", PASSWORD, REMOTE_ADDR="10.1.2.3")
    assert _sign_in(client, "viewer", PASSWORD).status_code == 429

    signed_in(administrator).post("/admin/auth/user/", {"action": "unlock", "_selected_action": viewer.pk})

    assert elsewhere.status_code == 302
    assert _sign_in(client, "viewer", PASSWORD).status_code == 302


def test_address_is_what_the_outermost_of_our_proxies_saw(viewer: User, client: Client, settings: LazySettings) -> None:
    forged = "6.6.6.6, 203.0.113.7, 10.0.0.2"
    _sign_in(client, "viewer", PASSWORD, HTTP_X_FORWARDED_FOR=forged)
    settings.PROXY_COUNT = 2
    _sign_in(Client(), "viewer", PASSWORD, HTTP_X_FORWARDED_FOR=forged)
    _sign_in(Client(), "viewer", PASSWORD, HTTP_X_FORWARDED_FOR="6.6.6.6")  # past the proxies

    addresses = [event.params["address"] for event in AuditEvent.objects.order_by("id")]
    assert addresses == ["127.0.0.1", "203.0.113.7", "127.0.0.1"]


def test_signing_out_needs_a_post_and_is_noted(viewer: User, signed_in: SignIn) -> None:
    client = signed_in(viewer)

    assert client.get("/sign-out/").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302
    assert _events()[-1] == ("viewer", "sign_out")


# Passwords


def test_given_password_must_be_replaced_before_anything_else(viewer: User, signed_in: SignIn) -> None:
    UserPreference.objects.create(user=viewer, must_change_password=True)
    client = signed_in(viewer)

    led = {path: client.get(path).headers.get("Location") for path in ("/", "/runs/", "/admin/", "/preferences/")}
    fragment = client.get("/", headers={"HX-Request": "true"})
    same = _change_password(client, PASSWORD)
    changed = _change_password(client, NEW)

    assert led == {"/": "/password/", "/runs/": "/password/", "/admin/": "/password/", "/preferences/": None}
    assert fragment.headers["HX-Redirect"] == "/password/"
    assert same.context["form"].errors["new_password1"]
    assert changed.headers["Location"] == "/"
    assert client.get("/").status_code == 200  # still signed in
    assert _events()[-1] == ("viewer", "password.changed")


def _change_password(client: Client, new: str):
    return client.post("/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})


def test_wrong_field_is_focused_and_no_password_is_sent_back(viewer: User, signed_in: SignIn) -> None:
    page = _change_password(signed_in(viewer), PASSWORD).content.decode()

    inputs = re.findall(r"<input[^>]*id_\w+[^>]*>", page)
    assert ["autofocus" in field for field in inputs] == [False, True, False]
    assert PASSWORD not in page


# Preferences


def test_language_follows_preference_then_cookie_then_browser_then_the_installation(
    viewer: User, client: Client, signed_in: SignIn
) -> None:
    def language(browser: Client, accept: str = "") -> str:
        answer = browser.get("/preferences/", follow=True, headers={"accept-language": accept})
        return answer.headers["Content-Language"]

    assert language(client) == "pt-br"
    assert language(client, "de-DE,de") == "pt-br"
    assert language(client, "en-GB,en") == "en"
    assert language(client, "pt") == "pt-br"
    client.post("/preferences/", {"language": "en", "next": "/sign-in/"})
    assert language(client, "pt-BR") == "en"

    reader = signed_in(viewer)
    assert language(reader, "en") == "en"
    reader.post("/preferences/", {"language": "pt-br"})
    assert language(reader, "en") == "pt-br"
    reader.post("/preferences/", {"language": ""})
    assert language(reader, "en") == "en"


def test_one_button_changes_one_preference_and_returns_to_its_page(viewer: User, signed_in: SignIn) -> None:
    UserPreference.objects.create(user=viewer, language="en", time_zone="America/Manaus")
    client = signed_in(viewer)

    answer = client.post("/preferences/", {"theme": "dark", "next": "/runs/?state=failed"})
    away = client.post("/preferences/", {"theme": "dark", "next": "//evil.example/"})

    preference = UserPreference.objects.get()
    assert (preference.language, preference.time_zone, preference.theme) == ("en", "America/Manaus", "dark")
    assert answer.headers["Location"] == "/runs/?state=failed"
    assert away.headers["Location"] == "/"
    assert '<html lang="en" data-bs-theme="dark">' in client.get("/").content.decode()


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"time_zone": "Mars/Base"}, {"theme": "neon"}])
def test_unknown_preference_is_refused_beside_its_field(viewer: User, signed_in: SignIn, wrong: dict[str, str]) -> None:
    answer = signed_in(viewer).post("/preferences/", wrong)

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == set(wrong)
    assert not UserPreference.objects.exists()


def test_times_are_in_the_zone_of_the_reader(
    viewer: User, signed_in: SignIn, make_connection: Callable[..., Connection]
) -> None:
    UserPreference.objects.create(user=viewer, time_zone="Asia/Tokyo")
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now())

    assert "+09:00" in signed_in(viewer).get("/").content.decode()


# The frame


@pytest.fixture
def english(client: Client, viewer: User, signed_in: SignIn) -> Client:
    UserPreference.objects.create(user=viewer, language="en")
    return signed_in(viewer)


def test_number_of_connections_that_need_a_person_is_in_title_menu_and_icon(
    english: Client, make_connection: Callable[..., Connection]
) -> None:
    calm = english.get("/runs/").content.decode()
    for _ in range(2):
        make_connection(status="error", status_code="credentials_refused")
    make_connection(status="error", status_code="credentials_refused", deletion="drop")
    alert = english.get("/runs/").content.decode()

    assert "favicon.svg" in calm and "favicon-alert.svg" not in calm
    assert re.search(r"<title>\(2\) ", alert)
    assert 'class="badge count">2<' in alert
    assert "favicon-alert.svg" in alert


@pytest.mark.parametrize(
    ("last_sign", "up_since", "words", "is_silent"),
    [
        (timedelta(seconds=4), timedelta(hours=1), "Scheduler running", False),
        (timedelta(minutes=5), timedelta(hours=1), "Scheduler not running", True),
        (None, timedelta(hours=1), "Scheduler not running", True),
        (None, timedelta(seconds=5), "Scheduler starting", False),
        (timedelta(days=2), timedelta(seconds=5), "Scheduler starting", False),
    ],
)
def test_every_page_warns_when_the_scheduler_is_silent(
    english: Client,
    monkeypatch: pytest.MonkeyPatch,
    last_sign: timedelta | None,
    up_since: timedelta,
    words: str,
    is_silent: bool,
) -> None:
    now = timezone.now()
    monkeypatch.setattr(frame, "first_asked_at", lambda: now - up_since)
    if last_sign is not None:
        SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=now - last_sign)

    page = english.get("/preferences/").content.decode()

    assert words in page
    assert ("Nothing syncs until it is started." in page) == is_silent
    assert english.get("/healthz").json()["status"] == ("degraded" if is_silent else "ok")


def test_silence_is_told_at_once_by_a_console_that_saw_the_scheduler_alive(db: None) -> None:
    frame.first_asked_at.cache_clear()
    begun = timezone.now()
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=begun)
    with time_machine.travel(begun, tick=False):
        assert not frame.Scheduler.now().is_silent
    with time_machine.travel(begun + timedelta(seconds=61), tick=False):
        assert frame.Scheduler.now().is_silent


def test_sign_of_a_host_whose_clock_is_ahead_is_not_told_as_to_come(english: Client) -> None:
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now() + timedelta(seconds=20))
    page = english.get("/preferences/").content.decode()
    assert re.search(r"Last sign: <time[^>]*>just now<", page)


def test_menu_shows_what_the_role_may_open(
    viewer: User, operator: User, administrator: User, signed_in: SignIn
) -> None:
    nobody = User.objects.create_user("nobody", password=PASSWORD)

    def links(user: User, inside: str) -> list[str]:
        page = signed_in(user).get("/preferences/").content.decode()
        return re.findall(r'<a [^>]*href="([^"]+)"', page.split(f'class="{inside}')[1].split("</ul>")[0])

    everyone = ["/", "/connections/", "/runs/", "/data/", "/review/"]
    assert links(nobody, "side-nav") == ["/preferences/"]
    assert links(viewer, "side-nav") == [*everyone, "/preferences/"]
    assert links(operator, "side-nav") == [*everyone, "/system/", "/preferences/"]
    assert links(administrator, "side-nav") == [*everyone, "/system/", "/audit/", "/preferences/"]

    own, others = ["/preferences/", "/preferences/alerts/"], ["/users/", "/settings/tokens/", "/settings/webhooks/"]
    assert links(nobody, "nav nav-underline") == ["/preferences/"]
    assert links(viewer, "nav nav-underline") == own
    assert links(administrator, "nav nav-underline") == [*own, "/settings/mail/", *others, "/admin/"]


def test_page_asks_the_database_as_often_for_many_connections_as_for_few(
    english: Client, make_connection: Callable[..., Connection], django_assert_max_num_queries
) -> None:
    for _ in range(10):
        make_connection(status="error", status_code="timeout")

    with django_assert_max_num_queries(13):
        english.get("/preferences/")


# The first administrator


def test_first_administrator_is_made_once_and_must_choose_a_password(
    db: None, settings: LazySettings, tmp_path: Path, client: Client
) -> None:
    settings.DATA_DIR = tmp_path
    said = io.StringIO()
    call_command("create_first_admin", stdout=said)
    call_command("create_first_admin", stdout=said)

    file = tmp_path / "first-admin.txt"
    name, password = re.findall(r": (\S+)", file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert password not in said.getvalue() and str(file) in said.getvalue()
    assert said.getvalue().count("\n") == 1
    assert User.objects.get().username == name == "admin"
    assert "first-admin.txt" in client.get("/sign-in/").content.decode()
    assert _sign_in(client, name, password).status_code == 302
    assert client.get("/").headers["Location"] == "/password/"
    chosen = {"old_password": password, "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert client.post("/password/", chosen).status_code == 302
    assert not file.exists()
    assert "first-admin.txt" not in Client().get("/sign-in/").content.decode()


def test_terminal_sees_the_password_once_and_no_file_is_written(
    db: None, settings: LazySettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    settings.DATA_DIR = tmp_path
    said = Terminal()
    call_command("create_first_admin", stdout=said)

    password = re.search(r"password  (\S+)", said.getvalue())[1]
    assert User.objects.get().check_password(password)
    assert list(tmp_path.iterdir()) == []
    assert password not in caplog.text


@pytest.fixture(autouse=True)
def no_locks() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()
