"""Tokens: every scope against every route, how they end, how fast they may ask, and the page that makes them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from connections.models import AuditEvent, Connection
from syncruns.api import access
from syncruns.api.limits import Limiter
from syncruns.api.urls import api
from syncruns.models import ApiToken
from tests.api.conftest import Ask, Make, make_token
from tests.web.console_pages import CONFIG, make_run

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], Client]
OPERATING = {("post", "/api/sync/trigger"), ("patch", "/api/connections/{slug}")}
READ_AS_WELL = {"/api/connections/{slug}"}
ROUTES = [(method, path) for path, found in api.get_openapi_schema()["paths"].items() for method in found]
ROUTES += [("get", "/metrics")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_answers_each_scope_as_it_should(
    ask: Ask, make_connection: Make, administrator: User, signed_in: SignIn, method: str, path: str
) -> None:
    shop = make_connection(slug="shop", config=CONFIG)
    address = path.replace("{slug}", "shop").replace("{run_id}", str(make_run(shop).pk))
    body = {"paused_until": None} if method == "patch" else {}
    dead = {
        "revoked": make_token(revoked_at=timezone.now()),
        "expired": make_token("operate", expires_at=timezone.now()),
        "of one who left": make_token("operate", created_by=User.objects.create_user("gone", is_active=False)),
        "made up": "sincro_" + "x" * 43,
        "endless": "x" * 5000,
    }
    for token in dead.values():
        refused = ask(address, method=method, scope="", body=body, headers={"Authorization": f"Bearer {token}"})
        assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")
        assert 'error="invalid_token"' in refused["WWW-Authenticate"]
    bare = ask(address, method=method, scope="", body=body)
    assert (bare.status_code, bare.json()["code"]) == (401, "token_missing")
    session = getattr(signed_in(administrator), method)(address, {} if method == "get" else None)
    assert session.status_code == 401, "a session opens no route of the API"
    read = ask(address, method=method, scope="read", body=body)
    if (method, path) in OPERATING:
        assert (read.status_code, read.json()["code"]) == (403, "scope_missing")
    else:
        assert read.status_code == 200
    answer = ask(address, method=method, scope="operate", body=body)
    assert answer.status_code in (200, 202)
    head = Client().head(address, headers={"Authorization": f"Bearer {make_token()}"})
    assert (head.status_code, head.content) == (200 if method == "get" or path in READ_AS_WELL else 405, b"")
    if method == "get" and path != "/metrics":
        assert (head["Content-Type"], int(head["Content-Length"])) == (answer["Content-Type"], len(answer.content))


def test_token_is_kept_as_a_hash_and_its_use_is_noted_once_a_minute(ask: Ask) -> None:
    secret = make_token()
    token = ApiToken.objects.get(digest=ApiToken.digest_of(secret))
    assert secret not in {str(value) for value in vars(token).values()}
    bearer = {"Authorization": f"bearer  {secret}"}
    assert ask("/api/sync/status", scope="", headers=bearer).status_code == 200
    token.refresh_from_db()
    first = token.last_used_at
    ask("/api/sync/status", scope="", headers=bearer)
    token.refresh_from_db()
    assert first is not None and token.last_used_at == first


def test_wrong_tokens_from_one_address_are_soon_not_looked_at(ask: Ask) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert ask("/api/sync/status", scope="read").status_code == 200
    codes = [ask("/api/sync/status", scope="", headers=wrong).status_code for _ in range(31)]
    assert codes == [401] * 30 + [429]
    assert ask("/api/sync/status", scope="read").status_code == 200, "another program at that address has done no wrong"
    assert ask("/api/sync/status", scope="operate").status_code == 429, "one that nobody knows yet waits"
    assert ask("/api/sync/status", scope="").status_code == 401, "no token is no guess"


def test_who_asks_too_fast_is_told_when_to_go_on(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "reading", Limiter(2))
    answers = [ask("/api/sync/status", scope="read") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1]["Retry-After"] == "30" and answers[-1].json()["code"] == "too_many_requests"
    assert ask("/api/sync/status", scope="operate").status_code == 200, "another token has its own"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/", 404, "not_found"),
        ("get", "/api/sync/nothing", 404, "not_found"),
        ("post", "/api/sync/nothing", 404, "not_found"),
        ("get", "/api/runs/7", 404, "not_found"),
        ("get", f"/api/runs/{uuid.UUID(int=7)}", 404, "not_found"),
        ("delete", "/api/sync/status", 405, "method_not_allowed"),
        ("get", "/api/connections/none", 404, "not_found"),
    ],
)
def test_every_error_is_a_problem_document(ask: Ask, method: str, path: str, status: int, code: str) -> None:
    answer = ask(path, method=method)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    found = answer.json()
    assert (found["code"], found["status"], found["type"]) == (code, status, f"urn:sincro:problem:{code}")
    assert found["title"] and found["detail"] and found["cause"] and found["steps"]
    assert answer.get("Allow") == ("GET, HEAD" if status == 405 else None)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [(RuntimeError("canary"), 500, "internal"), (OperationalError("canary"), 503, "maintenance")],
)
def test_fault_of_ours_is_a_problem_document_that_shows_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, code: str
) -> None:
    def fail(*_call: object) -> None:
        raise fault

    monkeypatch.setattr("syncruns.api.facts.load_rows", fail)
    client = Client(raise_request_exception=False)
    answer = client.get("/api/sync/status", headers={"Authorization": f"Bearer {make_token()}"})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (answer.json()["code"], "Retry-After" in answer) == (code, status == 503)
    assert "canary" not in answer.content.decode()


def test_broken_json_is_refused_and_not_repeated(ask: Ask) -> None:
    answer = ask("/api/sync/trigger", method="post", body="{nonsense")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "nonsense" not in answer.content.decode()


def test_administrator_makes_a_token_sees_it_once_and_revokes_it(administrator: User, signed_in: SignIn) -> None:
    browser = signed_in(administrator)
    made = browser.post("/settings/tokens/", {"name": "Power BI", "scope": "read", "days": "30"})
    assert made.status_code == 302
    page = browser.get("/settings/tokens/")
    assert page["Cache-Control"].startswith("max-age=0")
    (secret,) = set(re.findall(r"sincro_[-\w]{43}", page.content.decode()))
    assert secret not in browser.get("/settings/tokens/").content.decode()
    token = ApiToken.objects.get()
    assert token.created_by == administrator and token.expires_at is not None
    assert token.expires_at - timezone.now() > timedelta(days=29)

    def answer() -> int:
        return Client().get("/api/connections", headers={"Authorization": f"Bearer {secret}"}).status_code

    assert answer() == 200
    browser.post(f"/settings/tokens/{token.pk}/revoke/")
    assert answer() == 401
    actions = AuditEvent.objects.filter(target_kind="apitoken").order_by("pk")
    assert [(event.action, event.target_name) for event in actions] == [
        ("token.created", "Power BI"),
        ("token.revoked", "Power BI"),
    ]
    assert not any(secret in str(event.params) for event in AuditEvent.objects.all())
    assert "Revoked" in browser.get("/settings/tokens/", headers={"Accept-Language": "en"}).content.decode()


def test_token_without_a_name_is_not_made(administrator: User, signed_in: SignIn) -> None:
    answer = signed_in(administrator).post("/settings/tokens/", {"name": " ", "scope": "root", "days": "9"})
    assert answer.status_code == 422 and not ApiToken.objects.exists()


def test_metrics_are_read_in_a_constant_number_of_queries(
    ask: Ask, make_connection: Make, django_assert_num_queries: Any
) -> None:
    def scrape() -> str:
        return str(ask("/metrics", scope="read").content.decode())

    for number in range(9):
        shop: Connection = make_connection(name='A "name"', auto_sync=True, next_sync_at=timezone.now())
        run = make_run(shop, "failed" if number % 2 else "succeeded", error_code="timeout" * (number % 2), inserted=4)
        run.streams.create(stream="orders", state="succeeded", finished_at=timezone.now())
    make_run(make_connection(), "queued", ago=timedelta(minutes=3))
    scrape()
    with django_assert_num_queries(10):
        text = scrape()
    for line in (
        'sincro_runs{code="timeout",connection="shop-2",outcome="failed"} 1.0',
        'sincro_records{connection="shop-1",kind="inserted"} 4.0',
        'sincro_run_seconds{connection="shop-1"} 10.0',
        "sincro_queue_runs 1.0",
        "sincro_workers 2.0",
    ):
        assert line in text
    for name in ("stream_last_success", "stream_next_sync", "connection_next_sync"):
        assert re.search(rf'sincro_{name}_timestamp_seconds{{connection="shop-1".*}} 1\.\d+e\+09', text)
    age = re.search(r"^sincro_queue_age_seconds (\S+)", text, re.MULTILINE)
    assert age and 180 <= float(age[1]) < 240
