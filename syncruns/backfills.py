"""Backfills: begun, stopped and resumed by people; their windows queued whenever nothing else wants the connection."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User as Account
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from connections import audit, switches
from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.sdk.settings import Invalid, SettingsInvalid
from connections.sdk.text import gettext_noop as _
from connections.services import SelectedStream, User, streams_of
from syncruns.models import Backfill, SyncRun

AFTER_ALL = -10  # priority: any other queued run goes first
BEGUN_TOGETHER = timedelta(minutes=1)


def streams_to_fill(connection: Connection) -> list[SelectedStream]:
    """Return the streams whose connector can read a range of the past. Raises SyncError("config_invalid")."""
    return [one for one in streams_of(connection) if one.stream.ranged]


def day_after(midnight: datetime) -> datetime:
    """Return the midnight after one, in its own zone."""
    return midnight + timedelta(days=1)  # of one zone: hours of the wall, whatever the clocks do that day


def begin_backfill(
    connection: Connection,
    stream: str,
    begin: datetime,
    end: datetime,
    *,
    pause_seconds: int = 0,
    user: User = None,
    actor: str = "",
) -> tuple[Backfill, bool]:
    """Begin to read the stream's changes from begin to end (aware), or return the open backfill with False.

    Raises SettingsInvalid for a range that cannot be read, SyncError not_found for a stream that cannot be filled.
    """
    if stream not in {one.stream.key for one in streams_to_fill(connection)}:
        raise SyncError("not_found", stream=stream)
    if end <= begin:
        raise SettingsInvalid([Invalid(("until",), _("The end must lie after the beginning."))])
    if begin >= timezone.now():
        raise SettingsInvalid([Invalid(("since",), _("This date lies in the future."))])
    end = min(end, timezone.now())
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        known = Backfill.objects.filter(connection=connection, stream=stream, state__in=Backfill.OPEN).first()
        if known is not None:
            return known, False
        backfill = Backfill.objects.create(
            connection=connection, stream=stream, begin=begin, end=end, reached=begin, pause_seconds=pause_seconds,
            requested_by=user if isinstance(user, Account) else None,
        )  # fmt: skip
        _note("backfill.begun", backfill, user=user, actor=actor)
    return backfill, True


def done_beside_open(connection: Connection, begin: datetime) -> set[str]:
    """Return the streams whose backfill from begin is done, and was begun along with one that is still open.

    Who resumes those that are open does not want these from their beginning again.
    """
    of_range = Backfill.objects.filter(connection=connection, begin=begin)
    still_open = of_range.filter(state__in=Backfill.OPEN).order_by("created_at").first()
    if still_open is None:
        return set()
    done = of_range.filter(state=Backfill.State.DONE, created_at__gte=still_open.created_at - BEGUN_TOGETHER)
    return set(done.values_list("stream", flat=True))


def stop_backfill(backfill: Backfill, *, user: User = None, actor: str = "") -> bool:
    """Stop after the page that is being read; what was loaded stays, and it goes on from the window that was open."""
    with transaction.atomic():
        if not backfill.stop():
            return False
        for run in _windows(backfill.connection):
            if run.options.get("backfill") == backfill.pk:
                _break_off(run)
        _note("backfill.stopped", backfill, user=user, actor=actor)
    return True


def resume_backfill(backfill: Backfill, *, user: User = None, actor: str = "") -> bool:
    """Go on with one that was stopped, or failed."""
    with transaction.atomic():
        if not backfill.resume():
            return False
        _note("backfill.resumed", backfill, user=user, actor=actor)
    return True


def _note(action: str, backfill: Backfill, **by: Any) -> None:
    told: dict[str, Any] = {
        "stream": backfill.stream,
        "since": backfill.begin.isoformat(),
        "until": backfill.end.isoformat(),
    }
    audit.record(action, target=backfill.connection, **told, **by)


def queue_windows(now: datetime) -> int:
    """Queue the next window of every backfill whose connection nothing else wants; return how many."""
    waiting = Backfill.objects.filter(
        Q(not_before=None) | Q(not_before__lte=now), state=Backfill.State.RUNNING, connection__deletion=""
    )
    busy = SyncRun.objects.filter(connection=OuterRef("connection"), state__in=SyncRun.ACTIVE)
    found = waiting.filter(~Exists(busy)).select_related("connection").order_by("pk")
    return sum(queue_window(backfill, now) is not None for backfill in found)


def queue_window(backfill: Backfill, now: datetime) -> SyncRun | None:
    """Queue the next window; None while something else is due, active or in the way, or it is not the time yet."""
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=backfill.connection_id)
        if _in_the_way(connection, now):
            return None
        backfill.refresh_from_db()
        if backfill.state != Backfill.State.RUNNING or (backfill.not_before or now) > now:
            return None
        return SyncRun.objects.create(
            connection=connection,
            trigger=SyncRun.Trigger.BACKFILL,
            requested_by_id=backfill.requested_by_id,
            priority=AFTER_ALL,
            options={
                "streams": [backfill.stream],
                "since": backfill.reached.isoformat(),
                "until": backfill.next_end.isoformat(),
                "backfill": backfill.pk,
            },
        )


def waits_for(backfill: Backfill, now: datetime) -> str:
    """Return what keeps the next window from being queued, in a word; "" for nothing, or its own pause."""
    connection = Connection.objects.get(pk=backfill.connection_id)
    if backfill.error_code and (backfill.not_before or now) > now:
        return "trying_again"
    return _in_the_way(connection, now)


def _in_the_way(connection: Connection, now: datetime) -> str:
    """Return why nothing of the past is to be read now: the connection is due, busy, or to be left alone."""
    held_until = (connection.paused_until, connection.blocked_until)
    reasons = {
        "off": switches.is_off(connection.kind),
        "error": connection.status == Connection.Status.ERROR or bool(connection.deletion),
        "starts_over": connection.starts_over,
        "held": any(until is not None and until > now for until in held_until),
        "due": connection.auto_sync and connection.next_sync_at is not None and connection.next_sync_at <= now,
    }
    first = next((name for name, holds in reasons.items() if holds), "")
    return first or ("active" if connection.runs.filter(state__in=SyncRun.ACTIVE).exists() else "")


def make_way(now: datetime) -> int:
    """Break off the windows of connections that are due; their slot stays due until they are gone."""
    due = Connection.objects.filter(next_sync_at__lte=now, auto_sync=True, status=Connection.Status.ACTIVE)
    in_the_way = SyncRun.objects.filter(
        trigger=SyncRun.Trigger.BACKFILL, state__in=SyncRun.ACTIVE, connection__in=due
    )  # fmt: skip
    return sum(_break_off(run) for run in in_the_way)


def _break_off(run: SyncRun) -> bool:
    """Forget a window that no worker has taken; have a running one stop at its next page."""
    gone, _models = SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.QUEUED).delete()
    return bool(gone) or run.request_cancel()


def _windows(connection: Connection) -> Any:
    return connection.runs.filter(trigger=SyncRun.Trigger.BACKFILL, state__in=SyncRun.ACTIVE)


def follow(run: SyncRun, error: SyncError | None) -> None:
    """Note on its backfill how a window ended. In the transaction that ends the run."""
    backfill = Backfill.of(run)
    if backfill is None:
        return
    if run.state in (SyncRun.State.SUCCEEDED, SyncRun.State.PARTIAL):
        backfill.note_done(run, by_days=_is_by_days(backfill))
    elif run.state == SyncRun.State.CANCELLED:
        backfill.give_way(run, by_days=_is_by_days(backfill))
    else:
        backfill.note_failed(error or SyncError("worker_lost"))


def _is_by_days(backfill: Backfill) -> bool:
    try:
        filled = streams_of(backfill.connection)
    except SyncError:  # settings that do not hold any more; the next window says so
        return False
    return any(one.stream.by_days for one in filled if one.stream.key == backfill.stream)
