"""Who sees personal columns: whoever may, after asking for it, which the audit trail tells, and not for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from connections import audit
from connections.people.roles import may_see_personal
from connections.sdk.declare import Table
from syncruns.browser.tables import Browsed

SHOWN_FOR = timedelta(minutes=15)
SESSION_KEY = "personal_columns_until"  # of tables: name -> moment


def has_personal(table: Table) -> bool:
    return any(column.personal for column in table.columns)


def shown_until(request: HttpRequest, browsed: Browsed) -> datetime | None:
    """Return until when the reader sees the table's personal columns; None when they are masked."""
    if not may_see_personal(request.user):
        return None
    until = parse_datetime(request.session.get(SESSION_KEY, {}).get(browsed.shown, ""))
    return until if until is not None and until > timezone.now() else None


def hidden_columns(request: HttpRequest, browsed: Browsed, table: Table) -> set[str]:
    """Return the names of the columns that the reader sees masked."""
    if shown_until(request, browsed) is not None:
        return set()
    return {column.name for column in table.columns if column.personal}


def show(request: HttpRequest, browsed: Browsed) -> None:
    """Show the table's personal columns to the reader for a while, and note that."""
    request.session[SESSION_KEY] = {
        **request.session.get(SESSION_KEY, {}),
        browsed.shown: (timezone.now() + SHOWN_FOR).isoformat(),
    }
    audit.record("data.revealed", user=request.user, table=browsed.shown, minutes=SHOWN_FOR.seconds // 60)


def hide(request: HttpRequest, browsed: Browsed) -> None:
    kept = request.session.get(SESSION_KEY, {})
    request.session[SESSION_KEY] = {name: until for name, until in kept.items() if name != browsed.shown}
