"""The error card: what happened, since when, likely cause, how to fix it, and the one button that helps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.catalogue import explain
from connections.explanation import Explanation
from connections.forms.connection import CREDENTIALS, SCHEDULE
from connections.models import Connection
from connections.sdk.errors import UNAVAILABLE
from syncruns.health import ACTION, DELETE_BRAKE, LOOKS, PARTIAL, label_of
from syncruns.listing import Row, last_failures
from syncruns.models import Backfill, DeleteBrake, StreamRun, SyncRun
from syncruns.outcomes import FAILURES, RUN_LOOKS, Look, State
from syncruns.timewords import number
from syncruns.unoffered import enabled_streams

ICONS = {
    "edit_credentials": "key",
    "edit_settings": "settings",
    "edit_schedule": "clock",
    "choose_streams": "player-play",
    "retry": "refresh",
    "quarantine": "clipboard-check",
    "decide": "clipboard-check",
    "open_log": "info-circle",
    "reset": "history",
    "stream_off": "player-pause",
    "wait": "clock",
}
KIND_OFF = "kind_off"
ALL, UNFINISHED = "all", "unfinished"
CHANGES_SETTINGS = ("edit_credentials", "edit_settings", "edit_schedule")
FOR_ADMINISTRATORS = (*CHANGES_SETTINGS, "reset")


@dataclass(frozen=True)
class Fault:
    """link: where the button leads; post: where it posts to instead. Neither: nothing can be done in the console."""

    connection: Connection
    label: str
    explanation: Explanation
    since: datetime | None
    attempts: int
    needs_person: bool
    detail: str = ""
    request_id: str = ""  # by which the vendor finds what failed
    run: SyncRun | None = None
    stream: str = ""
    stream_key: str = ""
    is_settled: bool = False  # the stream it is about was switched off since
    records: int = 0  # that wait for review
    again: str = ""  # what retrying does where it repeats a run: ALL of it or what is UNFINISHED
    is_window: bool = False  # what failed was a window of a backfill, which alone reads it again
    backfill: Backfill | None = None  # it, where it waits to be resumed

    @property
    def id(self) -> str:
        return "-".join(filter(None, ("fault", self.connection.slug, self.stream_key)))

    @property
    def look(self) -> Look:
        """The state that the card is about: as the run's own page and the lists show it."""
        if self.needs_person:
            return LOOKS[ACTION]
        if self.explanation.code in ("records_quarantined", DELETE_BRAKE, UNAVAILABLE):
            return LOOKS[PARTIAL]  # nothing failed but these: the rest was done
        state = self.run.state if self.run is not None else State.FAILED
        return RUN_LOOKS[state if state in (State.PARTIAL, *FAILURES) else State.FAILED]

    @property
    def link(self) -> str:
        action = self.explanation.action
        if self.is_window:
            return reverse("connection_backfills", args=[self.connection.slug])
        if action in CHANGES_SETTINGS:
            # The cursor goes to what is to be changed.
            named = str(self.connection.status_params.get("field", ""))
            field = {"edit_credentials": CREDENTIALS, "edit_schedule": SCHEDULE}.get(action, named)
            address = reverse("connection_edit", args=[self.connection.slug])
            return f"{address}?{urlencode({'field': field})}" if field else address
        if action == "reset":
            streams = [self.stream_key] if self.stream_key else []
            return reverse("connection_reset" if streams else "connection", args=[self.connection.slug, *streams])
        if action in ("stream_off", "choose_streams"):
            return reverse("connection", args=[self.connection.slug])
        if action == "decide":
            return reverse("connection_deletions", args=[self.connection.slug])
        if action == "quarantine":
            of = {"run": str(self.run.pk)} if self.run is not None else {"connection": self.connection.slug}
            return f"{reverse('review')}?{urlencode(of)}" if self.records else ""
        if self.only_waits:
            return reverse("connection_schedule", args=[self.connection.slug])
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
        if self.is_window:
            return _("Resume the backfill") if self.backfill else _("See the backfill")
        if self.repeats == UNFINISHED:
            return _("Retry only what is missing")
        return _("See when it syncs next") if self.only_waits else self.explanation.action_label

    @property
    def repeats(self) -> str:
        """Return ALL or UNFINISHED when the button does that part of the run again; "" when it does something else."""
        return self.again if self.explanation.action == "retry" else ""

    @property
    def only_waits(self) -> bool:
        """Say whether it goes on by itself, so that all there is to do is to look when."""
        return self.explanation.action == "wait" and self.explanation.code != KIND_OFF

    @property
    def needs_role(self) -> bool:
        """Say whether there is something to do, if only for another person."""
        action = self.explanation.action
        return action in FOR_ADMINISTRATORS or bool(self.post)

    @property
    def post(self) -> str:
        if self.explanation.action == "stream_off" and self.stream_key:
            return reverse("connection_stream", args=[self.connection.slug, self.stream_key])
        if self.backfill is not None:
            return reverse("backfill_resume", args=[self.connection.slug, self.backfill.pk])
        if self.is_window or self.explanation.action != "retry":
            return ""
        if self.repeats and self.run is not None:
            return reverse("run_retry", args=[self.run.pk])
        return reverse("connection_sync", args=[self.connection.slug])

    @property
    def permission(self) -> str:
        return "change" if self.explanation.action in FOR_ADMINISTRATORS else "operate" if self.post else "view"

    @property
    def icon(self) -> str:
        return "history" if self.is_window else ICONS.get(self.explanation.action, "info-circle")


def fault_of_row(row: Row) -> Fault:
    """Return the card of a connection that waits for a person."""
    connection = row.connection
    if row.brake is not None and connection.status != Connection.Status.ERROR:
        return _held_deletions(row.brake, connection, row.label)
    run = row.last_run if row.last_run and row.last_run.error_code == connection.status_code else None
    return Fault(
        connection=connection,
        label=row.label,
        explanation=explain(connection.status_code, connection.status_params, connection.name),
        since=connection.status_since,
        attempts=last_failures(row),
        needs_person=True,
        detail=run.error_detail if run else "",
        request_id=connection.status_params.get("request_id", ""),
        run=run,
        records=row.waiting,
    )


def faults_of_decisions(row: Row) -> list[Fault]:
    """Return a card for each stream that the source does not offer and that is still switched on."""
    return [
        Fault(
            connection=row.connection,
            label=row.label,
            explanation=explain(stream.error_code, stream.error_params, row.connection.name),
            since=None,
            attempts=0,
            needs_person=False,
            detail=stream.error_detail,
            request_id=stream.error_params.get("request_id", ""),
            run=row.last_run,
            stream=_(stream.label),
            stream_key=stream.stream,
        )
        for stream in row.decisions.pending
    ]


def fault_of_run(run: SyncRun, streams: list[StreamRun], waiting: int, again: str) -> Fault | None:
    """Return the card of what ended a run, or of its first failed stream; None when nothing failed.

    waiting: how many of its records wait for review. again: what of it may be done again, see Fault.
    """
    connection, label = run.connection, label_of(run.connection.kind)
    failed: SyncRun | StreamRun | None = run if run.error_code and run.state != SyncRun.State.CANCELLED else None
    bad = [stream for stream in streams if stream.error_code not in ("", "cancelled")]
    first = next((stream for stream in bad if stream.error_code == run.error_code), bad[0] if bad else None)
    failed = failed or first
    if failed is None:
        return _waiting_records(run, label, waiting)
    stops = connection.status == Connection.Status.ERROR and connection.status_code == failed.error_code
    if failed.error_code == DELETE_BRAKE:
        stops = DeleteBrake.objects.filter(connection=connection).exists()
    fault = Fault(
        connection=connection,
        label=label,
        explanation=explain(failed.error_code, failed.error_params, connection.name),
        since=run.finished_at,
        attempts=0,
        needs_person=stops,
        detail=failed.error_detail or (first.error_detail if first else ""),
        request_id=failed.error_params.get("request_id") or (first.error_params.get("request_id", "") if first else ""),
        run=run,
        stream=_(first.label) if first else "",
        stream_key=first.stream if first else "",
        is_settled=failed.error_code == UNAVAILABLE
        and first is not None
        and first.stream not in enabled_streams(connection),
        records=waiting,
        again=again,
    )
    is_window = run.trigger == SyncRun.Trigger.BACKFILL and fault.explanation.action == "retry"
    return _of_a_window(fault, run) if is_window else fault


def _of_a_window(fault: Fault, run: SyncRun) -> Fault:
    """Return the card with what the backfill does about it: no everyday sync reads that part of the past again."""
    backfill = Backfill.objects.filter(connection=run.connection, pk=run.options.get("backfill")).first()
    sentence = _("A part of the backfill could not be read. What was loaded stays, and it goes on from there.")
    if backfill is None or backfill.state not in (Backfill.State.STOPPED, Backfill.State.FAILED):
        steps, waits = [_("Nothing, as long as the backfill goes on: it tries this part again by itself.")], None
    else:
        steps, waits = [_("Resume the backfill; it begins with the part that failed.")], backfill
    explanation = replace(fault.explanation, sentence=sentence, steps=steps)
    return replace(fault, explanation=explanation, is_window=True, backfill=waits)


def _held_deletions(brake: DeleteBrake, connection: Connection, label: str) -> Fault:
    return Fault(
        connection=connection,
        label=label,
        explanation=explain(DELETE_BRAKE, brake.params, connection.name),
        since=brake.pulled_at,
        attempts=0,
        needs_person=True,
        run=brake.run,
    )


def _waiting_records(run: SyncRun, label: str, waiting: int) -> Fault | None:
    if not waiting or run.state != SyncRun.State.PARTIAL:
        return None
    counts = {"bad": run.quarantined, "read": run.read}
    return Fault(
        connection=run.connection,
        label=label,
        explanation=explain("records_quarantined", counts, run.connection.name),
        since=None,
        attempts=0,
        needs_person=False,
        run=run,
        records=waiting,
    )
