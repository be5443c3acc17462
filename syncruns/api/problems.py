"""Errors of the API as problem documents (RFC 9457): a code, what happened, why, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from connections.catalogue import CATALOGUE, entry_of
from connections.explanation import Entry, filled

MEDIA_TYPE = "application/problem+json"

API_PROBLEMS: dict[str, Entry] = {
    "token_missing": Entry(
        _("No token"),
        _("This address wants an API token, and the request brought none."),
        _("The Authorization header is missing or is not of the Bearer kind."),
        (_("Send “Authorization: Bearer” and the token."), _("Administrators make tokens under Settings, API tokens.")),
    ),
    "token_refused": Entry(
        _("Token refused"),
        _("The token opens nothing."),
        _("It is mistyped, was revoked, has expired, or whoever made it has no access any more."),
        (_("Have an administrator make a new token."),),
    ),
    "scope_missing": Entry(
        _("The token may only read"),
        _("This needs a token with the scope “operate”."),
        _("The token was made for reading."),
        (_("Have an administrator make a token that may operate."),),
    ),
    "too_many_requests": Entry(
        _("Too many requests"),
        _("More was asked than is allowed in a minute; go on in %(seconds)s s."),
        _("A program asks in a loop, or several share one token."),
        (_("Wait as long as the Retry-After header says."), _("Ask less often, or have the limit raised.")),
    ),
    "invalid_request": Entry(
        _("The request is not valid"),
        _("A parameter or the body is not as this address wants it."),
        _("A name or value is mistyped."),
        (_("Compare the request with the API's description."),),
    ),
    "not_found": Entry(
        _("Not found"),
        _("There is nothing at this address."),
        _("An id or name is mistyped, or what it named was deleted."),
        (_("Compare the address with the API's description."),),
    ),
    "method_not_allowed": Entry(
        _("Not for this method"),
        _("This address does not take requests of this method."),
        _("The method of the request is another one than the API's description says."),
        (_("Use one of the methods that the Allow header names."),),
    ),
    "already_running": Entry(
        _("Already syncing"),
        _("A run is active already, so none was started."),
        _("The schedule or somebody else started it."),
        (_("Follow that run: its id is in run_id."),),
    ),
    "paused": Entry(
        _("Paused"),
        _("The connection is paused, so nothing was started."),
        _("Somebody paused it until %(until)s."),
        (_("Wait until then, or lift the pause."),),
    ),
    "inactive": Entry(
        _("Deactivated"),
        _("The connection is deactivated, so nothing was started."),
        _("Somebody deactivated it."),
        (_("Activate it in the console."),),
    ),
    "nothing_may_run": Entry(
        _("Nothing may run"),
        _("No connection may sync now, so nothing was started."),
        _("They are paused, stopped until somebody acts, or wait for their source's quota."),
        (_("The reason for each connection is in skipped."),),
    ),
    "maintenance": Entry(
        _("Closed for maintenance"),
        _("Somebody works on this installation, or its database does not answer; nothing was changed."),
        _("An update, or a fault of the database."),
        (_("Try again in a minute."),),
    ),
    "internal": CATALOGUE["internal"],
}
OF_STATUS = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "invalid_request",
    422: "invalid_request",
    429: "too_many_requests",
    503: "maintenance",
}


class Problem(Exception):
    """Raised by an endpoint: answered as a problem document.

    code: of the API's own problems or of the catalogue; params fill its sentences. headers go with the answer, more
    are further members of the document. source: the connection's label, for the sentence of a catalogue code.
    """

    def __init__(
        self,
        status: int,
        code: str,
        *,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        source: str = "",
        **more: Any,
    ) -> None:
        self.status = status
        self.code = code
        self.params = params or {}
        self.headers = headers or {}
        self.source = source
        self.more = more
        super().__init__(code)

    def document(self) -> dict[str, Any]:
        """Return the document in the reader's language."""
        entry = API_PROBLEMS.get(self.code) or entry_of(self.code, self.params)
        said = filled(self.code, entry, self.params, self.source)
        return {
            "type": f"urn:sincro:problem:{self.code}",
            "title": said.title,
            "status": self.status,
            "detail": said.sentence,
            "code": self.code,
            "cause": said.cause,
            "steps": said.steps,
            **self.more,
        }

    def response(self) -> HttpResponse:
        return HttpResponse(
            orjson.dumps(self.document(), default=str),
            status=self.status,
            content_type=MEDIA_TYPE,
            headers=self.headers,
        )


def of_status(status: int) -> Problem:
    """Return the problem of an answer that something else than an endpoint gave."""
    known = OF_STATUS.get(status)
    return Problem(status, known or ("internal" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request"))
