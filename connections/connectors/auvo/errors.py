"""What Auvo's answers mean where they differ from what their status usually says."""

from __future__ import annotations

import re
from datetime import timedelta

from connections.sdk.context import Context
from connections.sdk.errors import SyncError
from connections.sdk.failures import Failure, is_html
from connections.sdk.http import Answer

LIMIT_PAUSES = (5.0, 10.0, 20.0)  # seconds; the limit counts by the minute
BUSY_PAUSES = (3.0, 6.0, 9.0)
BUSY = (502, 503, 504)
LIMIT_SECONDS = 60
_LIMIT = re.compile(rb"rate|limit|too many|exceeded", re.IGNORECASE)


class Judge:
    """Finds the limit, which Auvo tells with 403, and how long to wait; counts failures in a row for that."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._in_a_row = 0

    def __call__(self, answer: Answer) -> Failure | None:
        if answer.status < 400:
            self._in_a_row = 0
            return None
        turn, self._in_a_row = min(self._in_a_row, len(LIMIT_PAUSES) - 1), self._in_a_row + 1
        if is_limit(answer):
            until = self._context.now() + timedelta(seconds=LIMIT_SECONDS)
            error = SyncError("rate_limited", until=until, detail="Rate limit temporarily exceeded")
            return Failure(error, again=True, cause=f"HTTP {answer.status}", pause=LIMIT_PAUSES[turn])
        if answer.status in BUSY and "Retry-After" not in answer.headers:
            return Failure(SyncError("server_error"), True, f"HTTP {answer.status}", BUSY_PAUSES[turn])
        return None


def is_limit(answer: Answer) -> bool:
    """Say whether an answer means that too much was asked in a minute, rather than that something is not allowed."""
    if answer.status == 429:
        return "Retry-After" not in answer.headers
    return answer.status == 403 and (not answer.body.strip() or bool(_LIMIT.search(answer.body[:2000])))


def other_service(reason: str = "other_service") -> SyncError:
    """Return the failure of an answer that no Auvo gives."""
    return SyncError("bad_response", reason=reason, expected="Auvo")


def is_heavy(error: SyncError) -> bool:
    """Say whether a failure looks like a question too large for the server: a smaller one may pass."""
    match error.code:
        case "timeout":
            return error.params.get("reason") != "connect"
        case "bad_response":
            return error.params.get("reason") in ("truncated", "too_large")
        case "server_error":
            return error.params.get("status") in BUSY
    return False


def refused_login(answer: Answer) -> Failure | None:
    """Return why a login was refused: an unknown key is told with 404, a malformed one with 400."""
    if (
        answer.status in (400, 401, 404)
        and answer.body.lstrip()[:1] == b"{"
        and not is_html(answer.headers, answer.body)
    ):
        return Failure(SyncError("credentials_refused"), again=False, cause=f"HTTP {answer.status}")
    if answer.status == 404:
        return Failure(other_service(), again=False, cause="HTTP 404")
    return None
