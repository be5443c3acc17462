"""The System page: what doctor says, how much there is, and under which settings Sincro runs."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.contrib.sessions.models import Session
from django.db import connection as database
from django.db import models
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe
from django_q.models import OrmQ, Task

from connections.models import AuditEvent, Connection
from connections.sdk import VERSION
from syncruns.checkup import OK, PROBLEM, WARNING, Check, examine, examine_vendors
from syncruns.checkup.words import Told, tell
from syncruns.chores import TRACES_DAYS
from syncruns.models import Change, Delivery, Document, QuarantinedRecord, SyncLog, SyncRun, SystemJob
from syncruns.sizes import TableSize, database_bytes, table_sizes

# Names as in .env.example; nothing secret is among them.
SETTINGS = (
    *("PUBLIC_URL", "HOST", "PORT", "PROXY_COUNT", "DEBUG", "DATA_DIR", "TIME_ZONE", "LOG_LEVEL", "SYNC_WORKERS"),
    *("RUN_TIMEOUT", "LEASE_SECONDS", "MAX_RETRIES", "RETRY_DELAY", "RUN_LOG_LIMIT", "RUN_CHANGES_LIMIT"),
    *("ALLOW_PRIVATE_ADDRESSES", "KEEP_RUNS_DAYS", "KEEP_LOGS_DAYS", "KEEP_CHANGES_DAYS", "KEEP_QUARANTINE_DAYS"),
    *("KEEP_DOCUMENTS_DAYS", "KEEP_AUDIT_DAYS", "DISK_WARNING_MB", "DISK_PROBLEM_MB"),
)
KEPT: tuple[tuple[str | Promise, str, str, tuple[type[models.Model], ...]], ...] = (
    (gettext_lazy("Runs"), "remove_runs", "KEEP_RUNS_DAYS", (SyncRun,)),
    (gettext_lazy("Log entries of runs"), "remove_logs", "KEEP_LOGS_DAYS", (SyncLog,)),
    (gettext_lazy("Changed rows"), "remove_changes", "KEEP_CHANGES_DAYS", (Change,)),
    (gettext_lazy("Quarantined records"), "remove_quarantine", "KEEP_QUARANTINE_DAYS", (QuarantinedRecord,)),
    (gettext_lazy("Documents"), "remove_documents", "KEEP_DOCUMENTS_DAYS", (Document,)),
    (gettext_lazy("Audit events"), "remove_audit", "KEEP_AUDIT_DAYS", (AuditEvent,)),
    (gettext_lazy("Failed and waiting tasks"), "remove_tasks", "", (Task, OrmQ)),
    (gettext_lazy("Sign-in attempts"), "remove_sign_ins", "", (AccessAttempt, AccessLog, AccessFailureLog)),
    (gettext_lazy("E-mail deliveries"), "remove_deliveries", "", (Delivery,)),
    (gettext_lazy("Sessions"), "remove_sessions", "", (Session,)),
)


@dataclass(frozen=True)
class Kept:
    """One kind of rows that grows. days: how long they are kept, 0 for ever, None until they expire by themselves."""

    label: str
    rows: int | None
    days: int | None
    done_at: datetime | None


@require_safe
@permission_required("syncruns.view_systemjob", raise_exception=True)
def system(request: HttpRequest) -> HttpResponse:
    return render(request, "console/system.html", _context())


@require_POST
@permission_required("syncruns.view_systemjob", raise_exception=True)
def system_sources(request: HttpRequest) -> HttpResponse:
    """Connect to every source, on demand: it may take seconds, and the sources see it."""
    sources = {"sources": _told(examine_vendors()), "now": timezone.now()}
    if getattr(request, "htmx", False):
        return render(request, "console/_system_sources.html", sources)
    return render(request, "console/system.html", _context() | sources)


def _context() -> dict[str, Any]:
    now = timezone.now()
    told = _told(examine(now))
    tables = table_sizes()
    waiting = SyncRun.objects.filter(state=SyncRun.State.QUEUED).order_by("queued_at")
    return {
        "now": now,
        "heading": _heading(told),
        "troubles": [one for one in told if one.check.state != OK],
        "fine": [one for one in told if one.check.state == OK],
        "queued": waiting.count(),
        "running": SyncRun.objects.filter(state=SyncRun.State.RUNNING, lease_until__gte=now).count(),
        "oldest": waiting.values_list("queued_at", flat=True).first(),
        "workers": settings.SYNC_WORKERS,
        "bytes": database_bytes(),
        "own": [table for table in tables if table.is_own],
        "destination": [table for table in tables if not table.is_own],
        "sized": any(table.bytes is not None for table in tables),
        "kept": _kept(tables),
        "documents": Document.objects.aggregate(
            count=Count("pk"), size=Coalesce(Sum("size"), 0), stored=Coalesce(Sum("stored_size"), 0)
        ),
        "settings": [(name, _setting(getattr(settings, name))) for name in SETTINGS],
        "versions": _versions(),
    }


def _told(checks: Sequence[Check]) -> list[Told]:
    """Return the checks in words, problems first."""
    order = (PROBLEM, WARNING, OK)
    names = dict(Connection.objects.values_list("slug", "name"))
    return [tell(check, names) for check in sorted(checks, key=lambda check: order.index(check.state))]


def _heading(told: Sequence[Told]) -> str:
    problems = sum(one.check.state == PROBLEM for one in told)
    warnings = sum(one.check.state == WARNING for one in told)
    words = [
        ngettext("%(count)s problem", "%(count)s problems", problems) % {"count": problems} if problems else "",
        ngettext("%(count)s warning", "%(count)s warnings", warnings) % {"count": warnings} if warnings else "",
    ]
    said = [word for word in words if word]
    return _("The system has %(found)s.") % {"found": ", ".join(said)} if said else _("The system is well.")


def _kept(tables: Sequence[TableSize]) -> list[Kept]:
    rows = {table.name: table.rows for table in tables}
    done = dict(SystemJob.objects.values_list("name", "last_at"))
    kept = []
    for label, name, setting, kinds in KEPT:
        counts = [rows.get(kind._meta.db_table) for kind in kinds]
        known = [count for count in counts if count is not None]
        days = None if kinds == (Session,) else getattr(settings, setting) if setting else TRACES_DAYS
        kept.append(Kept(str(label), sum(known) if known else None, days, done.get(name)))
    return kept


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
