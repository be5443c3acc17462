"""Log entries and audit events in words: a code with parameters becomes a sentence when someone reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from connections.catalogue import explain
from connections.connectors import REGISTRY
from connections.explanation import Params, shown
from connections.models import Connection
from connections.people.roles import LABELS
from syncruns import timewords
from syncruns.models.token import ApiToken
from syncruns.reasons import VALUE_REASONS

EVENTS: dict[str, str | Promise] = {
    # Runs
    "run_started": _("Started: %(streams)s"),
    "run_finished": _("Finished: %(read)s read, %(inserted)s new, %(updated)s changed, %(deleted)s deleted"),
    "run_handed_back": _("Stopped for a restart; another worker goes on from here"),
    "run_cancelled": _("Cancelled; what was loaded stays"),
    "started_over": _(
        "Removed what the earlier source left: %(rows)s rows in %(tables)s tables, and what was kept about them"
    ),
    "run_requeued": _("Queued again to go on from where it stopped"),
    "dry_run_started": _("Reading to see what a sync would change; nothing is written"),
    "dry_run_finished": _(
        "Nothing was written: %(read)s read; a sync would bring %(inserted)s new, %(updated)s changed, "
        "%(deleted)s deleted"
    ),
    "stream_started": _("Reading"),
    "stream_started_since": _("Reading what changed since %(since)s"),
    "source_not_found": _("%(path)s: “not found” %(count)s times, taken as empty; nothing is deleted for it"),
    "stream_window": _("Asking for what changed from %(since)s until %(until)s"),
    "stream_window_resumed": _("Going on with what changed from %(since)s until %(until)s"),
    "vehicle_day_failed": _("%(plate)s on %(day)s: %(code)s; the other vehicles are read"),
    "days_not_kept": _("The days from %(since)s until %(until)s are not read: they would not be kept"),
    "stream_finished": _("%(read)s read: %(inserted)s new, %(updated)s changed, %(deleted)s deleted"),
    "stream_no_changes": _("%(read)s read, nothing changed"),
    "step_started": _("Working on what is loaded"),
    "step_finished": _("%(read)s rows worked out: %(inserted)s new, %(updated)s changed, %(deleted)s deleted"),
    "step_no_changes": _("%(read)s rows worked out, nothing changed"),
    "step_skipped": _("Not done: %(reason)s"),
    "step_held_back": _("Not done, because something that it works on did not succeed: %(needs)s"),
    "stream_retry": _("%(code)s; attempt %(attempt)s of %(attempts)s after %(seconds)s s"),
    "stream_skipped": _("Not read: %(reason)s"),
    "page_loaded": _("Page loaded"),
    "records_quarantined": _(
        "%(count)s records could not be typed and wait for review; first: %(table)s %(key)s, column "
        "%(column)s: %(reason)s"
    ),
    "documents_kept": _("Documents kept: %(count)s"),
    "document_too_large": _("A document of %(megabytes)s MB was not kept; the largest may have %(most)s MB"),
    "correction_superseded": _(
        "%(table)s %(key)s: the source now sends another value of %(column)s, so the correction of it no longer applies"
    ),
    "correction_agreed": _(
        "%(table)s %(key)s: the source now sends what a person had set for %(column)s; the correction has ended"
    ),
    "records_reviewed": _("Reviewed records loaded: %(count)s"),
    "records_corrected": _("Rows written with what a person set: %(count)s"),
    "sweep_began": _("Comparing %(table)s with what exists at the source"),
    "sweep_missed": _(
        "%(table)s: missing at the source for the first time: %(count)s; the next complete comparison decides"
    ),
    "sweep_deleted": _("%(table)s: missing twice in a row and now marked deleted: %(count)s"),
    "sweep_met_nothing": _("%(table)s: the source showed no record at all, so nothing was taken for deleted"),
    "sweep_nameless": _("%(table)s: records without a readable key: %(count)s, so nothing was taken for deleted"),
    "sweep_not_completed": _(
        "%(table)s: the source did not show that its list was complete, so nothing was taken for deleted"
    ),
    "reset_started": _("Reading everything for a reset; stored rows stay until the read is complete"),
    "reset_resumed": _("Going on with the reset where it was interrupted; stored rows stay until the read is complete"),
    "reset_in_place": _("Everything read for the reset is in place of what was stored; that took %(seconds)s s"),
    "reset_was_done": _("The reset was complete before its worker was lost; nothing is read again"),
    "reset_deleted": _("%(table)s: no longer at the source and now marked deleted: %(count)s"),
    "backfill_window": _("Reading what changed from %(since)s until %(until)s, for a backfill"),
    "list_end_unclear": _("The answers do not show that the list was complete; nothing is taken for deleted"),
    "records_left_out": _("Records left out, as a person decided: %(count)s"),
    "schema.created": _("Table %(table)s created"),
    "schema.column_added": _("Table %(table)s: column %(column)s added as %(type)s"),
    "schema.column_widened": _("Table %(table)s: column %(column)s widened from %(former)s to %(type)s"),
    "schema.column_undeclared": _(
        "Table %(table)s: column %(column)s is no longer read; it keeps what it holds and is empty in new rows"
    ),
    "schema.undeclared": _("Table %(table)s is no longer read; it keeps its rows"),
    "http_retry": _("%(host)s: %(code)s (%(error)s); trying again in %(seconds)s s (attempt %(attempt)s of %(tries)s)"),
    "page_halved": _("%(model)s: a page was too much for the source (%(code)s); going on with %(size)s records each"),
    "fields_missing": _("%(model)s has no %(fields)s here; the columns stay empty"),
    "count_differs": _("%(model)s: the source counted %(expected)s records, %(read)s were read"),
    "rate_wait": _("Waiting %(seconds)s s for the source's limit"),
    "source_clock": _("The clock of %(host)s and this machine's are %(seconds)s s apart"),
    "log_full": _("The log of this run is full; %(count)s more entries were left out"),
    # Audit
    "connection.created": _("Created the connection"),
    "connection.changed": _("Changed %(fields)s"),
    "connection.turned": _("Turned it to another source; the next sync removes what the earlier one left"),
    "connection.emptied": _("Removed what the earlier source left: %(rows)s rows in %(tables)s tables"),
    "connection.deleted": _("Deleted the connection (%(rows)s rows deleted)"),
    "connection.paused": _("Paused until %(until)s"),
    "connection.resumed": _("Lifted the pause"),
    "connection.stopped": _("Stopped: %(code)s"),
    "connection.recovered": _("Runs again"),
    "auto_sync.on": _("Switched automatic syncing on"),
    "auto_sync.off": _("Switched automatic syncing off"),
    "stream.changed": _("Changed the stream %(stream)s"),
    "deletions.approved": _("Had rows of %(table)s deleted that are missing at the source: %(count)s"),
    "deletions.kept": _("Kept rows of %(table)s that are missing at the source: %(count)s"),
    "records.loaded": _("Quarantined records loaded: %(count)s"),
    "records.discarded": _("Quarantined records discarded: %(count)s (%(note)s)"),
    "records.reopened": _("Reopened a quarantined record of %(table)s"),
    "correction.made": _("Corrected %(fields)s of %(table)s %(key)s"),
    "correction.kept": _("Kept the correction of %(fields)s of %(table)s %(key)s against the source's new value"),
    "correction.ended": _("Took back the correction of %(fields)s of %(table)s %(key)s"),
    "document.viewed": _("Looked at the document %(name)s"),
    "document.downloaded": _("Downloaded the document %(name)s"),
    "data.revealed": _("Had the personal columns of %(table)s shown for %(minutes)s minutes"),
    "data.exported": _("Exported rows of %(table)s as %(format)s: %(rows)s"),
    "data.exported_personal": _("Exported rows of %(table)s with personal columns as %(format)s: %(rows)s"),
    "run.requested": _("Started a sync"),
    "run.tried": _("Started a dry run"),
    "run.cancelled": _("Cancelled a run"),
    "backfill.begun": _("Began a backfill of %(stream)s, from %(since)s until %(until)s"),
    "backfill.stopped": _("Stopped the backfill of %(stream)s, from %(since)s until %(until)s"),
    "backfill.resumed": _("Resumed the backfill of %(stream)s, from %(since)s until %(until)s"),
    "stream.reset": _("Reset the stream %(stream)s (%(rows)s rows stored)"),
    "run.retried": _("Retried a run"),
    "sign_in.ok": _("Signed in"),
    "sign_in.failed": _("Failed to sign in"),
    "sign_in.locked": _("Locked out after too many failed attempts"),
    "sign_out": _("Signed out"),
    "password.changed": _("Changed the password"),
    "user.created": _("Created the user"),
    "user.changed": _("Changed the user's %(fields)s"),
    "user.activated": _("Let the user in again"),
    "user.deactivated": _("Deactivated the user"),
    "password.reset": _("Took the password away, for a new one to be chosen"),
    "user.deleted": _("Deleted the user"),
    "role.changed": _("Changed the role"),
    "alerts.on": _("Switched e-mail alerts on"),
    "alerts.off": _("Switched e-mail alerts off"),
    "alerts.changed": _("Changed the e-mail alerts"),
    "mail.tested": _("Sent a test message"),
    "token.created": _("Made an API token (%(scope)s)"),
    "token.revoked": _("Revoked an API token"),
    "webhook.created": _("Added a webhook"),
    "webhook.changed": _("Changed a webhook"),
    "webhook.rotated": _("Gave a webhook a new secret"),
    "webhook.deleted": _("Deleted a webhook"),
    "webhook.tested": _("Sent a test message to a webhook"),
    "secrets.rotated": _("Encrypted the stored credentials with the newest key"),
}

# Why a slot did not run, or a stream was not read.
REASONS: dict[str, str | Promise] = {
    "still_running": _("the previous run was still going"),
    "no_worker": _("no worker was running"),
    "paused": _("the connection was paused"),
    "quota": _("the source's quota was used up"),
    "replanned": _("the schedule or the auto-sync switch was changed before it could start"),
    "kind_off": _("this kind is switched off for the installation"),
    "not_due": _("it was read recently enough"),
    "earlier_failure": _("an earlier failure ended the run"),
    "nothing_new": _("nothing that it works on was read"),
}

# What connections/services.py says of a connection and its streams beside the connector's settings.
FIELDS = {
    "name": gettext_noop("Name"),
    "description": gettext_noop("Description"),
    "tags": gettext_noop("tags"),
    "schedule": gettext_noop("Schedule"),
    "schedule_kind": gettext_noop("Rhythm"),
    "interval_minutes": gettext_noop("every (minutes)"),
    "daily_at": gettext_noop("daily at"),
    "cron": gettext_noop("cron expression"),
    "time_zone": gettext_noop("time zone"),
    "jitter_seconds": gettext_noop("spread (seconds)"),
    "quiet_hours": gettext_noop("quiet hours"),
    "catch_up": gettext_noop("missed slots"),
    "enabled": gettext_noop("enabled"),
    "window_minutes": gettext_noop("look-back (minutes)"),
    "page_size": gettext_noop("page size"),
    "every_minutes": gettext_noop("at most every (minutes)"),
    "username": gettext_noop("Name for signing in"),
    "first_name": gettext_noop("First name"),
    "last_name": gettext_noop("Last name"),
    "email": gettext_noop("E-mail"),
    "lockout": gettext_noop("Sign-in lock"),
    "is_active": gettext_noop("Access"),
    "is_superuser": gettext_noop("Superuser"),
}
# Values of FIELDS that are codes.
VALUES: dict[str, dict[str, str | Promise]] = {
    "schedule_kind": {str(value): label for value, label in Connection.ScheduleKind.choices},
    "catch_up": {str(value): label for value, label in Connection.CatchUp.choices},
}

# Why a value could not be typed, or a request was tried again: codes inside parameters.
_CODED: dict[str, Mapping[str, Any]] = {"reason": REASONS | VALUE_REASONS, "scope": dict(ApiToken.Scope.choices)}


def sentence(event: str, params: Mapping[str, Any] | None = None) -> str:
    """Return the event in the reader's language. A failure's code reads as its title in the catalogue."""
    params = params or {}
    if event.startswith("failed."):
        return explain(event.removeprefix("failed."), params, str(params.get("source", ""))).sentence
    values = Params({name: _word(name, value) for name, value in params.items()})
    return str(EVENTS.get(event, event)) % values


def outline(event: str) -> str:
    """Return what events of a code have in common, in the reader's language: "Changed the stream …"."""
    return str(EVENTS.get(event, event)) % defaultdict(lambda: "…")


@dataclass(frozen=True)
class Change:
    """One value before and after; both empty where only the fact was noted."""

    label: str
    before: str
    after: str


def changes(params: Mapping[str, Any] | None) -> list[Change]:
    """Return what an audit event says of values before and after, in the reader's language."""
    params = params or {}
    told = [
        Change(_field(name), _value(name, before), _value(name, after))
        for name, before, after in params.get("changes", [])
    ]
    if "before" in params and "after" in params:  # of a person's role
        told.append(Change(gettext("role"), _roles(params["before"]), _roles(params["after"])))
    return told


def _roles(names: Sequence[str]) -> str:
    return ", ".join(str(LABELS.get(name, name)) for name in names)


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "" if value is None else str(VALUES.get(name, {}).get(str(value), value))


def _word(name: str, value: Any) -> str:
    if name == "code":
        return explain(str(value)).title
    if name in ("streams", "needs"):
        return ", ".join(gettext(label) for label in value)
    if name == "fields":
        return ", ".join(_field(field) for field in value)
    if name in ("since", "until") and (moment := parse_datetime(str(value))):
        return timewords.exact(moment)
    return str(_CODED.get(name, {}).get(str(value), None) or shown(value))


def _field(name: str) -> str:
    """Return a changed setting or field of a connection as its form calls it."""
    labels = {setting.name: setting.label for connector in REGISTRY for setting in connector.settings}
    label = gettext(labels.get(name) or FIELDS.get(name, name))
    return label[:1].lower() + label[1:]
