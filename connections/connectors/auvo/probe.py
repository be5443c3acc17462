"""What Test connection finds out: whether the pair opens the account, and what each stream finds or lacks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from connections.connectors.auvo.listing import batches
from connections.connectors.auvo.resources import RESOURCES, Resource
from connections.connectors.auvo.session import Session
from connections.sdk.declare import Finding
from connections.sdk.errors import SyncError
from connections.sdk.text import gettext_noop as _

SIGN_IN, ACCOUNT = _("Sign-in"), _("Account")
OF_STREAM = ("unavailable", "permission_denied", "request_refused", "not_found", "contract_changed")
PROBE_DAYS = 30  # a period long enough for something to lie in it, short enough to be answered soon


def findings(session: Session) -> Iterator[Finding]:
    """Yield what was found, one Finding for each thing. Raises SyncError, also when the sign-in is refused."""
    started = time.monotonic()
    session.sign_in()
    told = {"milliseconds": round((time.monotonic() - started) * 1000)}
    yield Finding(SIGN_IN, "ok", _("Auvo accepted the key and gave a token in %(milliseconds)s ms."), told)
    session.prove()
    yield Finding(ACCOUNT, "ok", _("Auvo answers to this account."))
    for resource in RESOURCES:
        yield _stream(session, resource)


def _stream(session: Session, resource: Resource) -> Finding:
    """Say whether a stream can be read; one that cannot keeps nobody from reading the others."""
    filters = dict(resource.filters)
    period = resource.period
    if period is not None:
        today = session.context.now().astimezone(ZoneInfo(session.config["time_zone"])).date()
        first = today - timedelta(days=min(PROBE_DAYS, resource.window_days or 1) if period.days > 1 else 0)
        moments = period.form == "moment"
        filters[period.start] = f"{first}T00:00:00" if moments else str(first)
        filters[period.end] = f"{today}T23:59:59" if moments else str(today)
    try:
        found = next(batches(session, resource.path, filters, str, 1))
    except SyncError as error:
        if error.code not in OF_STREAM:
            raise
        if error.params.get("reason") == "right":
            return Finding(resource.label, "warning", _("Not available: this user may not read it."))
        told = {"detail": error.detail or str(error.params.get("status", "")) or error.code}
        return Finding(resource.label, "warning", _("Cannot be read: %(detail)s"), told)
    if found.records and found.total is not None:
        return Finding(resource.label, "ok", _("Can be read; there are %(count)s."), {"count": found.total})
    if found.records or found.is_whole:
        return Finding(resource.label, "ok", _("Can be read."))
    return Finding(resource.label, "ok", _("Nothing found. Auvo says the same of an empty list and of a missing one."))
