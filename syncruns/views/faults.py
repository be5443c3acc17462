"""The error card: what happened, since when, likely cause, how to fix it, and the one button that helps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.catalogue import Explanation, explain
from connections.models import Connection
from syncruns.health import label_of
from syncruns.listing import Row, last_failures
from syncruns.models import StreamRun, SyncRun
from syncruns.timewords import number

ICONS = {
    "edit_credentials": "key",
    "edit_settings": "settings",
    "edit_schedule": "clock",
    "retry": "refresh",
    "quarantine": "clipboard-check",
    "open_log": "info-circle",
}
CHANGES_SETTINGS = ("edit_credentials", "edit_settings", "edit_schedule")


@dataclass(frozen=True)
class Fault:
    """link: where the button leads; post: where it posts to instead. Neither: nothing helps but waiting."""

    connection: Connection
    label: str
    explanation: Explanation
    since: datetime | None
    attempts: int
    needs_person: bool
    detail: str = ""
    run: SyncRun | None = None
    stream: str = ""
    records: int = 0  # that wait for review

    @property
    def is_partial(self) -> bool:
        """Say whether nothing failed but records: the rest was loaded."""
        return self.explanation.code == "records_quarantined"

    @property
    def link(self) -> str:
        action = self.explanation.action
        if action in CHANGES_SETTINGS:
            return reverse("connection_edit", args=[self.connection.slug])
        if action == "quarantine":
            of = {"run": str(self.run.pk)} if self.run is not None else {"connection": self.connection.slug}
            return f"{reverse('review')}?{urlencode(of)}" if self.records else ""
        if self.run is not None and action == "open_log":
            return f"{reverse('run', args=[self.run.pk])}#log"
        return ""

    @property
    def action_label(self) -> str:
        """Return what the button says, with how many where that is known."""
        if self.explanation.action == "quarantine" and self.records:
            return ngettext("Review %(count)s record", "Review %(count)s records", self.records) % {
                "count": number(self.records)
            }
        return self.explanation.action_label

    @property
    def needs_role(self) -> bool:
        """Say whether there is something to do, if only for another person."""
        action = self.explanation.action
        return action in CHANGES_SETTINGS or bool(self.post)

    @property
    def post(self) -> str:
        if self.explanation.action != "retry":
            return ""
        return reverse("connection_sync", args=[self.connection.slug])

    @property
    def permission(self) -> str:
        return "change" if self.explanation.action in CHANGES_SETTINGS else "operate" if self.post else "view"

    @property
    def icon(self) -> str:
        return ICONS.get(self.explanation.action, "info-circle")


def fault_of_row(row: Row) -> Fault:
    """Return the card of a connection that waits for a person."""
    connection = row.connection
    run = row.last_run if row.last_run and row.last_run.error_code == connection.status_code else None
    return Fault(
        connection=connection,
        label=row.label,
        explanation=explain(connection.status_code, connection.status_params, row.label),
        since=connection.status_since,
        attempts=last_failures(row),
        needs_person=True,
        detail=run.error_detail if run else "",
        run=run,
        records=row.waiting,
    )


def fault_of_run(run: SyncRun, streams: list[StreamRun], waiting: int) -> Fault | None:
    """Return the card of what ended a run, or of its first failed stream; None when nothing failed.

    waiting: how many of its records wait for review.
    """
    connection, label = run.connection, label_of(run.connection.kind)
    failed: SyncRun | StreamRun | None = run if run.error_code and run.state != SyncRun.State.CANCELLED else None
    first = next((stream for stream in streams if stream.error_code not in ("", "cancelled")), None)
    failed = failed or first
    if failed is None:
        return _waiting_records(run, label, waiting)
    stops = connection.status == Connection.Status.ERROR and connection.status_code == failed.error_code
    return Fault(
        connection=connection,
        label=label,
        explanation=explain(failed.error_code, failed.error_params, label),
        since=run.finished_at,
        attempts=0,
        needs_person=stops,
        detail=failed.error_detail or (first.error_detail if first else ""),
        run=run,
        stream=_(first.label) if first else "",
        records=waiting,
    )


def _waiting_records(run: SyncRun, label: str, waiting: int) -> Fault | None:
    if not waiting or run.state != SyncRun.State.PARTIAL:
        return None
    counts = {"bad": run.quarantined, "read": run.read}
    return Fault(
        connection=run.connection,
        label=label,
        explanation=explain("records_quarantined", counts, label),
        since=None,
        attempts=0,
        needs_person=False,
        run=run,
        records=waiting,
    )
