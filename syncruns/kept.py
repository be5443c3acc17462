"""What is removed when its time is over: how long each kind of rows is kept, how many there are, and their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_q.models import OrmQ, Task

from connections.models import AuditEvent
from syncruns.ageing import aging_tables
from syncruns.chores import RESET_DAYS, TRACES_DAYS
from syncruns.models import (
    Change,
    Delivery,
    Document,
    QuarantinedRecord,
    Reset,
    StreamRun,
    SyncLog,
    SyncRun,
    SystemJob,
    WebhookDelivery,
)
from syncruns.sizes import TableSize

# What it is called, the chore that removes it, its setting or number of days, and its tables.
KINDS: tuple[tuple[str | Promise, str, str | int | None, tuple[type[models.Model], ...]], ...] = (
    (_("Runs"), "remove_runs", "KEEP_RUNS_DAYS", (SyncRun, StreamRun)),
    (_("Log entries of runs"), "remove_logs", "KEEP_LOGS_DAYS", (SyncLog,)),
    (_("Changed rows"), "remove_changes", "KEEP_CHANGES_DAYS", (Change,)),
    (_("Quarantined records"), "remove_quarantine", "KEEP_QUARANTINE_DAYS", (QuarantinedRecord,)),
    (_("Documents"), "remove_documents", "KEEP_DOCUMENTS_DAYS", (Document,)),
    (_("Audit events"), "remove_audit", "KEEP_AUDIT_DAYS", (AuditEvent,)),
    (_("Failed and waiting tasks"), "remove_tasks", TRACES_DAYS, (Task, OrmQ)),
    (_("Sign-in attempts"), "remove_sign_ins", TRACES_DAYS, (AccessAttempt, AccessLog, AccessFailureLog)),
    (_("Messages by e-mail and webhook"), "remove_deliveries", TRACES_DAYS, (Delivery, WebhookDelivery)),
    (_("Resets that were interrupted"), "remove_resets", RESET_DAYS, (Reset,)),
    (_("Sessions"), "remove_sessions", None, (Session,)),
)


@dataclass(frozen=True)
class Kept:
    """One kind of rows that grows. days: how long they are kept, 0 for ever, None until they expire by themselves.

    most_days: where connections keep them for different times. rows and bytes: None when nobody can tell cheaply.
    """

    label: str
    rows: int | None
    bytes: int | None
    days: int | None
    most_days: int | None
    done_at: datetime | None
    is_synced: bool = False  # a table of synced data, named as in SQL


def kept(tables: Sequence[TableSize]) -> list[Kept]:
    """Return every kind of rows that the chores remove; tables: as the database has them."""
    sizes = {table.name: table for table in tables}
    done = dict(SystemJob.objects.values_list("name", "last_at"))
    found = []
    for label, chore, given, models_of_kind in KINDS:
        own = {model: sizes[name] for model in models_of_kind if (name := model._meta.db_table) in sizes}
        rows = _sum([size.rows for model, size in own.items() if model is not StreamRun])  # parts of runs
        days = getattr(settings, given) if isinstance(given, str) else given
        found.append(Kept(str(label), rows, _sum([size.bytes for size in own.values()]), days, days, done.get(chore)))
    for name, days_of in sorted(aging_tables().items()):
        if name in sizes:
            size, last = sizes[name], done.get("remove_rows")
            found.append(Kept(name, size.rows, size.bytes, min(days_of), max(days_of), last, is_synced=True))
    return found


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
