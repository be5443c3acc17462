"""What went wrong with a request, as one SyncError, and whether asking again may help."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests
import urllib3

from connections.sdk.errors import SyncError
from connections.sdk.redaction import Redactor, without_named_secrets

# All that requests, urllib3 and the layers below raise for reasons outside our code.
FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, UnicodeError)

LONGEST_RETRY_AFTER = 366 * 24 * 3600  # seconds; beyond it a server's word is not taken
MESSAGE_LENGTH = 300
REQUEST_IDS = ("X-Request-Id", "Request-Id", "X-Correlation-Id", "X-Amzn-RequestId", "CF-Ray")
REQUEST_ID_LENGTH = 100
SAMPLE_LENGTH = 20_000
MAINTENANCE = re.compile(rb"maintenance|manuten(?:\xc3\xa7|\xe7|c)(?:\xc3\xa3|\xe3|a)o", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """One failed try. cause: the exception's type or "HTTP 503", safe to log; pause: seconds the server asked for."""

    error: SyncError
    again: bool
    cause: str
    pause: float | None = None


def of_fault(fault: BaseException, host: str, *, past_deadline: bool) -> Failure:
    """Convert one of FAULTS; nothing of its text is kept but the names TLS gives to its own problems."""
    chain = list(_chain(fault))
    code, reason, detail, again = _judge(chain, past_deadline)
    error = SyncError(code, detail=detail, host=host, reason=reason)
    if code == "config_invalid":
        error.params["field"] = reason
    return Failure(error, again, type(chain[-1]).__name__)


def of_status(status: int, headers: Mapping[str, str], body: bytes, host: str, now: datetime) -> Failure | None:
    """Convert a status over 399; None for the others."""
    if status < 400:
        return None
    pause = retry_after(headers.get("Retry-After", ""), now)
    again = status in (408, 429) or status >= 500
    until = now + timedelta(seconds=pause) if again and pause is not None else None
    code = _code(status, pause, body)
    return Failure(SyncError(code, until=until, host=host, status=status), again, f"HTTP {status}", pause)


def retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for, written as seconds or as a date; None when it says nothing."""
    value = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d+)?", value, re.ASCII):
        return min(float(value), LONGEST_RETRY_AFTER)
    moment = moment_of(value)
    return None if moment is None else min(max((moment - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def moment_of(text: str) -> datetime | None:
    """Return the moment, aware, that a header such as Date or Retry-After names; None when it names none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def request_id(headers: Mapping[str, str]) -> str:
    """Return the number by which the vendor finds the request in its own log; empty when it tells none."""
    told = next((headers[name] for name in REQUEST_IDS if headers.get(name)), "")
    return "".join(character for character in told if character.isprintable())[:REQUEST_ID_LENGTH]


def vendor_message(headers: Mapping[str, str], body: bytes, redact: Redactor) -> str:
    """Return the beginning of what the server itself says about the failure; empty for pages of HTML."""
    if is_html(headers, body):
        return ""
    text = body[: SAMPLE_LENGTH * 4].decode("utf-8", "replace")
    sample = without_named_secrets(redact(text[:SAMPLE_LENGTH]))
    if len(text) > SAMPLE_LENGTH:
        # A secret cut by the end of the sample is not recognised: drop as much as it could be.
        sample = sample[: max(len(sample) - redact.longest, 0)]
    printable = "".join(character if character.isprintable() else " " for character in sample)
    return " ".join(printable.split())[:MESSAGE_LENGTH]


def is_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Say whether a body is a page for people, whatever its content type claims."""
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        "html" in headers.get("Content-Type", "").lower() and start[:1] not in (b"{", b"[")
    )


def _code(status: int, pause: float | None, body: bytes) -> str:
    match status:
        case 401:
            return "credentials_refused"
        case 403:
            return "permission_denied"
        case 404 | 410:
            return "not_found"
        case 429:
            return "rate_limited"
        case 503 if pause is not None or MAINTENANCE.search(body[:SAMPLE_LENGTH]):
            return "maintenance"
        case 408:
            return "server_error"
    return "server_error" if status >= 500 else "request_refused"


def _judge(chain: list[BaseException], past_deadline: bool) -> tuple[str, str, str, bool]:
    """Return code, reason, detail and whether to try again, from the most telling exception of the chain."""

    def first(*types: type[BaseException]) -> BaseException | None:
        return next((link for link in chain if isinstance(link, types)), None)

    certificate = first(ssl.SSLCertVerificationError)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return "tls_failed", "certificate", certificate.verify_message, False
    if past_deadline:
        return "timeout", "total", "", True
    if first(TimeoutError, urllib3.exceptions.ReadTimeoutError):
        return "timeout", "connect" if first(urllib3.exceptions.ConnectTimeoutError) else "read", "", True
    if first(ConnectionRefusedError):
        return "connection_failed", "refused", "", True
    if first(ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return "connection_failed", "reset", "", True
    tls = first(ssl.SSLError)
    if isinstance(tls, ssl.SSLError):
        return "tls_failed", "protocol", tls.reason or "", False
    if first(requests.exceptions.InvalidHeader, UnicodeError):  # a header goes as Latin-1 or not at all
        return "config_invalid", "header", "", False
    if first(requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, http.client.InvalidURL):
        return "config_invalid", "url", "", False
    if first(http.client.IncompleteRead, urllib3.exceptions.InvalidChunkLength):
        return "bad_response", "truncated", "", True
    if first(http.client.HTTPException, urllib3.exceptions.InvalidHeader):
        return "bad_response", "not_http", "", True
    return "connection_failed", "unreachable", "", True


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """Yield fault and the exceptions it wraps; requests and urllib3 hide them in args and in `reason`."""
    seen: set[int] = set()
    waiting: list[object] = [fault]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
