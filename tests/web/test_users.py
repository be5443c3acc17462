"""Administrators look after people: inviting, roles, keeping out, new passwords; and what is beyond their reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import AuditEvent, UserPreference
from connections.people.roles import role_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
NEW = "a longer battery of horses"
CARLA = {
    "username": "carla",
    "first_name": "Carla",
    "last_name": "Dias",
    "email": "carla@example.com",
    "role": "operator",
}


@pytest.fixture
def admin(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def words(html: bytes) -> str:
    main = html.decode().split("<main")[1].split("</main>")[0]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)))


def link_of(html: bytes) -> str:
    found = re.search(r'id="welcome-link" value="([^"]+)"', html.decode())
    return urlsplit(found[1]).path if found else ""


def trail() -> list[str]:
    events = AuditEvent.objects.exclude(action__startswith="sign_").order_by("pk")
    return list(events.values_list("action", flat=True))


def choose(path: str, password: str, client: Client | None = None) -> Client:
    client = client or Client()
    form = client.get(path, follow=True)
    client.post(form.request["PATH_INFO"], {"new_password1": password, "new_password2": password})
    return client


def test_invited_person_chooses_a_password_by_a_link_that_works_once(admin: Client) -> None:
    page = admin.post("/users/new/", CARLA, follow=True)
    carla = User.objects.get(username="carla")
    assert (role_of(carla), carla.email, carla.has_usable_password()) == ("operator", "carla@example.com", False)
    path = link_of(page.content)
    assert path and "No password yet" in words(page.content)
    assert link_of(admin.get(f"/users/{carla.pk}/").content) == ""  # shown once
    choose(path, NEW)
    carla.refresh_from_db()
    assert carla.check_password(NEW) and not UserPreference.objects.get(user=carla).must_change_password
    assert "This link no longer works" in words(
        Client(headers={"accept-language": "en"}).get(path, follow=True).content
    )
    signed_in = Client().post("/sign-in/", {"username": "carla", "password": NEW})
    assert signed_in.headers["Location"] == "/"
    assert trail() == ["user.created", "role.changed", "password.changed"]


def test_weak_password_is_refused_beside_its_field(admin: Client) -> None:
    path = link_of(admin.post("/users/new/", CARLA, follow=True).content)
    client = Client(headers={"accept-language": "en"})
    form = client.get(path, follow=True)
    refused = client.post(form.request["PATH_INFO"], {"new_password1": "carla", "new_password2": "carla"})
    assert refused.status_code == 200 and "too short" in words(refused.content)
    assert not User.objects.get(username="carla").has_usable_password()


def test_form_keeps_what_was_typed_and_says_what_is_wrong(admin: Client, viewer: User) -> None:
    answer = admin.post("/users/new/", CARLA | {"username": "viewer", "email": "no address"})
    assert answer.status_code == 422
    assert 'value="no address"' in answer.content.decode() and "is-invalid" in answer.content.decode()
    assert User.objects.filter(first_name="Carla").count() == 0


def test_role_and_name_are_changed_and_noted(admin: Client, viewer: User) -> None:
    others = Group.objects.create(name="others")
    viewer.groups.add(others)
    admin.post(f"/users/{viewer.pk}/", {"username": "viewer", "first_name": "Vera", "role": "operator"})
    viewer.refresh_from_db()
    assert (viewer.first_name, {group.name for group in viewer.groups.all()}) == ("Vera", {"operator", "others"})
    assert trail() == ["user.changed", "role.changed"]
    admin.post(f"/users/{viewer.pk}/", {"username": "viewer", "first_name": "Vera", "role": ""})
    assert [group.name for group in viewer.groups.all()] == ["others"]
    assert "role: Operator" in words(admin.get("/audit/?action=people").content)


def test_deactivated_person_is_out_at_once_and_may_come_back(
    admin: Client, viewer: User, signed_in: Callable[[User], Client]
) -> None:
    browser = signed_in(viewer)
    assert browser.get("/").status_code == 200
    admin.post(f"/users/{viewer.pk}/active/", {"on": "0"})
    assert browser.get("/").status_code == 302
    assert "Deactivated" in words(admin.get("/users/").content)
    admin.post(f"/users/{viewer.pk}/active/", {"on": "1"})
    assert Client().post("/sign-in/", {"username": "viewer", "password": PASSWORD}).status_code == 302
    assert trail() == ["user.deactivated", "user.activated"]


def test_reset_takes_the_password_away_ends_sessions_and_gives_a_link(
    admin: Client, viewer: User, signed_in: Callable[[User], Client]
) -> None:
    browser = signed_in(viewer)
    path = link_of(admin.post(f"/users/{viewer.pk}/password/", follow=True).content)
    assert browser.get("/").status_code == 302
    viewer.refresh_from_db()
    assert not viewer.has_usable_password()
    again = link_of(admin.post(f"/users/{viewer.pk}/password/", follow=True).content)
    choose(again, NEW)
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    choose(path, "an even longer battery")
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert trail() == ["password.reset", "password.changed"]


def test_nobody_changes_his_own_access(admin: Client, administrator: User) -> None:
    own = f"/users/{administrator.pk}/"
    assert admin.post(f"{own}active/", {"on": "0"}).status_code == 403
    assert admin.post(f"{own}password/").status_code == 403
    admin.post(own, {"username": "administrator", "first_name": "Ada", "role": "viewer"})
    administrator.refresh_from_db()
    assert (administrator.first_name, role_of(administrator)) == ("Ada", "administrator")
    assert 'name="role"' not in admin.get(own).content.decode()


def test_superuser_is_beyond_the_reach_of_an_administrator(admin: Client) -> None:
    root = User.objects.create_superuser("root", password=PASSWORD)
    for address, data in (("", {"username": "boot"}), ("active/", {"on": "0"}), ("password/", {}), ("unlock/", {})):
        assert admin.post(f"/users/{root.pk}/{address}", data).status_code == 403, address
    root.refresh_from_db()
    assert (root.username, root.is_active, root.check_password(PASSWORD)) == ("root", True, True)
    assert "Only a superuser may change a superuser." in words(admin.get(f"/users/{root.pk}/").content)


def test_locked_sign_in_is_shown_and_unlocked(admin: Client, viewer: User) -> None:
    for _ in range(5):
        Client().post("/sign-in/", {"username": "viewer", "password": "wrong"})
    assert "Too many wrong passwords were tried" in words(admin.get(f"/users/{viewer.pk}/").content)
    admin.post(f"/users/{viewer.pk}/unlock/")
    assert "Too many wrong passwords were tried" not in words(admin.get(f"/users/{viewer.pk}/").content)
    assert Client().post("/sign-in/", {"username": "viewer", "password": PASSWORD}).status_code == 302


def test_list_finds_by_name_and_asks_the_database_as_often_for_many_as_for_few(admin: Client) -> None:
    User.objects.create_user("ana", first_name="Ana", last_name="Moura", email="ana@example.com")
    admin.get("/users/")
    with CaptureQueriesContext(database) as few:
        admin.get("/users/")
    for number in range(60):
        User.objects.create_user(f"person{number}").groups.add(Group.objects.get(name="viewer"))
    with CaptureQueriesContext(database) as many:
        page = admin.get("/users/")
    assert len(page.context["rows"]) == 50
    assert len(many) == len(few) <= 15
    assert [row["person"].username for row in admin.get("/users/?q=mou+ana").context["rows"]] == ["ana"]
    assert "Nobody has this name." in words(admin.get("/users/?q=zzz").content)


def test_own_name_and_address_are_kept_on_the_preferences_page(
    viewer: User, signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(viewer)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    refused = client.post("/profile/", {"first_name": "Vera", "email": "no address"})
    assert refused.status_code == 422 and 'value="Vera"' in refused.content.decode()
    client.post(
        "/profile/", {"first_name": "Vera", "last_name": "Luz", "email": "vera@example.com", "username": "root"}
    )
    viewer.refresh_from_db()
    assert (viewer.get_full_name(), viewer.email, viewer.username) == ("Vera Luz", "vera@example.com", "viewer")
    assert trail() == ["user.changed"]
