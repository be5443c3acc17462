"""What every test stands on: people with roles, a connection."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from hypothesis import settings as hypothesis

from connections.models import Connection
from tests import environment

assert str(settings.DATA_DIR) == environment.DATA_DIR, "Django's settings were loaded before tests/environment.py"

hypothesis.register_profile("everyday", max_examples=50, deadline=None, derandomize=True)
hypothesis.register_profile("long", max_examples=2000, deadline=None)
hypothesis.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # signing in costs nothing
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.WHITENOISE_AUTOREFRESH = True  # files are served from where they lie: no collectstatic
settings.WHITENOISE_USE_FINDERS = True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Decide which tests run together (tests/scheduling.py)."""
    from tests.scheduling import Scheduling

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def leaves_no_stop_mark() -> Iterator[None]:
    """A mark that a test leaves behind would stop the runs and chores of those that follow."""
    yield
    left = list(settings.DATA_DIR.glob("stop-*"))
    for mark in left:
        mark.unlink()
    assert not left


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the figures that tests measured, whichever process ran them and however they ended."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for report in reports:
        if getattr(report, "when", "") == "call":
            for name, text in report.user_properties:
                if name == "figures":
                    terminalreporter.write_sep("-", report.nodeid.split("::")[-1])
                    terminalreporter.write_line(text)


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return a function that keeps figures for the summary at the end."""
    return lambda text: record_property("figures", text)


def _user(role: str) -> User:
    user = User.objects.create_user(role, password="correct horse battery staple")
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def viewer(db: None) -> User:
    return _user("viewer")


@pytest.fixture
def operator(db: None) -> User:
    return _user("operator")


@pytest.fixture
def administrator(db: None) -> User:
    return _user("administrator")


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    """Return a function that returns a browser of Django's test client, signed in as the given user."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def make_connection(db: None) -> Callable[..., Connection]:
    """Return a function that creates connections of the rest kind; keywords set fields."""
    made = 0

    def make(**fields: Any) -> Connection:
        nonlocal made
        made += 1
        values: dict[str, Any] = {
            "name": f"Shop {made}",
            "slug": f"shop-{made}",
            "kind": "rest",
            "config": {"base_url": "http://127.0.0.1:9/", "streams": []},
        }
        return Connection.objects.create(**values | fields)

    return make
