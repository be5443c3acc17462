"""Who may use the API: the token of a request, its scope, and how fast it may ask."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase

from connections.people.address import client_address
from syncruns.api.limits import Limiter
from syncruns.api.memory import Memory
from syncruns.api.problems import Problem
from syncruns.models import ApiToken

logger = logging.getLogger("sync.api")

WRONG_TOKENS_A_MINUTE = 300  # of one address, in this process
LONGEST_TOKEN = 200

reading = Limiter(settings.API_READS_PER_MINUTE)
writing = Limiter(settings.API_WRITES_PER_MINUTE)
guessing = Limiter(WRONG_TOKENS_A_MINUTE)
tokens: Memory[ApiToken] = Memory()
proven: set[str] = set()  # digests of tokens that have opened something here: what others mistype does not stop them


def token_of(request: HttpRequest) -> ApiToken:
    """Return the request's token, within its limits. Raises Problem 401 or 429."""
    kind, _space, token = request.headers.get("Authorization", "").strip().partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token:
        raise Problem(401, "token_missing", headers={"WWW-Authenticate": 'Bearer realm="sincro"'})
    now, address, digest = timezone.now(), client_address(request), ApiToken.digest_of(token[:LONGEST_TOKEN])
    if digest not in proven:
        _pass(guessing, address, count=False)
    try:
        found = tokens.recall(digest, lambda: _look_up(digest))
    except ApiToken.DoesNotExist:
        proven.discard(digest)
        guessing.take(address)
        challenge = 'Bearer realm="sincro", error="invalid_token"'
        raise Problem(401, "token_refused", headers={"WWW-Authenticate": challenge}) from None
    proven.add(digest)
    _pass(reading if request.method in ("GET", "HEAD") else writing, str(found.pk))
    try:
        found.note_use(now)
    except OperationalError:  # the database is busy writing; the next request notes it
        logger.debug("the use of token %s could not be noted", found.pk)
    return found


def _look_up(digest: str) -> ApiToken:
    return ApiToken.objects.get(ApiToken.valid(timezone.now()), digest=digest)


def demand_operate(token: ApiToken) -> None:
    """Raise Problem 403 unless the token may operate."""
    if not token.may_operate:
        challenge = 'Bearer realm="sincro", error="insufficient_scope", scope="operate"'
        raise Problem(403, "scope_missing", headers={"WWW-Authenticate": challenge})


def _demand_each_once(request: HttpRequest) -> None:
    """Raise Problem 422 for a parameter that comes twice: only one of its values would count."""
    twice = [name for name, values in request.GET.lists() if len(values) > 1]
    if twice:
        wrong = [{"loc": ["query", name], "msg": "given more than once", "type": "repeated"} for name in twice]
        raise Problem(422, "invalid_request", errors=wrong)


def _pass(limiter: Limiter, caller: str, *, count: bool = True) -> None:
    wait = limiter.take(caller, count=count)
    if wait:
        raise Problem(429, "too_many_requests", params={"seconds": wait}, headers={"Retry-After": str(wait)})


class Token(AuthBase):
    """A token of any scope, or one that may also change something."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, *, may_operate: bool = False) -> None:
        super().__init__()
        self._may_operate = may_operate

    def __call__(self, request: HttpRequest) -> Any:
        token = token_of(request)
        _demand_each_once(request)
        if self._may_operate:
            demand_operate(token)
        return token
