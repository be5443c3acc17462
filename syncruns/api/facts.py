"""The facts that the API answers: of connections, of runs, and of what went wrong, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from connections.catalogue import explain
from connections.models import Connection
from syncruns.api.schemas import Outcome
from syncruns.events import REASONS
from syncruns.health import ATTENTION, NEVER, label_of
from syncruns.listing import Row, load_rows, measure
from syncruns.models import StreamRun, SyncRun
from syncruns.run_words import run_sentence

# docs/api.md tells the same. What has not ended has no outcome.
OUTCOMES: dict[str, Outcome | None] = {
    SyncRun.State.QUEUED: None,
    SyncRun.State.RUNNING: None,
    SyncRun.State.SUCCEEDED: Outcome.SUCCESS,
    SyncRun.State.PARTIAL: Outcome.PARTIAL,
    SyncRun.State.FAILED: Outcome.FAILURE,
    SyncRun.State.TIMED_OUT: Outcome.FAILURE,
    SyncRun.State.LOST: Outcome.FAILURE,
    SyncRun.State.CANCELLED: Outcome.FAILURE,
    SyncRun.State.SKIPPED: Outcome.FAILURE,
}
READ = (StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL)
PORTUGUESE: dict[str, tuple[str, ...]] = {
    "last_run_at": ("ultima_execucao",),
    "next_run_at": ("proxima_execucao",),
    "running": ("em_execucao",),
    "units_synced": ("ucs_sincronizadas", "unidades_sincronizadas"),
    "new_records": ("faturas_novas", "registros_novos"),
    "errors": ("erros",),
    "started_at": ("inicio",),
    "finished_at": ("fim",),
    "duration_seconds": ("duracao_segundos",),
    "units_processed": ("ucs_processadas",),
    "records_created": ("faturas_criadas",),
    "units_total": ("ucs_total",),
    "units_succeeded": ("ucs_sucesso",),
    "units_failed": ("ucs_erro",),
    "success_rate": ("taxa_sucesso",),
}
Streams = Mapping[Any, Sequence[StreamRun]]


def both(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts under their English and their Portuguese names."""
    named = {other: value for name, value in facts.items() for other in PORTUGUESE.get(name, ())}
    return {**facts, **named}


def streams_of_runs(runs: Iterable[SyncRun | None]) -> Streams:
    """Return the streams of each run by its id, in one query."""
    found: dict[Any, list[StreamRun]] = defaultdict(list)
    wanted = [run.pk for run in runs if run is not None]
    if wanted:
        of_runs = StreamRun.objects.filter(run__in=wanted).order_by("position")
        for stream in of_runs.defer("checkpoint_before", "checkpoint_after", "error_detail"):
            found[stream.run_id].append(stream)
    return found


def error(connection: Connection, code: str, params: Mapping[str, Any], *, stream: str = "", at: Any) -> dict[str, Any]:
    """Return one error in the reader's language."""
    said = explain(code, params, label_of(connection.kind))
    return {
        "code": code,
        "connection": connection.slug,
        "stream": stream or None,
        "title": said.title,
        "message": said.sentence,
        "cause": said.cause,
        "steps": said.steps,
        "at": at,
    }


def errors_of_run(connection: Connection, run: SyncRun, streams: Sequence[StreamRun]) -> list[dict[str, Any]]:
    """Return what went wrong in a run: by service, and what no service tells."""
    if run.state == SyncRun.State.SKIPPED:
        reason = str(REASONS.get(run.skip_reason, run.skip_reason))
        skipped = error(connection, "internal", {}, at=run.finished_at)
        return [skipped | {"code": "skipped", "title": _("Not run"), "message": reason, "cause": reason, "steps": []}]
    found = [
        error(connection, one.error_code, one.error_params, stream=one.stream, at=one.finished_at)
        for one in streams
        if one.error_code
    ]
    if run.error_code and run.error_code not in {one["code"] for one in found}:
        found.append(error(connection, run.error_code, run.error_params, at=run.finished_at))
    return found


def statuses(connections: QuerySet[Connection], now: datetime) -> list[dict[str, Any]]:
    """Return what is known of each connection, by name."""
    rows = load_rows(connections, now)
    streams = streams_of_runs(row.last_run for row in rows)
    return [_status(row, streams.get(row.last_run.pk, ()) if row.last_run else (), now) for row in rows]


def _status(row: Row, streams: Sequence[StreamRun], now: datetime) -> dict[str, Any]:
    connection, last = row.connection, row.last_run
    errors = errors_of_run(connection, last, streams) if last else []
    stopped = connection.status_code if connection.status == Connection.Status.ERROR else ""
    if stopped and stopped not in {one["code"] for one in errors}:
        errors.insert(0, error(connection, stopped, connection.status_params, at=connection.status_since))
    return both(
        {
            "connection": connection.slug,
            "name": connection.name,
            "kind": connection.kind,
            "health": row.health.state,
            "sentence": row.health.sentence,
            "last_run_at": last.finished_at if last else None,
            "next_run_at": row.next.at,
            "running": row.follow is not None and not row.follow.has_lost_lease(now),
            "units_synced": _units(streams),
            "new_records": last.inserted if last else 0,
            "errors": errors,
        }
    )


def together(connections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of all connections as one."""

    def known(name: str) -> list[datetime]:
        return [one[name] for one in connections if one[name] is not None]

    return both(
        {
            "health": min((one["health"] for one in connections), key=lambda state: ATTENTION[state], default=NEVER),
            "last_run_at": max(known("last_run_at"), default=None),
            "next_run_at": min(known("next_run_at"), default=None),
            "running": any(one["running"] for one in connections),
            "units_synced": sum(one["units_synced"] for one in connections),
            "new_records": sum(one["new_records"] for one in connections),
            "errors": [problem for one in connections for problem in one["errors"]],
        }
    )


def connection_facts(row: Row, now: datetime) -> dict[str, Any]:
    """Return a connection as /api/connections lists it."""
    connection, active = row.connection, row.follow
    pause = connection.paused_until
    return {
        "slug": connection.slug,
        "name": connection.name,
        "description": connection.description,
        "kind": connection.kind,
        "label": row.label,
        "tags": connection.tags,
        "health": row.health.state,
        "sentence": row.health.sentence,
        "auto_sync": connection.auto_sync,
        "paused_until": pause if pause and pause > now else None,
        "last_run_at": row.last_run.finished_at if row.last_run else None,
        "next_run_at": row.next.at,
        "running": active is not None and not active.has_lost_lease(now),
        "run_id": active.pk if active else None,
    }


def log_facts(run: SyncRun, streams: Sequence[StreamRun]) -> dict[str, Any]:
    """Return a run that ended, as /api/sync/logs lists it."""
    return both(
        {
            "id": run.pk,
            "connection": run.connection.slug,
            "status": OUTCOMES[run.state],
            "state": run.state,
            "trigger": run.trigger,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "duration_seconds": _seconds(run),
            "units_processed": _units(streams),
            "records_created": run.inserted,
            "records_read": run.read,
            "records_updated": run.updated,
            "records_deleted": run.deleted,
            "records_quarantined": run.quarantined,
            "errors": errors_of_run(run.connection, run, streams),
        }
    )


def run_facts(run: SyncRun) -> dict[str, Any]:
    """Return one run with its streams, as it is now."""
    streams = list(run.streams.order_by("position"))
    counts = run.totals() if run.is_active else {name: getattr(run, name) for name in run.COUNTED}
    counted = {name: counts[name] for name in ("read", "inserted", "updated", "unchanged", "deleted", "quarantined")}
    return {
        **both(
            {
                "started_at": run.started_at,
                "finished_at": run.finished_at,
                "duration_seconds": _seconds(run),
                "errors": errors_of_run(run.connection, run, streams),
            }
        ),
        "id": run.pk,
        "connection": run.connection.slug,
        "state": run.shown_state,
        "status": OUTCOMES[run.shown_state],
        "sentence": run_sentence(run, streams),
        "trigger": run.trigger,
        "requested_by": run.requested_by.get_username() if run.requested_by else None,
        "attempt": run.attempt,
        "slot": run.slot,
        "queued_at": run.queued_at,
        "progress_percent": _percent(run, streams),
        **counted,
        "streams": [_stream_facts(run, stream) for stream in streams],
    }


def _stream_facts(run: SyncRun, stream: StreamRun) -> dict[str, Any]:
    failed = None
    if stream.error_code:
        failed = error(
            run.connection, stream.error_code, stream.error_params, stream=stream.stream, at=stream.finished_at
        )
    return {
        **{name: getattr(stream, name) for name in StreamRun.COUNTED},
        "stream": stream.stream,
        "label": _(stream.label),
        "state": stream.state,
        "attempt": stream.attempt,
        "started_at": stream.started_at,
        "finished_at": stream.finished_at,
        "error": failed,
    }


def _percent(run: SyncRun, streams: Sequence[StreamRun]) -> int | None:
    if not run.is_active:
        return 100
    return measure(streams).percent if streams else None


def _seconds(run: SyncRun) -> float | None:
    return run.duration.total_seconds() if run.duration is not None else None


def _units(streams: Sequence[StreamRun]) -> int:
    """Count the services that were read; steps come after them and are none."""
    return sum(stream.kind == StreamRun.Kind.STREAM and stream.state in READ for stream in streams)
