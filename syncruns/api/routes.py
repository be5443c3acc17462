"""The endpoints of `/api/`. Each says what it takes and answers; the facts come from the modules beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone, translation
from ninja import Body, Query, Router, Status
from pydantic import Field

from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.services import set_auto_sync
from syncruns.api import facts, schemas
from syncruns.api.access import Token
from syncruns.api.memory import Memory
from syncruns.api.metrics import metrics_of
from syncruns.api.paging import MOST, cursor_of, number_of, place_of
from syncruns.api.problems import Problem
from syncruns.api.schemas import SLUG, Moment, ProblemDocument, TriggerIn, WrittenTruth, WrittenWhole
from syncruns.api.triggering import trigger_all, trigger_one
from syncruns.events import sentence
from syncruns.health import label_of
from syncruns.listing import load_rows
from syncruns.models import SyncLog, SyncRun
from syncruns.pausing import LONGEST, pause
from syncruns.searching import finds, names_of

router = Router()
READ, OPERATE = Token(), Token(may_operate=True)
statuses: Memory[bytes] = Memory()

# 414 comes from the server in front of the API, which reads no further.
REFUSED = dict.fromkeys((400, 401, 422, 429, 500, 503), ProblemDocument) | {414: None}
UNKNOWN = REFUSED | {404: ProblemDocument}
Slug = Annotated[str, Field(pattern=SLUG, max_length=60)]
SlugQuery = Annotated[Slug | None, Query(description="Only this connection, by its short name")]
WordsQuery = Annotated[
    str, Query(max_length=200, description="Only those with these words in name, short name, kind, tags or description")
]
CursorQuery = Annotated[
    str | None,
    Query(pattern=r"^[-A-Za-z0-9_]+$", max_length=200, description="Where to go on: next_cursor of an answer before"),
]
LIMIT: Any = Query(50, ge=1, le=MOST, description="At most so many")
SKIPPED: Any = Query(False, description="Also slots in which nothing ran")
SinceQuery = Annotated[Moment | None, Query(description="From here, ISO 8601 with a time zone")]
UntilQuery = Annotated[Moment | None, Query(description="Before this, ISO 8601 with a time zone")]


def _connections() -> Any:
    return Connection.objects.filter(deletion="")


def _connection(slug: str) -> Connection:
    found: Connection | None = _connections().filter(slug=slug).first()
    if found is None:
        raise Problem(404, "not_found")
    return found


def _actor(request: HttpRequest) -> str:
    return f"API: {request.auth.name}"  # type: ignore[attr-defined]  # set by django-ninja


@router.get("/sync/status", response={200: schemas.Status, **UNKNOWN}, auth=READ, url_name="status", tags=["sync"])
def status(request: HttpRequest, connection: SlugQuery = None) -> HttpResponse:
    """How syncing stands: of all connections together and of each, or of one.

    An answer may be a second old; with the header `Cache-Control: no-cache` it is not.
    """
    key, anew = (connection, translation.get_language()), "no-cache" in request.headers.get("Cache-Control", "")
    body = statuses.recall(key, lambda: _status(connection), anew=anew)
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "private, max-age=1"})


def _status(slug: str | None) -> bytes:
    wanted = _connections().filter(slug=slug) if slug else _connections()
    found = facts.statuses(wanted, timezone.now())
    if slug and not found:
        raise Problem(404, "not_found")
    answer = schemas.Status.model_validate({**facts.together(found), "connections": found})
    return answer.model_dump_json().encode()


@router.post(
    "/sync/trigger",
    response={202: schemas.Triggered, **UNKNOWN, 403: ProblemDocument, 409: ProblemDocument, 423: ProblemDocument},
    auth=OPERATE,
    url_name="trigger",
    tags=["sync"],
)
def trigger(request: HttpRequest, wanted: Annotated[TriggerIn | None, Body()] = None) -> Status:
    """Start a sync of every connection that may run, or of one.

    409 when a run is active already: its id is in run_id. 423 when the connection is paused, or stopped until somebody
    acts, as with refused credentials.
    """
    wanted = wanted or TriggerIn()
    now, actor = timezone.now(), _actor(request)
    runs: list[SyncRun]
    skipped: list[dict[str, Any]]
    if wanted.connection:
        runs, skipped = [trigger_one(_connection(wanted.connection), wanted, actor, now)], []
    else:
        runs, skipped = trigger_all(_connections(), wanted, actor, now)
    statuses.forget()
    started = [
        {"run_id": run.pk, "connection": run.connection.slug, "url": reverse("api:run", args=[run.pk])} for run in runs
    ]
    return Status(202, {"run_ids": [run.pk for run in runs], "runs": started, "skipped": skipped})


@router.get("/sync/logs", response={200: schemas.Logs, **UNKNOWN}, auth=READ, url_name="logs", tags=["sync"])
def logs(
    request: HttpRequest,
    connection: SlugQuery = None,
    status: Annotated[schemas.Outcome | None, Query(description="Only runs that ended so")] = None,
    since: SinceQuery = None,
    until: UntilQuery = None,
    include_skipped: WrittenTruth = SKIPPED,
    limit: WrittenWhole = LIMIT,
    cursor: CursorQuery = None,
) -> dict[str, Any]:
    """One entry per run that ended, newest first; since and until are about its end."""
    found = SyncRun.objects.filter(finished_at__isnull=False, connection__deletion="")
    if connection:
        found = found.filter(connection=_connection(connection))
    if status:
        found = found.filter(state__in=[state for state, outcome in facts.OUTCOMES.items() if outcome == status])
    if not include_skipped:
        found = found.exclude(state=SyncRun.State.SKIPPED)
    if since:
        found = found.filter(finished_at__gte=since)
    if until:
        found = found.filter(finished_at__lt=until)
    if cursor:
        at, key = place_of(cursor)
        found = found.filter(Q(finished_at__lt=at) | Q(finished_at=at, pk__lt=key))
    page = list(found.select_related("connection").defer("error_detail").order_by("-finished_at", "-pk")[: limit + 1])
    shown = page[:limit]
    streams = facts.streams_of_runs(shown)
    return {
        "items": [facts.log_facts(run, streams.get(run.pk, ())) for run in shown],
        "next_cursor": cursor_of(shown[-1].finished_at, shown[-1].pk) if len(page) > limit else None,
    }


@router.get("/runs/{uuid:run_id}", response={200: schemas.Run, **UNKNOWN}, auth=READ, url_name="run", tags=["runs"])
def run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """One run with its services, also while it is under way."""
    return facts.run_facts(_run(run_id))


def _run(run_id: UUID) -> SyncRun:
    found = SyncRun.objects.select_related("connection", "requested_by").filter(connection__deletion="", pk=run_id)
    one = found.first()
    if one is None:
        raise Problem(404, "not_found")
    return one


LEVELS: dict[schemas.Level, list[str]] = {
    schemas.Level.INFO: SyncLog.Level.values,
    schemas.Level.WARNING: [SyncLog.Level.WARNING, SyncLog.Level.ERROR],
    schemas.Level.ERROR: [SyncLog.Level.ERROR],
}


@router.get(
    "/runs/{uuid:run_id}/events", response={200: schemas.Events, **UNKNOWN}, auth=READ, url_name="events", tags=["runs"]
)
def events(
    request: HttpRequest,
    run_id: UUID,
    level: Annotated[schemas.Level, Query(description="These and worse")] = schemas.Level.INFO,
    limit: WrittenWhole = LIMIT,
    cursor: CursorQuery = None,
) -> dict[str, Any]:
    """The log of a run, oldest first."""
    after = number_of(cursor) if cursor else 0
    found = SyncLog.objects.filter(run=_run(run_id), level__in=LEVELS[level], pk__gt=after)
    page = list(found.order_by("pk")[: limit + 1])
    shown = page[:limit]
    items = [
        {
            "id": entry.pk,
            "at": entry.at,
            "level": entry.level,
            "stream": entry.stream or None,
            "event": entry.event,
            "message": sentence(entry.event, entry.params),
            "params": entry.params,
            "repeats": entry.repeats,
        }
        for entry in shown
    ]
    return {"items": items, "next_cursor": cursor_of(shown[-1].pk) if len(page) > limit else None}


@router.get(
    "/connections",
    response={200: schemas.Connections, **UNKNOWN},
    auth=READ,
    url_name="connections",
    tags=["connections"],
)
def connections(
    request: HttpRequest, q: WordsQuery = "", limit: WrittenWhole = LIMIT, cursor: CursorQuery = None
) -> dict[str, Any]:
    """The connections, in the order they were made."""
    now = timezone.now()
    after = number_of(cursor) if cursor else 0
    wanted = _connections().filter(pk__gt=after).order_by("pk")
    if q.strip():
        wanted = wanted.filter(pk__in=[one.pk for one in _connections() if finds(q, *names_of(one))])
    page = load_rows(wanted[: limit + 1], now)
    shown = page[:limit]
    return {
        "items": [facts.connection_facts(row, now) for row in shown],
        "next_cursor": cursor_of(shown[-1].connection.pk) if len(page) > limit else None,
    }


@router.get(
    "/connections/{slug:slug}",
    response={200: schemas.Connection, **UNKNOWN},
    auth=READ,
    url_name="connection",
    tags=["connections"],
)
def connection(request: HttpRequest, slug: Slug) -> dict[str, Any]:
    """One connection."""
    return _shown(_connection(slug))


@router.patch(
    "/connections/{slug:slug}",
    response={200: schemas.Connection, **UNKNOWN, 403: ProblemDocument},
    auth=OPERATE,
    url_name="connection_change",
    tags=["connections"],
)
def connection_change(request: HttpRequest, slug: Slug, change: schemas.ConnectionChange) -> dict[str, Any]:
    """Switch automatic syncing, or pause it until a moment."""
    found, now, actor = _connection(slug), timezone.now(), _actor(request)
    until = change.paused_until
    if until is not None:
        until = min(until, now + LONGEST) if until > now else None
    try:
        if "auto_sync" in change.model_fields_set:
            found = set_auto_sync(found, change.auto_sync, actor=actor)
        if "paused_until" in change.model_fields_set:
            found = pause(found, until, actor=actor)
    except SyncError as error:
        raise Problem(422, error.code, params=error.params, source=label_of(found.kind)) from None
    statuses.forget()
    return _shown(found)


def _shown(found: Connection) -> dict[str, Any]:
    now = timezone.now()
    (row,) = load_rows(Connection.objects.filter(pk=found.pk), now)
    return facts.connection_facts(row, now)


@router.get(
    "/metrics/{slug:slug}", response={200: schemas.Metrics, **UNKNOWN}, auth=READ, url_name="metrics", tags=["metrics"]
)
def metrics(request: HttpRequest, slug: Slug, since: SinceQuery = None, until: UntilQuery = None) -> dict[str, Any]:
    """A connection's runs over a period, added up; without since and until, the last 24 hours."""
    until = until or timezone.now()
    since = since or until - timedelta(days=1)
    return metrics_of(_connection(slug), since, until)
