"""What eTrac's answers mean: it may tell a failure in words, with status 200."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from connections.connectors.etrac.values import text
from connections.sdk.context import Context
from connections.sdk.errors import SyncError
from connections.sdk.failures import MESSAGE_LENGTH, Failure
from connections.sdk.http import Answer

LIMIT_SECONDS = 60.0
_SIGN_IN = re.compile(r"senha|usu[aá]rio|autentica|credenci|n[aã]o autorizad|chave|api.?key", re.IGNORECASE)
_LIMIT = re.compile(r"limite|muitas requisi|excedid|too many", re.IGNORECASE)


class Judge:
    """Finds the failure in an answer. Only the list of the fleet tells of the sign-in: elsewhere, of a vehicle."""

    def __init__(self, context: Context, fleet_path: str) -> None:
        self._context = context
        self._fleet = "/" + fleet_path.strip("/")

    def __call__(self, answer: Answer) -> Failure | None:
        is_fleet = answer.url.endswith(self._fleet)
        if answer.status in (404, 405) and is_fleet:
            return Failure(other_service(), again=False, cause=f"HTTP {answer.status}")
        if answer.status >= 300:
            return None
        told, code = _told(answer)
        if not told:
            return None
        detail, cause = told[:MESSAGE_LENGTH], f"erro {code}".strip()
        if code == "429" or _LIMIT.search(told):
            until = self._context.now() + timedelta(seconds=LIMIT_SECONDS)
            error = SyncError("rate_limited", until=until, detail=detail)
            return Failure(error, again=True, cause=cause, pause=LIMIT_SECONDS)
        if code[:1] == "5" and len(code) == 3:
            return Failure(SyncError("server_error", detail=detail), again=True, cause=cause)
        if is_fleet and (code == "401" or _SIGN_IN.search(told)):
            return Failure(SyncError("credentials_refused", detail=detail), again=False, cause=cause)
        return Failure(SyncError("request_refused", detail=detail), again=False, cause=cause)


def other_service() -> SyncError:
    """Return the failure of an answer that no eTrac gives."""
    return SyncError("bad_response", reason="other_service", expected="eTrac")


def _told(answer: Answer) -> tuple[str, str]:
    """Return what an answer calls its error, and the code beside it; nothing for one that is not JSON."""
    try:
        document: Any = answer.json()
    except SyncError:
        return "", ""
    if not isinstance(document, dict) or not document.get("erro"):
        return "", ""
    return str(text(document["erro"])), str(document.get("code_header") or "").strip()
