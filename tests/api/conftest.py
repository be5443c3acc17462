"""What the API's tests stand on: tokens, and a client that carries one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from connections.models import Connection
from syncruns.api import access, routes
from syncruns.api.limits import Limiter
from syncruns.models import ApiToken

Make = Callable[..., Connection]
Ask = Callable[..., Any]


def make_token(scope: str = "read", **fields: Any) -> str:
    token = ApiToken(name=f"a program that may {scope}", scope=scope, **fields)
    secret = token.new_secret()
    token.save()
    return secret


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test use up what the next may ask."""
    for name, per_minute in (("reading", 36_000), ("writing", 36_000), ("guessing", 30)):
        monkeypatch.setattr(access, name, Limiter(per_minute))
    access.tokens.forget()
    access.proven.clear()
    routes.statuses.forget()


@pytest.fixture
def ask(db: None) -> Ask:
    """Return a function that asks with a token of the given scope; body is sent as JSON."""
    tokens = {scope: make_token(scope) for scope in ("read", "operate")}

    def ask(path: str, *, method: str = "get", scope: str = "operate", body: Any = None, **more: Any) -> Any:
        sent = {"data": body, "content_type": "application/json"} if method != "get" else {"data": more.pop("data", {})}
        headers = {"Authorization": f"Bearer {tokens[scope]}"} if scope else {}
        headers |= more.pop("headers", {})
        return getattr(Client(), method)(path, headers=headers, **sent, **more)

    return ask
