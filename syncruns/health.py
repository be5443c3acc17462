"""Is a connection working, and must somebody act? Derived from its row and its runs, never stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from connections import switches
from connections.catalogue import explain
from connections.connectors import REGISTRY
from connections.models import Connection
from connections.sdk.errors import UNAVAILABLE
from syncruns import timewords
from syncruns.models import DeleteBrake, SyncRun
from syncruns.outcomes import FAILURES, Look
from syncruns.unoffered import NONE, Decisions

OK, RUNNING, LATE, PARTIAL, RETRYING = "ok", "running", "late", "partial", "retrying"
ACTION, QUOTA, OFF, NEVER = "action", "quota", "off", "never"

# Worst first: the order of lists.
LOOKS: dict[str, Look] = {
    ACTION: Look(gettext_lazy("Action needed"), "alert-circle", "action"),
    LATE: Look(pgettext_lazy("health", "Late"), "clock-exclamation", "late"),
    RETRYING: Look(pgettext_lazy("health", "Retrying"), "refresh", "late"),
    QUOTA: Look(gettext_lazy("Waiting for quota"), "hourglass", "quota"),
    PARTIAL: Look(pgettext_lazy("health", "Partial"), "circle-half-2", "partial"),
    RUNNING: Look(pgettext_lazy("health", "Running"), "loader-2", "running"),
    OK: Look(pgettext_lazy("health", "OK"), "circle-check", "ok"),
    NEVER: Look(gettext_lazy("Never ran"), "circle-dashed", "never"),
    OFF: Look(pgettext_lazy("health", "Off"), "player-pause", "off"),
}
ATTENTION = {state: rank for rank, state in enumerate(LOOKS)}

DELETE_BRAKE = "delete_brake"

SHORTEST_GRACE = timedelta(minutes=2)
LONGEST_GRACE = timedelta(minutes=10)


@dataclass(frozen=True)
class Health:
    """state: a key of LOOKS. sentence: what it means here, in the reader's language."""

    state: str
    sentence: str = ""

    @property
    def look(self) -> Look:
        return LOOKS[self.state]


@dataclass(frozen=True)
class NextSync:
    """What stands under "next sync": the time `at` with a countdown, or words where there is none; then why."""

    at: datetime | None = None
    words: str = ""
    detail: str = ""
    grace: timedelta = timedelta()


def label_of(kind: str) -> str:
    """Return the connector's name, or the bare kind when the connector is no longer installed."""
    return next((_(connector.label) for connector in REGISTRY if connector.kind == kind), kind)


def grace_of(connection: Connection) -> timedelta:
    """How long after its slot a connection is "due now" and not yet late."""
    if connection.schedule_kind != Connection.ScheduleKind.INTERVAL:
        return SHORTEST_GRACE
    tenth = timedelta(minutes=connection.interval_minutes) / 10
    return max(SHORTEST_GRACE, min(tenth, LONGEST_GRACE))


def lease_ended(run: SyncRun, now: datetime) -> bool:
    """Say whether nobody runs this running run any more."""
    return run.has_lost_lease(now)


def health_of(
    connection: Connection,
    last_run: SyncRun | None,
    active_run: SyncRun | None,
    now: datetime,
    decisions: Decisions = NONE,
    brake: DeleteBrake | None = None,
    waiting: int | None = None,
) -> Health:
    """Return the health.

    last_run: the newest run of outcomes.DECISIVE, and what it left to decide; active_run: queued or running.
    brake: deletions that wait for a person; syncing goes on meanwhile. waiting: how many records of the connection
    wait for review, if that is known.
    """
    if active_run is not None and active_run.state == SyncRun.State.RUNNING and not lease_ended(active_run, now):
        began = active_run.started_at or active_run.queued_at
        return Health(RUNNING, _("Started at %(time)s.") % {"time": timewords.clock(began, now)})
    if connection.status == Connection.Status.ERROR:
        return Health(ACTION, _blocked_sentence(connection, now))
    if active_run is not None:
        return _abandoned(connection, active_run) if lease_ended(active_run, now) else _waiting(active_run, now)
    if connection.status == Connection.Status.INACTIVE:
        return Health(OFF, _("This connection is deactivated."))
    if switches.is_off(connection.kind):
        return Health(OFF, _("Switched off for this installation by %(variable)s=0.") % _variable(connection))
    if brake is not None:
        return Health(ACTION, _since(DELETE_BRAKE, brake.params, connection, brake.pulled_at, now))
    if connection.paused_until and connection.paused_until > now:
        return Health(OFF, _("Paused until %(time)s.") % {"time": timewords.clock(connection.paused_until, now)})
    if connection.blocked_until and connection.blocked_until > now:
        return Health(QUOTA, _("The source limited the requests."))
    if not connection.auto_sync:
        return _switched_off(connection, last_run, now)
    return _planned(connection, last_run, now, decisions, waiting)


def next_sync_of(connection: Connection, now: datetime) -> NextSync:
    """Say when the connection syncs next, or why it does not."""
    if connection.status == Connection.Status.ERROR:
        return NextSync(words=_("Stopped"), detail=_("until somebody acts"))
    if connection.status == Connection.Status.INACTIVE:
        return NextSync(words=_("Deactivated"))
    if switches.is_off(connection.kind):
        return NextSync(words=_("Off"), detail=_("%(variable)s=0 for this installation") % _variable(connection))
    if not connection.auto_sync:
        return NextSync(words=_("Off"), detail=off_since(connection, now))
    if connection.paused_until and connection.paused_until > now:
        return NextSync(at=connection.paused_until, detail=_("when the pause ends"))
    if connection.blocked_until and connection.blocked_until > now:
        planned = connection.next_sync_at
        if planned is None or planned <= connection.blocked_until:
            return NextSync(at=connection.blocked_until, detail=_("when the quota returns"))
    if connection.next_sync_at is None:
        return NextSync(words=_("Nothing planned"), detail=_("the schedule has no next slot"))
    return NextSync(at=connection.next_sync_at, grace=grace_of(connection))


def _variable(connection: Connection) -> dict[str, str]:
    return {"variable": switches.variable_of(connection.kind)}


def off_since(connection: Connection, now: datetime) -> str:
    """Return "since 20/11 by Ana", as much of it as is known."""
    if connection.auto_sync_changed_at is None:
        return _("never switched on")
    day = timewords.since(connection.auto_sync_changed_at, now)
    who = connection.auto_sync_changed_by
    if who is None:
        return _("since %(day)s") % {"day": day}
    return _("since %(day)s by %(who)s") % {"day": day, "who": who.get_short_name() or who.get_username()}


def _blocked_sentence(connection: Connection, now: datetime) -> str:
    return _since(connection.status_code, connection.status_params, connection, connection.status_since, now)


def _since(code: str, params: dict[str, Any], connection: Connection, at: datetime | None, now: datetime) -> str:
    title = explain(code, params, label_of(connection.kind)).title
    if at is None:
        return f"{title}."
    return _("%(title)s since %(time)s.") % {"title": title, "time": timewords.since(at, now)}


def _abandoned(connection: Connection, run: SyncRun) -> Health:
    """Say what comes after a run whose worker vanished, before the reaper has seen it."""
    if run.comes_again:
        return Health(RETRYING, _("The worker stopped answering; the run starts again in a moment."))
    if connection.auto_sync:
        return Health(RETRYING, _("The worker stopped answering; the next sync goes on from there."))
    return Health(OFF, _("The worker stopped answering; sync again to go on from there."))


def _waiting(run: SyncRun, now: datetime) -> Health:
    if now - run.queued_at > SHORTEST_GRACE:
        return Health(
            LATE, _("Waiting for a free worker since %(time)s.") % {"time": timewords.clock(run.queued_at, now)}
        )
    return Health(RUNNING, _("Queued; it starts in a moment."))


def _created(connection: Connection, now: datetime) -> str:
    """Say since when there is a connection that never ran."""
    day, date = timewords.day(connection.created_at, now), timewords.date(connection.created_at, now)
    return (_("Created on %(day)s.") if day == date else _("Created %(day)s.")) % {"day": day}


def _switched_off(connection: Connection, last_run: SyncRun | None, now: datetime) -> Health:
    if last_run is None:
        return Health(NEVER, _created(connection, now))
    if last_run.state in FAILURES:
        return Health(OFF, _("The last run failed: %(title)s.") % {"title": failure_title(connection, last_run)})
    if connection.auto_sync_changed_at is None:
        return Health(OFF, _("Automatic syncing was never switched on."))
    return Health(OFF, _("Nothing is read until somebody switches it on."))


def _planned(
    connection: Connection, last_run: SyncRun | None, now: datetime, decisions: Decisions, waiting: int | None
) -> Health:
    slot = connection.next_sync_at
    if slot is not None and now - slot > grace_of(connection):
        return Health(LATE, _("It should have started at %(time)s.") % {"time": timewords.clock(slot, now)})
    if last_run is None:
        return Health(NEVER, _created(connection, now))
    if decisions.alone:
        return Health(PARTIAL, decision_sentence(decisions)) if decisions else _fine(last_run, now, waiting)
    if last_run.state in FAILURES:
        title = failure_title(connection, last_run)
        if slot is None:
            return Health(RETRYING, f"{title}.")
        return Health(
            RETRYING, _("%(title)s; next try %(time)s.") % {"title": title, "time": timewords.clock(slot, now)}
        )
    is_settled = waiting == 0 and last_run.quarantined and not last_run.error_code
    if last_run.state == SyncRun.State.PARTIAL and not is_settled:
        return Health(PARTIAL, partial_sentence(last_run))
    return _fine(last_run, now, waiting)


def _fine(last_run: SyncRun, now: datetime, waiting: int | None) -> Health:
    fresh = _("Data from %(time)s") % {"time": timewords.clock(last_run.started_at or last_run.queued_at, now)}
    return Health(OK, f"{fresh}; {waiting_words(waiting)}." if waiting else f"{fresh}.")


def waiting_words(count: int) -> str:
    """Return "3 records wait for review", as the end of a sentence."""
    return ngettext("%(count)s record waits for review", "%(count)s records wait for review", count) % {
        "count": timewords.number(count)
    }


def failure_title(connection: Connection, run: SyncRun) -> str:
    return str(explain(run.error_code or "internal", run.error_params, label_of(connection.kind)).title)


def decision_sentence(decisions: Decisions) -> str:
    """Say which streams wait for a decision."""
    names = ", ".join(_(stream.label) for stream in decisions.pending)
    return _("Not offered by the source: %(streams)s. Decide what to do.") % {"streams": names}


def partial_sentence(run: SyncRun) -> str:
    """Say what a partial run left out."""
    if run.quarantined:
        return ngettext(
            "%(count)s record could not be loaded.", "%(count)s records could not be loaded.", run.quarantined
        ) % {"count": timewords.number(run.quarantined)}
    if run.error_code == UNAVAILABLE:
        return _("The source does not offer part of the streams.")
    if run.error_code == DELETE_BRAKE:
        return _("Rows missing at the source were not deleted; it has been decided on since.")
    return _("Part of the streams failed; the next run tries them again.")
