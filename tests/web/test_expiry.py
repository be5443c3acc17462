"""A secret that ends on a known date is told of before, and a refusal after it is told as what it probably is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connections import connectors
from connections.catalogue import explain
from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.trial import try_connection
from syncruns.checkup import examine
from tests.web.forms_page import FormPage
from tests.web.freight import Freight

CONFIG = {"url": "https://freight.example", "database": "prod"}


@pytest.fixture(autouse=True)
def freight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, Freight))
    Freight.asked, Freight.error = [], None
    yield


def day(days: int) -> str:
    return (timezone.localdate() + timedelta(days=days)).isoformat()


@pytest.fixture
def frota(make_connection: Callable[..., Connection]) -> Callable[[int], Connection]:
    """Return a function that makes a connection whose password ends in so many days."""

    def make(days: int) -> Connection:
        return make_connection(
            kind="freight", name="Frota", config={**CONFIG, "password_ends": day(days)}, secrets={"password": "x"},
            secrets_set_at={"password": timezone.now().isoformat()},
        )  # fmt: skip

    return make


@pytest.fixture
def browser(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.mark.parametrize(
    ("days", "said", "code"),
    [
        (14, "Password: it ends in 14 days, on ", "credentials_end"),
        (1, "Password: it ends in 1 day, on ", "credentials_end"),
        (0, "Password: it ends today.", "credentials_end"),
        (-1, "Password: it was to end on ", "credentials_ended"),
    ],
)
def test_pages_and_doctor_say_in_time_when_a_secret_ends(
    frota: Callable[[int], Connection], browser: Client, days: int, said: str, code: str
) -> None:
    made = frota(days)
    for page in ("/", f"/connections/{made.slug}/", f"/connections/{made.slug}/runs/"):
        assert said in browser.get(page).content.decode()
    found = [check for check in examine() if check.name == "credentials"]
    assert [(check.code, check.params["days"]) for check in found] == [(code, days)]


def test_nothing_is_said_of_a_date_far_away_or_of_a_secret_that_is_not_there(
    frota: Callable[[int], Connection], browser: Client
) -> None:
    frota(15)
    without = frota(3)
    Connection.objects.filter(pk=without.pk).update(secrets_set_at={})
    assert "it ends" not in browser.get("/").content.decode()
    assert [check.code for check in examine() if check.name == "credentials"] == ["credentials_hold"]


def test_one_card_is_enough_once_the_source_refused(frota: Callable[[int], Connection], browser: Client) -> None:
    made = frota(-3)
    made.mark_error(SyncError("credentials_expired", reason="date", secret="Password", on=day(-3)))
    shown = browser.get("/").content.decode()
    assert "Credentials probably expired" in shown
    assert "it was to end" not in shown


@pytest.mark.parametrize(
    ("days", "code"), [(-1, "credentials_expired"), (0, "credentials_refused"), (9, "credentials_refused")]
)
def test_a_refusal_after_the_date_is_told_as_what_it_probably_is(days: int, code: str) -> None:
    Freight.error = SyncError("credentials_refused", host="freight.example", status=401)
    report = try_connection("freight", {**CONFIG, "password_ends": day(days)}, {"password": "x"})
    assert report.error is not None
    assert report.error.code == code


def test_the_card_names_the_secret_and_its_date_in_the_readers_way() -> None:
    told = explain("credentials_expired", {"reason": "date", "secret": "Token", "on": "2026-12-31"}, "Odoo")
    assert "Token" in told.sentence
    assert "31/12/2026" in told.sentence


def test_a_new_secret_asks_for_its_own_date(frota: Callable[[int], Connection], browser: Client) -> None:
    made = frota(-3)
    page = FormPage(browser, f"/connections/{made.slug}/settings/").fill(config__password="new").press("save")
    assert page.invalid == ["config:password_ends"]
    page.fill(config__password_ends=day(90)).press("save")
    made.refresh_from_db()
    assert made.config["password_ends"] == day(90)
