"""POST /api/sync/trigger: which connections may run now, and why the others may not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns.api.problems import Problem
from syncruns.api.schemas import TriggerIn
from syncruns.health import label_of
from syncruns.models import SyncRun
from syncruns.services import active_run, request_sync


@dataclass(frozen=True)
class Hold:
    """Why a connection may not run. until: when that ends by itself."""

    code: str
    params: dict[str, Any]
    until: datetime | None = None


def hold_of(connection: Connection, now: datetime) -> Hold | None:
    """Return what keeps a connection from running, if anything does."""
    if connection.status == Connection.Status.ERROR:
        return Hold(connection.status_code, connection.status_params)
    if connection.status == Connection.Status.INACTIVE:
        return Hold("inactive", {})
    for code, until in (("paused", connection.paused_until), ("quota_blocked", connection.blocked_until)):
        if until and until > now:
            return Hold(code, {"until": until.isoformat(timespec="minutes")}, until)
    return None


def trigger_one(connection: Connection, wanted: TriggerIn, actor: str, now: datetime) -> SyncRun:
    """Queue a run. Raises Problem 409 for an active run, 423 when the connection may not run, 404 for its stream."""
    active = active_run(connection)
    if active is not None:
        raise _already(active)
    hold = hold_of(connection, now)
    if hold is not None:
        raise _held(connection, hold)
    try:
        run, created = request_sync(
            connection,
            trigger=SyncRun.Trigger.API,
            actor=actor,
            streams=[wanted.stream] if wanted.stream else None,
            window_minutes=wanted.window_minutes,
        )
    except SyncError as error:
        status = 404 if error.code == "not_found" else 423
        raise Problem(status, error.code, params=error.params, source=label_of(connection.kind)) from None
    if not created:
        raise _already(run)
    return run


def trigger_all(
    connections: QuerySet[Connection], wanted: TriggerIn, actor: str, now: datetime
) -> tuple[list[SyncRun], list[dict[str, Any]]]:
    """Queue a run for each connection that may; returns the runs, and what was left out and why.

    Raises Problem 409 or 423 when nothing could be started.
    """
    runs: list[SyncRun] = []
    skipped: list[dict[str, Any]] = []
    found = list(connections)
    for connection in found:
        try:
            runs.append(trigger_one(connection, wanted, actor, now))
        except Problem as problem:
            run_id = problem.more.get("run_id")
            skipped.append({"connection": connection.slug, "code": problem.code, "run_id": run_id})
    if found and not runs:
        active = [one["run_id"] for one in skipped if one["run_id"]]
        if active:
            raise Problem(409, "already_running", run_id=active[0], run_ids=active, skipped=skipped)
        if all(one["code"] == "not_found" for one in skipped):
            raise Problem(404, "not_found", skipped=skipped)  # no connection has this stream
        raise Problem(423, "nothing_may_run", skipped=skipped)
    return runs, skipped


def _already(run: SyncRun) -> Problem:
    location = reverse("api:run", args=[run.pk])
    return Problem(409, "already_running", headers={"Location": location}, run_id=run.pk, run_ids=[run.pk])


def _held(connection: Connection, hold: Hold) -> Problem:
    headers = {"Retry-After": format_datetime(hold.until.astimezone(UTC), usegmt=True)} if hold.until else {}
    more = {"until": hold.until} if hold.until else {}
    return Problem(423, hold.code, params=hold.params, headers=headers, source=label_of(connection.kind), **more)
