"""What Odoo says went wrong, as the console's codes. It goes by the names of exceptions: texts are in any language."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connections.sdk import failures
from connections.sdk.errors import SyncError
from connections.sdk.failures import MAINTENANCE, SAMPLE_LENGTH, Failure
from connections.sdk.http import Answer

JSON2 = "/json/2/"
LONGEST_SAID = 200
# Traces of the server itself: file paths of several parts, on any system.
_PATH = re.compile(r"(?<![\w<])(?:[A-Za-z]:)?(?:[/\\][\w.~-]+){2,}")

ACCESS_DENIED = "odoo.exceptions.AccessDenied"
ACCESS_ERROR = "odoo.exceptions.AccessError"
MISSING = "odoo.exceptions.MissingError"
USER_ERROR = "odoo.exceptions.UserError"
NOT_FOUND = "werkzeug.exceptions.NotFound"
SESSION_EXPIRED = "odoo.http.SessionExpiredException"
VALUE_ERROR = "builtins.ValueError"  # an unknown field, among others
NO_DATABASE = "psycopg2.OperationalError"  # or one that is restarting

QUESTION = "question"  # contract_changed: this version or an add-on does not understand what was asked

# Name -> code, and whether the same question may be answered later.
BY_NAME: dict[str, tuple[str, bool]] = {
    ACCESS_DENIED: ("credentials_refused", False),
    "werkzeug.exceptions.Unauthorized": ("credentials_refused", False),
    ACCESS_ERROR: ("permission_denied", False),
    "werkzeug.exceptions.Forbidden": ("permission_denied", False),
    MISSING: ("server_error", False),  # an unknown user, or a record deleted while it was read
    SESSION_EXPIRED: ("server_error", False),
    USER_ERROR: ("request_refused", False),
    "odoo.exceptions.ValidationError": ("request_refused", False),
    "odoo.exceptions.RedirectWarning": ("request_refused", False),
    NOT_FOUND: ("contract_changed", False),
    "werkzeug.exceptions.BadRequest": ("contract_changed", False),
    "werkzeug.exceptions.UnprocessableEntity": ("contract_changed", False),
    "werkzeug.exceptions.UnsupportedMediaType": ("contract_changed", False),
    "werkzeug.exceptions.TooManyRequests": ("rate_limited", True),
    "psycopg2.errors.SerializationFailure": ("server_error", True),
    "psycopg2.errors.LockNotAvailable": ("server_error", True),
    "psycopg2.errors.DeadlockDetected": ("server_error", True),
    "psycopg2.errors.QueryCanceled": ("timeout", True),
    "psycopg2.errors.AdminShutdown": ("server_error", True),
    NO_DATABASE: ("server_error", True),
    "psycopg2.InterfaceError": ("server_error", True),
}


class OdooError(SyncError):
    """A failure that Odoo tells itself. name: the class of its exception; said: its text, never to be shown whole."""

    def __init__(self, code: str, name: str, said: str, **params: Any) -> None:
        self.name = name
        self.said = said
        super().__init__(code, detail=_detail(name, said), **{"status": name, **params})


def judge(database: str) -> Callable[[Answer], Failure | None]:
    """Return what finds the failure in an answer of a server asked for this database."""

    def judged(answer: Answer) -> Failure | None:
        if 300 <= answer.status < 400:
            return None
        if answer.status < 300 or not failures.is_html(answer.headers, answer.body):
            return _in_document(answer, database)
        if answer.status == 404 and JSON2 in answer.url:  # said before anything of Odoo's is reached
            return Failure(SyncError("config_invalid", field="database"), again=False, cause="HTTP 404")
        return None

    return judged


def _in_document(answer: Answer, database: str) -> Failure | None:
    try:
        document = answer.json()
    except SyncError as unreadable:
        if answer.status >= 300:
            return None
        is_maintenance = MAINTENANCE.search(answer.body[:SAMPLE_LENGTH])
        return Failure(SyncError("maintenance") if is_maintenance else unreadable, again=True, cause="no JSON")
    if JSON2 in answer.url:
        told = document if answer.status >= 400 else None
    elif isinstance(document, dict) and document.get("error"):
        told = document["error"].get("data") if isinstance(document["error"], dict) else {}
    else:
        return None
    if told is None:
        return None
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(name, str):
        if answer.status >= 400:
            return None
        return Failure(no_odoo(), again=True, cause="an error of another kind")
    return _by_name(name, str(told.get("message") or ""), database, answer)


def _by_name(name: str, said: str, database: str, answer: Answer) -> Failure:
    code, again = BY_NAME.get(name) or _unlisted(name, answer)
    params: dict[str, Any] = {}
    if name == NO_DATABASE and f'"{database}"' in said and "too many" not in said:
        code, again, params = "config_invalid", False, {"field": "database"}
    if code == "contract_changed":
        params = {"reason": QUESTION}
    return Failure(OdooError(code, name, said, **params), again, name)


def _unlisted(name: str, answer: Answer) -> tuple[str, bool]:
    """Return code and whether to ask again for an exception of another name."""
    # What Python or the database finds wrong with a question will be as wrong the next time.
    if name.startswith(("builtins.", "psycopg2.")):
        return "contract_changed", False
    failure = failures.of_status(answer.status, answer.headers, b"", "", datetime.now(UTC))
    return (failure.error.code, failure.again) if failure else ("server_error", True)


def _detail(name: str, said: str) -> str:
    """Return what a developer may read: never more than the first line, nothing of the database's own texts."""
    if name.startswith("psycopg2."):
        return name
    first = said.strip().splitlines()[0] if said.strip() else ""
    return f"{name}: {_PATH.sub('…', first)[:LONGEST_SAID]}" if first else name


def no_odoo() -> SyncError:
    """Return the failure of an answer that no Odoo gives."""
    return SyncError("bad_response", reason="other_service", expected="Odoo")


def is_light(error: SyncError) -> bool:
    """Say whether the same question again may pass, as far as its size goes."""
    return not is_heavy(error)


def is_heavy(error: SyncError) -> bool:
    """Say whether a failure looks like a question too large for the server's limits: a smaller one may pass."""
    match error.code:
        case "timeout":
            return error.params.get("reason") != "connect"
        case "connection_failed":
            return error.params.get("reason") == "reset"
        case "bad_response":
            return error.params.get("reason") in ("truncated", "too_large")
        case "server_error":
            return error.params.get("status") in (502, 504)
    return False
