"""Every slot that was due in the last days, and what became of it: the answer to "why did it not run?".

Runs and skipped slots are rows of their own; while a connection was off or stopped no slot was due, so these stretches
come from the audit trail, with the number of slots that the present schedule has in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from connections.audit import SYSTEM
from connections.catalogue import explain
from connections.models import AuditEvent, Connection
from connections.schedule import slots_between
from connections.sdk.errors import SyncError
from syncruns import timewords
from syncruns.events import REASONS
from syncruns.health import grace_of, label_of
from syncruns.models import SyncRun
from syncruns.outcomes import FAILURES, Look, look_of_run

DAYS = 7
MOST = 2000  # rows read: with a slot a minute, less than DAYS

ON_TIME, LATE, FAILED, WAITING, SKIPPED, MISSED, PAUSED, QUOTA, STOPPED, OFF = (
    "on_time", "late", "failed", "waiting", "skipped", "missed", "paused", "quota", "stopped", "off",
)  # fmt: skip
LOOKS: dict[str, Look] = {
    ON_TIME: Look(pgettext_lazy("slot", "On time"), "circle-check", "ok"),
    LATE: Look(pgettext_lazy("slot", "Late"), "clock-exclamation", "late"),
    FAILED: Look(pgettext_lazy("slot", "Failed"), "circle-x", "action"),
    WAITING: Look(pgettext_lazy("slot", "Not started yet"), "clock", "late"),
    SKIPPED: Look(pgettext_lazy("slot", "Skipped"), "player-pause", "off"),
    MISSED: Look(pgettext_lazy("slot", "Missed"), "alert-triangle", "action"),
    PAUSED: Look(pgettext_lazy("slot", "Paused"), "player-pause", "off"),
    QUOTA: Look(pgettext_lazy("slot", "Waiting for quota"), "hourglass", "quota"),
    STOPPED: Look(pgettext_lazy("slot", "Action needed"), "alert-circle", "action"),
    OFF: Look(pgettext_lazy("slot", "Off"), "player-pause", "off"),
}
OF_REASON = {"no_worker": MISSED, "replanned": MISSED, "paused": PAUSED, "quota": QUOTA}
SLOT_TRIGGERS = (SyncRun.Trigger.SCHEDULE, SyncRun.Trigger.CATCH_UP)


@dataclass(frozen=True)
class Due:
    """One slot, or count slots from `at` on with the same fate. outcome: a key of LOOKS; until: of a stretch."""

    at: datetime
    outcome: str
    words: str
    count: int = 1
    run: SyncRun | None = None
    until: datetime | None = None

    @property
    def look(self) -> Look:
        return LOOKS[self.outcome]


@dataclass(frozen=True)
class Ledger:
    """entries: newest first, since `since`."""

    entries: tuple[Due, ...]
    since: datetime

    @property
    def total(self) -> int:
        return sum(entry.count for entry in self.entries)

    @property
    def counts(self) -> list[tuple[Look, int]]:
        """How many slots ended how, those that ended at all."""
        counted: Counter[str] = Counter()
        for entry in self.entries:
            counted[entry.outcome] += entry.count
        return [(look, counted[outcome]) for outcome, look in LOOKS.items() if counted[outcome]]

    @property
    def trouble(self) -> list[Due]:
        """What did not run, failed, or was late."""
        return [entry for entry in self.entries if entry.outcome != ON_TIME]


def ledger(connection: Connection, now: datetime) -> Ledger:
    """Account for the slots of the last DAYS, in five queries."""
    since = max(now - timedelta(days=DAYS), connection.created_at)
    of_slots = SyncRun.objects.filter(connection=connection, slot__gte=since).defer("error_detail", "options")
    runs = list(of_slots.filter(trigger__in=SLOT_TRIGGERS).order_by("-slot", "-queued_at")[:MOST])
    if len(runs) == MOST and runs[-1].slot is not None:
        since = runs[-1].slot
    again = {run.slot: run for run in of_slots.filter(trigger=SyncRun.Trigger.RETRY).order_by("queued_at")[:MOST]}
    grace = grace_of(connection)
    entries = [_of_run(connection, run, again.get(run.slot), grace, now) for run in runs]
    entries += _unscheduled(connection, since, now)
    planned = connection.next_sync_at
    if planned is not None and now - planned > grace and not any(entry.at == planned for entry in entries):
        entries.append(Due(planned, WAITING, _("It is due, and the scheduler has not queued it yet.")))
    return Ledger(tuple(sorted(entries, key=lambda entry: entry.until or entry.at, reverse=True)), since)


def _of_run(connection: Connection, run: SyncRun, again: SyncRun | None, grace: timedelta, now: datetime) -> Due:
    run.connection = connection  # so that words about it ask no query
    slot = run.slot or run.queued_at
    if run.state == SyncRun.State.SKIPPED:
        count = run.skipped_slots or 1
        reason = str(REASONS.get(run.skip_reason, run.skip_reason))
        return Due(slot, OF_REASON.get(run.skip_reason, SKIPPED), _sentence([reason]), count, run)
    began = run.started_at
    if began is None:
        if run.is_active:
            return Due(slot, WAITING, _("It waits for a free worker."), 1, run)
        return Due(slot, SKIPPED, str(look_of_run(run).word), 1, run)
    late = began - slot
    parts = [
        _("started %(time)s, %(span)s late") % {"time": timewords.clock(began, now), "span": timewords.fine(late)}
        if late > grace
        else _("started %(time)s") % {"time": timewords.clock(began, now)}
    ]
    parts.append(_ended(run))
    if again is not None:
        parts.append(
            _("tried again %(time)s: %(outcome)s")
            % {"time": timewords.clock(again.queued_at, now), "outcome": str(look_of_run(again).word).lower()}
        )
    if run.trigger == SyncRun.Trigger.CATCH_UP:
        parts.append(_("this run made up for what was missed"))
    has_failed = run.state in FAILURES and (again is None or again.state in FAILURES)
    return Due(slot, FAILED if has_failed else LATE if late > grace else ON_TIME, _sentence(parts), 1, run)


def _sentence(parts: Sequence[str]) -> str:
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}."


def _ended(run: SyncRun) -> str:
    outcome = str(look_of_run(run).word).lower()
    if run.is_active or run.duration is None:
        return outcome
    return _("%(outcome)s after %(span)s") % {"outcome": outcome, "span": timewords.duration(run.duration)}


@dataclass(frozen=True)
class _Stretch:
    """A time in which nothing was due. why: OFF or STOPPED; who or what: of the event that began it."""

    begins: datetime
    ends: datetime
    why: str
    event: AuditEvent | None


def _unscheduled(connection: Connection, since: datetime, now: datetime) -> Iterator[Due]:
    """Yield the stretches in which the connection was off or stopped, with the slots they would have had."""
    for stretch in _stretches(connection, since, now):
        try:
            count = slots_between(connection.schedule, stretch.begins, stretch.ends, seed=connection.slot_seed)
        except SyncError:
            return
        if count:
            words = _stretch_words(connection, stretch)
            yield Due(stretch.begins, stretch.why, words, count, until=stretch.ends)


def _stretches(connection: Connection, since: datetime, now: datetime) -> Iterator[_Stretch]:
    switched: AuditEvent | None = None
    stopped: AuditEvent | None = None
    is_off = True  # as every connection begins
    begins = since
    for event in [*_events(connection), None]:
        at = event.at if event is not None else now
        if at > since:
            if is_off or stopped is not None:
                why = OFF if is_off else STOPPED
                yield _Stretch(max(begins, since), at, why, switched if is_off else stopped)
            begins = at
        if event is None:
            return
        match event.action:
            case "auto_sync.on":
                is_off, switched = False, None
            case "auto_sync.off":
                is_off, switched = True, event
            case "connection.stopped":
                stopped = event
            case "connection.recovered":
                stopped = None


def _events(connection: Connection) -> list[AuditEvent]:
    """Return what switched the connection, oldest first; what the trail no longer tells, the row itself does."""
    actions = ("auto_sync.on", "auto_sync.off", "connection.stopped", "connection.recovered")
    events = AuditEvent.objects.filter(target_kind="connection", target_id=str(connection.pk), action__in=actions)
    found = list(events.order_by("-at", "-pk")[:MOST])[::-1]
    first = next((event.action for event in found if event.action in actions[:2]), "")
    switched_at = connection.auto_sync_changed_at or connection.created_at
    if not first and not connection.auto_sync and connection.auto_sync_changed_at:
        first = "auto_sync.off"
        by = connection.auto_sync_changed_by
        found.append(AuditEvent(at=switched_at, action=first, actor=by.get_username() if by else SYSTEM))
    if first == "auto_sync.off":
        found.append(AuditEvent(at=connection.created_at, action="auto_sync.on"))
    elif not first and connection.auto_sync:
        found.append(AuditEvent(at=switched_at, action="auto_sync.on"))
    return sorted(found, key=lambda event: event.at)


def _stretch_words(connection: Connection, stretch: _Stretch) -> str:
    if stretch.event is None:
        return _("Automatic syncing had not been switched on.")
    if stretch.why == OFF:
        return _("%(who)s had switched automatic syncing off.") % {"who": stretch.event.actor}
    params = stretch.event.params
    title = explain(str(params.get("code", "")), params, label_of(connection.kind)).title
    return _("Stopped until somebody acts: %(problem)s.") % {"problem": title}
