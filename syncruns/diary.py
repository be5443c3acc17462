"""What happened to a connection today: its runs, and what people changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from connections.models import AuditEvent, Connection
from syncruns import timewords
from syncruns.events import REASONS, sentence
from syncruns.health import failure_title, partial_sentence
from syncruns.models import SyncRun
from syncruns.outcomes import FAILURES, Look, look_of_run
from syncruns.timeline import changes_of

LENGTH = 6
CHANGED = Look(pgettext_lazy("diary", "Change"), "settings", "off")


@dataclass(frozen=True)
class Entry:
    at: datetime
    look: Look
    words: str
    run: SyncRun | None = None


def diary_of_today(connection: Connection, now: datetime) -> list[Entry]:
    """Return the newest entries since midnight in the reader's zone, newest first."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    runs = SyncRun.objects.filter(connection=connection, queued_at__gte=midnight).select_related("connection")
    runs = runs.exclude(trigger__in=(SyncRun.Trigger.BACKFILL, SyncRun.Trigger.DRY_RUN))  # many, and nothing happened
    changes = changes_of(connection).filter(at__gte=midnight)
    entries = [Entry(run.started_at or run.queued_at, look_of_run(run), run_words(run), run) for run in runs[:LENGTH]]
    entries += [Entry(event.at, CHANGED, _who_did(event)) for event in changes[:LENGTH]]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:LENGTH]


def _who_did(event: AuditEvent) -> str:
    return _("%(who)s: %(what)s") % {"who": event.actor, "what": sentence(event.action, event.params)}


def run_words(run: SyncRun) -> str:
    """Return what came of a run, in a few words."""
    if run.state == SyncRun.State.SKIPPED:
        reason = REASONS.get(run.skip_reason, run.skip_reason)
        said = ngettext("%(count)s slot: %(reason)s", "%(count)s slots: %(reason)s", run.skipped_slots or 1)
        return said % {"count": run.skipped_slots or 1, "reason": reason}
    if run.state in FAILURES:
        return failure_title(run.connection, run)
    if run.state == SyncRun.State.PARTIAL:
        return partial_sentence(run)
    if run.is_active or run.state == SyncRun.State.CANCELLED:
        return changes_words(run) if run.written else ""
    return _("%(changes)s in %(span)s") % {"changes": changes_words(run), "span": timewords.duration(run.duration)}


def changes_words(run: SyncRun) -> str:
    """Return "12 new, 30 changed, 1 deleted", leaving out what is zero; "nothing changed" when all are."""
    parts = (
        (run.inserted, ngettext("%(count)s new", "%(count)s new", run.inserted)),
        (run.updated, ngettext("%(count)s changed", "%(count)s changed", run.updated)),
        (run.deleted, ngettext("%(count)s deleted", "%(count)s deleted", run.deleted)),
    )
    said = [words % {"count": timewords.number(count)} for count, words in parts if count]
    return ", ".join(said) or _("nothing changed")
