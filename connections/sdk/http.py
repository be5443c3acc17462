"""The one way to a source over HTTP: tries, waits, limits and converts every failure into a SyncError."""

from __future__ import annotations

import base64
import decimal
import json as json_format
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any, NoReturn, Self

import msgspec
from requests.structures import CaseInsensitiveDict

from connections.sdk import VERSION, failures, urls
from connections.sdk.addresses import AddressBook
from connections.sdk.body import read_body
from connections.sdk.context import Context, Rate
from connections.sdk.errors import Interruption, SyncError
from connections.sdk.failures import Failure
from connections.sdk.redaction import Redactor
from connections.sdk.transport import Wire

BACKOFF_SECONDS = 1.0  # the first pause is up to this long, each further one up to twice the one before
LONGEST_BACKOFF_SECONDS = 30.0
LONGEST_ERROR_BODY = 64 * 1024
MOST_REDIRECTS = 5
_EXACT = msgspec.json.Decoder(float_hook=decimal.Decimal)
CLOCK_SECONDS = 120  # a source's clock further from ours than this is worth telling
REDIRECTS = (301, 302, 303, 307, 308)

Params = Mapping[str, Any]  # query parameters; None leaves one out, a list repeats it
Retry = Callable[[SyncError], bool]


@dataclass(frozen=True)
class Answer:
    """What a source said. url: without user, query and fragment; seconds: from sending to the last byte."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str
    seconds: float

    @property
    def moment(self) -> datetime | None:
        """The moment of the answer by the server's own clock, aware, to the second; None when it does not say."""
        return failures.moment_of(self.headers.get("Date", ""))

    def json(self) -> Any:
        """Return the body's document, its decimals exact.

        The same object each time. Raises SyncError bad_response with reason empty, html, not_json or charset.
        """
        return self._document

    @cached_property
    def _document(self) -> Any:
        if not self.body.strip():
            raise self._bad("empty")
        if failures.is_html(self.headers, self.body):
            raise self._bad("html")
        text = self.text().lstrip("\ufeff")  # some servers send the mark, some of them twice
        with suppress(ValueError, RecursionError, decimal.DecimalException):
            return _EXACT.decode(text)
        # What it refuses: half of a surrogate pair, which is a text to the engine, and what is really no JSON.
        try:
            return json_format.loads(text, parse_float=decimal.Decimal, parse_constant=_refuse_constant)
        except (ValueError, RecursionError, decimal.DecimalException) as error:
            detail = f"{error.msg} at character {error.pos}" if isinstance(error, json_format.JSONDecodeError) else ""
        raise self._bad("not_json", detail)

    def text(self) -> str:
        """Return the body as text, by the charset of its content type or else UTF-8. Raises SyncError bad_response."""
        try:
            return self.body.decode(self._charset())
        except (LookupError, UnicodeError, ValueError):
            pass
        raise self._bad("charset")

    def _charset(self) -> str:
        for part in self.headers.get("Content-Type", "").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset" and value.strip():
                return value.strip().strip("\"'")
        return "utf-8"

    def _bad(self, reason: str, detail: str = "") -> SyncError:
        host = urls.host(self.url)
        return SyncError("bad_response", detail=detail, host=host, status=self.status, reason=reason)


# Finds the failure that an answer tells in the source's own words, whatever its status; None: its status says it all.
Judge = Callable[[Answer], Failure | None]


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Haste:
    """The most of each while a person waits, in seconds and tries."""

    read: float = 15.0
    total: float = 30.0
    tries: int = 2
    wait: float = 10.0


HURRIED = Haste()


class HttpClient:
    """Ask one source; an instance is one session and belongs to one thread.

    headers and params go with every request; secrets are kept out of all errors and events. Timeouts are
    seconds: connect, then read from byte to byte, total for a whole answer. longest_wait: the longest
    Retry-After that is waited for. A hurried context shortens them all (HURRIED). judge: for sources that answer
    failures with 200, or say more than the status. Raises SyncError only (Interruption included).
    """

    def __init__(
        self,
        base_url: str,
        context: Context,
        *,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        basic: tuple[str, str] | None = None,
        secrets: Iterable[str] = (),
        rate: Rate | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        total_timeout: float = 120.0,
        max_body_bytes: int = 50 * 2**20,
        tries: int = 3,
        longest_wait: float = 120.0,
        judge: Judge | None = None,
    ) -> None:
        self._base = urls.checked_base(base_url)
        self._context = context
        self._params = dict(params or {})
        self._rate = rate
        if context.is_hurried:
            read_timeout, total_timeout = min(read_timeout, HURRIED.read), min(total_timeout, HURRIED.total)
            tries, longest_wait = min(tries, HURRIED.tries), min(longest_wait, HURRIED.wait)
        self._timeouts = (connect_timeout, read_timeout)
        self._total_timeout = total_timeout
        self._max_body_bytes = max_body_bytes
        self._tries = tries
        self._longest_wait = longest_wait
        self._has_told_clock = False
        self._judge = judge
        own_headers = dict(headers or {})
        hidden = list(secrets)
        if basic is not None:
            pair = ":".join(basic)
            own_headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            hidden += [pair, basic[1] or basic[0]]  # an empty password means that the name is the key
        self._redact = Redactor(hidden)
        self._wire = Wire(AddressBook(allow_private=context.allow_private_addresses))
        self._session = self._wire.session()
        # On-premise systems may have certificates of a company's own authority.
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._session.headers = CaseInsensitiveDict(
            {
                "User-Agent": f"Sincro/{VERSION}",
                "Accept": "application/json, */*;q=0.8",
                "Accept-Encoding": "gzip, deflate",
                **own_headers,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def get(
        self, path_or_url: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for path_or_url: a path below the base address, or a full URL of the same origin."""
        return self.request("GET", path_or_url, params=params, headers=headers)

    def post(
        self,
        path_or_url: str,
        *,
        json: Any = None,
        data: Any = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | Retry = True,
    ) -> Answer:
        """Send json, or data (a form as a mapping, or text or bytes); retry=False: once, whatever happens.

        retry may also say of a failure whether the same request is to be tried again.
        """
        return self.request("POST", path_or_url, json=json, data=data, params=params, headers=headers, retry=retry)

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        json: Any = None,
        data: Any = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | Retry = True,
    ) -> Answer:
        """Ask, again where that may help, and return the answer of a 2xx."""
        own_headers = dict(headers or {})
        body = data.encode() if isinstance(data, str) else data
        if json is not None:
            body = json_format.dumps(json, allow_nan=False).encode()
            own_headers.setdefault("Content-Type", "application/json")
        request = _Request(method.upper(), self._url(path_or_url, params or {}), own_headers, body)
        may_retry = retry if callable(retry) else lambda error: bool(retry)
        attempt = 0
        while True:
            attempt += 1
            outcome = self._try(request)
            if isinstance(outcome, Answer):
                return outcome
            pause = self._pause(outcome, attempt)
            if attempt >= self._tries or pause is None or not may_retry(outcome.error):
                self._fail(outcome, attempt)
            self._context.log(
                "warning",
                "http_retry",
                host=outcome.error.params.get("host", ""),
                code=outcome.error.code,
                error=outcome.cause,
                attempt=attempt,
                tries=self._tries,
                seconds=round(pause, 1),
            )
            self._context.wait(pause)

    def _url(self, path_or_url: str, params: Params) -> str:
        """Return the full URL of a request; parameters given here replace those of the same name in the path."""
        url = urls.below(self._base, path_or_url)
        if urls.origin(url) != urls.origin(self._base):  # a link in a body must not carry the credentials away
            raise SyncError("bad_response", host=urls.host(url), reason="other_host")
        return urls.with_params(url, {**self._params, **params})

    def _try(self, request: _Request) -> Answer | Failure:
        """Send once, and again for each redirect that may be followed."""
        url = request.url
        redirects = 0
        while True:
            self._context.check()
            if self._rate is not None:
                self._context.take_permit(self._rate)
            outcome = self._send(request, url)
            if isinstance(outcome, Failure) or outcome.status < 300:
                return outcome
            redirects += 1
            location = outcome.headers.get("Location", "")
            target = urls.joined(url, location)
            can_follow = location and outcome.status in REDIRECTS and request.method in ("GET", "HEAD")
            if not can_follow or redirects > MOST_REDIRECTS or not urls.keeps_credentials_safe(url, target):
                error = SyncError("bad_response", host=urls.host(url), status=outcome.status, reason="redirect")
                error.detail = f"redirected to {urls.host(target)}" if location else ""
                return Failure(error, again=False, cause=f"HTTP {outcome.status}")
            url = target

    def _send(self, request: _Request, url: str) -> Answer | Failure:
        host = urls.host(url)
        started = time.monotonic()
        self._wire.deadline = started + self._total_timeout
        try:
            with self._session.request(
                request.method,
                url,
                data=request.body,
                headers=request.headers,
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                self._compare_clocks(host, response.headers)
                body = self._read(response)
        except Interruption:
            raise
        except SyncError as error:
            error.params.setdefault("host", host)
            again = error.code == "connection_failed" or error.params.get("reason") == "truncated"
            return Failure(error, again, error.code)
        except failures.FAULTS as fault:
            past_deadline = time.monotonic() >= self._wire.deadline
            return failures.of_fault(fault, host, past_deadline=past_deadline)
        answer = Answer(status, response.headers, body, urls.without_query(url), time.monotonic() - started)
        return self._failure_in(answer, host) or answer

    def _failure_in(self, answer: Answer, host: str) -> Failure | None:
        """Return the failure that an answer tells, by the source's own words or else by its status."""
        failure = self._judge(answer) if self._judge is not None else None
        if failure is not None:
            failure.error.params = {"host": host, "status": answer.status, **failure.error.params}
        else:
            failure = failures.of_status(answer.status, answer.headers, answer.body, host, self._context.now())
            if failure is None:
                return None
            failure.error.detail = failures.vendor_message(answer.headers, answer.body, self._redact)
        if told := failures.request_id(answer.headers):
            failure.error.params["request_id"] = told
        return failure

    def _compare_clocks(self, host: str, headers: Mapping[str, str]) -> None:
        """Tell once when the source's clock is far from ours: what changed since a moment rests on both."""
        told = failures.moment_of(headers.get("Date", ""))
        if told is None or "Age" in headers or self._has_told_clock:  # Age: a cache's older answer
            return
        apart = round((told - self._context.now()).total_seconds())
        if abs(apart) > CLOCK_SECONDS:
            self._has_told_clock = True
            self._context.log("warning", "source_clock", host=host, seconds=apart)

    def _read(self, response: Any) -> bytes:
        encoding = response.headers.get("Content-Encoding", "")
        if response.status_code < 400:
            return read_body(response.raw, encoding, self._max_body_bytes, self._context.check)
        try:  # what a failed request says is welcome, but its status counts
            return read_body(response.raw, encoding, LONGEST_ERROR_BODY, self._context.check)
        except Interruption:
            raise
        except (SyncError, *failures.FAULTS):
            return b""

    def _pause(self, failure: Failure, attempt: int) -> float | None:
        """Return the seconds to wait before trying again; None when it would not help, or not soon enough."""
        if not failure.again:
            return None
        if failure.pause:
            return failure.pause if failure.pause <= self._longest_wait else None
        highest = min(BACKOFF_SECONDS * 2 ** (attempt - 1), LONGEST_BACKOFF_SECONDS)
        return random.uniform(0, highest)  # noqa: S311 - spreads load, guards nothing

    def _fail(self, failure: Failure, attempt: int) -> NoReturn:
        error = failure.error
        error.detail = self._redact(error.detail)
        error.params = {
            name: self._redact(value) if isinstance(value, str) else value
            for name, value in {**error.params, "tries": attempt}.items()
        }
        raise error from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
