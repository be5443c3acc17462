"""Pages that answer instead of the one that was asked for, and the signs of life for whoever watches the process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from connections.models import UserPreference
from syncruns.models import SystemJob

PASSWORD = "correct horse battery staple"  # noqa: S105 - the fixtures'
SignIn = Callable[[User], Client]


def test_missing_page_and_forbidden_page_keep_the_frame_and_say_what_to_do(viewer: User, signed_in: SignIn) -> None:
    UserPreference.objects.create(user=viewer, language="en")
    client = signed_in(viewer)
    missing, forbidden = client.get("/nowhere/"), client.get("/admin/")

    for answer, status, words in ((missing, 404, "There is no such page"), (forbidden, 403, "You may not do this")):
        page = answer.content.decode()
        assert answer.status_code == status
        assert words in page and "What to do" in page and 'class="sidebar"' in page


def test_stranger_gets_a_plain_missing_page(client: Client, db: None) -> None:
    page = client.get("/nowhere/")

    assert page.status_code == 404
    assert 'class="sidebar"' not in page.content.decode()


def test_old_form_is_explained(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post("/sign-in/", {"username": "viewer", "password": PASSWORD}, HTTP_ACCEPT_LANGUAGE="en")

    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


def test_failure_page_needs_no_database(viewer: User, signed_in: SignIn, caplog: pytest.LogCaptureFixture) -> None:
    client = signed_in(viewer)
    client.raise_request_exception = False

    def refuse(*_call: object) -> None:
        raise OperationalError("the server closed the connection: password=canary")

    with connection.execute_wrapper(refuse):
        page = client.get("/", headers={"accept-language": "en"})
        health, ready = Client().get("/healthz"), Client().get("/readyz")

    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert "The database does not answer" in page.content.decode()
    assert "canary" not in page.content.decode() and "Traceback" not in page.content.decode()
    assert (health.status_code, health.json()) == (503, {"status": "down", "database": "down", "last_tick": None})
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "reason": "database"})


def test_unforeseen_failure_says_what_to_do_and_shows_nothing_of_it(
    viewer: User, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_call: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr("syncruns.views.overview.load_rows", fail)
    client = signed_in(viewer)
    client.raise_request_exception = False
    page = client.get("/", headers={"accept-language": "en"})

    assert page.status_code == 500
    assert "Something failed on our side" in page.content.decode()
    assert "canary" not in page.content.decode() and "Traceback" not in page.content.decode()


def test_pages_are_closed_for_maintenance_and_opened_again(
    viewer: User, signed_in: SignIn, settings: LazySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DATA_DIR = tmp_path
    client = signed_in(viewer)

    call_command("maintenance", "on")
    with connection.execute_wrapper(_never):
        closed = client.get("/", headers={"accept-language": "en"})
    alive = Client().get("/healthz")
    call_command("maintenance", "off")
    call_command("maintenance", "--json")

    assert (closed.status_code, closed.headers["Retry-After"]) == (503, "60")
    assert "Sincro is being maintained" in closed.content.decode()
    assert alive.status_code == 200
    assert client.get("/").status_code == 200
    assert '"maintenance": false' in capsys.readouterr().out


def _never(*_call: object) -> None:
    raise AssertionError("the database was asked")


# Signs of life


def test_health_tells_database_and_last_tick_to_anyone(client: Client, db: None) -> None:
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now())

    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()) == {"status", "database", "last_tick"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_web_is_not_ready_while_a_migration_is_pending(client: Client, db: None) -> None:
    last = MigrationRecorder.Migration.objects.filter(app="syncruns").latest("id")
    last.delete()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "reason": "migrations"})
    assert client.get("/healthz").status_code == 200, "starting again would not help"
