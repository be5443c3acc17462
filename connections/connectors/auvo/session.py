"""One sign-in to one Auvo account: the token that opens it for half an hour, and every question to it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from connections.connectors.auvo.errors import Judge, other_service, refused_login
from connections.connectors.auvo.values import find
from connections.sdk import urls
from connections.sdk.context import Context, Rate
from connections.sdk.errors import SyncError
from connections.sdk.failures import Failure
from connections.sdk.http import Answer, HttpClient

TOKEN_SECONDS = 25 * 60  # by our own clock; Auvo's token lasts 30 minutes
READ_SECONDS, TOTAL_SECONDS = 120.0, 240.0  # a hundred tasks were seen to take 25 s
TRIES = 4
PERMITS, PER_SECONDS = 400, 60.0  # of all accounts behind one address
PROOF = "users/"  # a list that no account is without


class Session:
    """Use it as a context manager. Everything raises SyncError."""

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], context: Context) -> None:
        self.context = context
        self.config = config
        self._secrets = secrets
        self._address = urls.checked_base(config["api_url"])
        self._judge = Judge(context)
        self._client: HttpClient | None = None
        self._signed_in_at = 0.0
        self._is_proven = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def sign_in(self) -> None:
        """Take a fresh token. Raises SyncError credentials_refused when Auvo does not know the pair."""
        self._close()
        body = {"apiKey": self._secret("api_key"), "apiToken": self._secret("api_token")}
        with self._open(judge=self._login_failure) as client:
            document = client.post("login/", json=body).json()
        result = find(document, "result") if isinstance(document, dict) else None
        token = find(result, "accessToken") if isinstance(result, dict) else None
        if isinstance(result, dict) and (find(result, "authenticated") is False or not token):
            raise SyncError("credentials_refused", host=urls.host(self._address))
        if not isinstance(token, str):
            raise other_service()
        self._client = self._open(token=token, judge=self._judge)
        self._signed_in_at = time.monotonic()

    def get(self, path: str, params: Mapping[str, Any]) -> Answer:
        """Ask, with a token that holds; one that ended early is renewed once."""
        if self._client is None or time.monotonic() - self._signed_in_at >= TOKEN_SECONDS:
            self.sign_in()
        try:
            return self._ask(path, params)
        except SyncError as error:
            if error.code != "credentials_refused":
                raise
        self.sign_in()
        return self._ask(path, params)

    def prove(self) -> None:
        """Make sure, once, that this is Auvo and answers: its 404 alone may mean anything. Raises SyncError."""
        if self._is_proven:
            return
        try:
            self.get(PROOF, question({}, 1, 1))
        except SyncError as error:
            raise other_service() if error.code == "not_found" else error from None
        self._is_proven = True

    def note_answer(self) -> None:
        """Note that a list was answered as Auvo answers it."""
        self._is_proven = True

    def _ask(self, path: str, params: Mapping[str, Any]) -> Answer:
        assert self._client is not None  # noqa: S101 - get() has signed in
        try:
            return self._client.get(path, params=params)
        except SyncError as error:
            if error.code == "permission_denied":
                raise SyncError("unavailable", detail=error.detail, reason="right", service=path.strip("/")) from None
            raise

    def _open(self, *, judge: Judge | Any, token: str = "") -> HttpClient:  # noqa: S107 - none before the sign-in
        host = urls.host(self._address)
        permits = int(self.config.get("calls_per_minute", PERMITS))
        return HttpClient(
            self._address, self.context, judge=judge, tries=TRIES, read_timeout=READ_SECONDS,
            total_timeout=TOTAL_SECONDS, secrets=[*self._secrets.values(), *([token] if token else [])],
            headers={"Authorization": f"Bearer {token}"} if token else None,
            rate=Rate(f"auvo {host}", permits, PER_SECONDS) if permits else None,
        )  # fmt: skip

    def _login_failure(self, answer: Answer) -> Failure | None:
        return refused_login(answer) or self._judge(answer)

    def _secret(self, name: str) -> str:
        if not self._secrets.get(name):  # erased, because the address has changed since
            raise SyncError("config_invalid", field=name)
        return self._secrets[name]

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def question(filters: Mapping[str, Any], page: int, size: int) -> dict[str, Any]:
    """Return the parameters of one page of a list, oldest first; the filter is told even when it is empty."""
    return {
        "paramFilter": json.dumps(filters, separators=(",", ":")), "page": page, "pageSize": size, "order": "asc"
    }  # fmt: skip
