"""The System page: what doctor says, how much there is, and under which settings Sincro runs."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import django
from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.db import Error
from django.db import connection as database
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from connections.models import Connection
from connections.sdk import VERSION
from syncruns.checkup import OK, PROBLEM, WARNING, Check, examine, examine_vendors
from syncruns.checkup.words import Told, tell
from syncruns.kept import kept
from syncruns.models import Document, SyncRun
from syncruns.sizes import database_bytes, table_sizes

SHOWN = 12  # of what there is to look at; the rest is folded
# Names as in .env.example; nothing secret is among them.
SETTINGS = (
    *("PUBLIC_URL", "HOST", "PORT", "PROXY_COUNT", "DEBUG", "DATA_DIR", "TIME_ZONE", "LOG_LEVEL", "SYNC_WORKERS"),
    *("RUN_TIMEOUT", "LEASE_SECONDS", "MAX_RETRIES", "RETRY_DELAY", "RUN_LOG_LIMIT", "RUN_CHANGES_LIMIT"),
    *("ALLOW_PRIVATE_ADDRESSES", "KEEP_RUNS_DAYS", "KEEP_LOGS_DAYS", "KEEP_CHANGES_DAYS", "KEEP_QUARANTINE_DAYS"),
    *("KEEP_DOCUMENTS_DAYS", "KEEP_AUDIT_DAYS", "DISK_WARNING_MB", "DISK_PROBLEM_MB"),
)


@require_safe
@permission_required("syncruns.view_systemjob", raise_exception=True)
def system(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
@permission_required("syncruns.view_systemjob", raise_exception=True)
def system_sources(request: HttpRequest) -> HttpResponse:
    """Connect to every source, on demand: it may take seconds, and the sources see it."""
    sources = {"sources": _told(examine_vendors()), "now": timezone.now()}
    if getattr(request, "htmx", False):
        return render(request, "console/_system_sources.html", sources)
    return _page(request, **sources)


def _page(request: HttpRequest, **more: Any) -> HttpResponse:
    """Return the page; without numbers and menu when the database refuses them: what is wrong with it is told still."""
    now = timezone.now()
    told = _told(examine(now))
    try:
        return render(request, "console/system.html", _context(now, told) | more)
    except Error:
        database.close()
        return render(request, "console/system_bare.html", {"heading": _heading(told), "checks": told})


def _context(now: datetime, told: Sequence[Told]) -> dict[str, Any]:
    tables, troubles = table_sizes(), [one for one in told if one.check.state != OK]
    waiting = SyncRun.objects.filter(state=SyncRun.State.QUEUED).order_by("queued_at")
    return {
        "now": now,
        "heading": _heading(told),
        "troubles": troubles[:SHOWN],
        "more": troubles[SHOWN:],
        "fine": [one for one in told if one.check.state == OK],
        "queued": waiting.count(),
        "running": SyncRun.objects.filter(state=SyncRun.State.RUNNING, lease_until__gte=now).count(),
        "oldest": waiting.values_list("queued_at", flat=True).first(),
        "workers": settings.SYNC_WORKERS,
        "bytes": database_bytes(),
        "own": [table for table in tables if table.is_own],
        "destination": [table for table in tables if not table.is_own],
        "sized": any(table.bytes is not None for table in tables),
        "kept": kept(tables),
        "documents": Document.objects.aggregate(
            count=Count("pk"), size=Coalesce(Sum("size"), 0), stored=Coalesce(Sum("stored_size"), 0)
        ),
        "settings": [(name, _setting(getattr(settings, name))) for name in SETTINGS],
        "versions": _versions(),
    }


def _told(checks: Sequence[Check]) -> list[Told]:
    """Return the checks in words, problems first."""
    order = (PROBLEM, WARNING, OK)
    try:
        names = dict(Connection.objects.values_list("slug", "name"))
    except Error:
        names = {}
    # Of equally bad ones the system's own first: those of many connections would hide them.
    ranked = sorted(checks, key=lambda check: (order.index(check.state), "connection" in check.params))
    return [tell(check, names) for check in ranked]


def _heading(told: Sequence[Told]) -> str:
    problems = sum(one.check.state == PROBLEM for one in told)
    warnings = sum(one.check.state == WARNING for one in told)
    words = [
        ngettext("%(count)s problem", "%(count)s problems", problems) % {"count": problems} if problems else "",
        ngettext("%(count)s warning", "%(count)s warnings", warnings) % {"count": warnings} if warnings else "",
    ]
    said = [word for word in words if word]
    return _("The system has %(found)s.") % {"found": _(" and ").join(said)} if said else _("The system is well.")


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value) if value != "" else "—"


def _versions() -> list[tuple[str, str]]:
    found = database.get_database_version()
    return [
        ("Sincro", VERSION),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        (database.display_name, ".".join(map(str, found))),
    ]
