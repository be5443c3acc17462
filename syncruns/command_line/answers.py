"""What commands answer with --json about connections and runs. Names are stable; moments are ISO, UTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connections.connectors import connector_class
from connections.destination import table_name
from connections.models import Connection
from connections.sdk.declare import Step, Stream
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.events import sentence
from syncruns.models import StreamRun, SyncLog, SyncRun

CONNECTION_FIELDS = (
    "slug", "name", "description", "kind", "status", "status_code", "status_params", "auto_sync", "next_sync_at",
    "last_sync_at", "paused_until", "blocked_until", "tags",
)  # fmt: skip
SCHEDULE_FIELDS = ("interval_minutes", "daily_at", "cron", "time_zone", "jitter_seconds", "quiet_hours", "catch_up")
RUN_FIELDS = (
    "trigger", "attempt", "queued_at", "started_at", "finished_at", "worker", "options", "skip_reason", "skipped_slots",
)  # fmt: skip
STREAM_FIELDS = ("stream", "kind", "label", "state", "attempt", "pages", "expected", "started_at", "finished_at")


def connection_answer(connection: Connection) -> dict[str, Any]:
    """Return what lists show of a connection; it holds no setting and no secret."""
    answer = {name: getattr(connection, name) for name in CONNECTION_FIELDS}
    schedule = {name: getattr(connection, name) for name in SCHEDULE_FIELDS}
    return {**answer, "schedule": {"kind": connection.schedule_kind, **schedule}}


def full_connection_answer(connection: Connection) -> dict[str, Any]:
    """Return connection_answer with settings, the names of secrets, and streams."""
    secrets = [{"name": name, "set_at": at} for name, at in sorted(connection.secrets_set_at.items())]
    return {
        **connection_answer(connection),
        "settings": connection.config,
        "secrets": secrets,
        "streams": [
            {
                "key": selected.stream.key,
                "kind": "step" if isinstance(selected.stream, Step) else "stream",
                "label": selected.stream.label,
                "enabled": selected.enabled,
                "window_minutes": selected.window_minutes,
                "page_size": selected.page_size,
                "every_minutes": selected.every_minutes,
                "tables": tables_of(connection, selected.stream),
            }
            for selected in readable_streams(connection)
        ],
    }


def readable_streams(connection: Connection) -> list[Any]:
    """Return streams_of, or nothing when the settings cannot say: what is wrong is shown with the status."""
    try:
        return list(streams_of(connection))
    except SyncError:
        return []


def tables_of(connection: Connection, stream: Stream) -> list[str]:
    """Return the names of a stream's tables in the database in use."""
    schema = connector_class(connection.kind).schema
    return [table_name(schema, table.name) for table in stream.tables]


def run_answer(run: SyncRun) -> dict[str, Any]:
    """Return what lists show of a run."""
    return {
        "id": run.pk,
        "connection": run.connection.slug,
        "state": run.shown_state,
        **{name: getattr(run, name) for name in RUN_FIELDS},
        "seconds": run.duration.total_seconds() if run.duration else None,
        "counts": _counts(run),
        "error": _error(run),
    }


def full_run_answer(run: SyncRun) -> dict[str, Any]:
    """Return run_answer with the run's streams and their errors."""
    return {**run_answer(run), "streams": [_stream_answer(stream) for stream in run.streams.all()]}


def dry_run_answer(streams: Sequence[StreamRun]) -> dict[str, Any]:
    """Return what a sync would do: counts in all, and every stream with its own and its error."""
    totals = {name: sum(getattr(stream, name) for stream in streams) for name in StreamRun.COUNTED}
    return {"dry_run": True, "counts": totals, "streams": [_stream_answer(stream) for stream in streams]}


def _stream_answer(stream: StreamRun) -> dict[str, Any]:
    facts = {name: getattr(stream, name) for name in STREAM_FIELDS}
    return {**facts, "counts": _counts(stream), "error": _error(stream)}


def log_answer(entry: SyncLog) -> dict[str, Any]:
    """Return one log entry, with its sentence in the reader's language."""
    return {
        "at": entry.at,
        "level": entry.level,
        "stream": entry.stream,
        "event": entry.event,
        "params": entry.params,
        "repeats": entry.repeats,
        "message": sentence(entry.event, entry.params),
    }


def _counts(counted: SyncRun | StreamRun) -> dict[str, int]:
    return {name: getattr(counted, name) for name in counted.COUNTED}


def _error(failed: SyncRun | StreamRun) -> dict[str, Any] | None:
    if not failed.error_code:
        return None
    return {"code": failed.error_code, "params": failed.error_params, "detail": failed.error_detail}
