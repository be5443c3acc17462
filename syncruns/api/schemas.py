"""What the API takes and answers. Many facts stand under an English and a Portuguese name; both are always there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, cast
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr

from connections.defaults import LONGEST_WINDOW
from syncruns.health import LOOKS
from syncruns.models import StreamRun, SyncRun

SLUG = r"^[-a-zA-Z0-9_]+$"


FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _moment(value: Any) -> Any:
    """Take RFC 3339, in full; what lies before or after all that databases hold becomes the first or last of it."""
    if not isinstance(value, str):
        raise ValueError("a moment with a time zone is wanted, such as 2026-11-27T02:30:00Z")
    text = re.sub(r"^0000", "0001", re.sub(r"(:\d\d):60", r"\1:59", value.upper()))  # leap seconds, and the year 0
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time zone is wanted, such as Z")
    if moment.year < FIRST.year or moment.year > LAST.year:
        return FIRST if moment.year < FIRST.year else LAST
    return moment.astimezone(UTC)


def _whole(value: Any) -> Any:
    """Take 90 and 90.0, which are the same to JSON, but neither "90" nor true."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError("a whole number is wanted")
    return int(value)


def _written_whole(value: Any) -> Any:
    """Take digits alone, as an address has them: neither " 1" nor "1_0", which Python would read as numbers."""
    if type(value) is int:  # the default
        return value
    if not isinstance(value, str) or not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value, re.ASCII):
        raise ValueError("a whole number is wanted, in digits")
    return int(value)


def _written_truth(value: Any) -> Any:
    if value not in ("true", "false", True, False):
        raise ValueError("true or false is wanted")
    return value in ("true", True)


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
WrittenWhole = Annotated[int, BeforeValidator(_written_whole)]
WrittenTruth = Annotated[bool, BeforeValidator(_written_truth)]


class Outcome(StrEnum):
    """How a run ended, in three words (docs/api.md: which state is which)."""

    SUCCESS = "SUCESSO"
    PARTIAL = "PARCIAL"
    FAILURE = "FALHA"


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


State = StrEnum("State", {name.upper(): name for name in SyncRun.State.values})  # type: ignore[misc]  # made of another
StreamState = StrEnum("StreamState", {name.upper(): name for name in StreamRun.State.values})  # type: ignore[misc]
HealthState = StrEnum("HealthState", {name.upper(): name for name in LOOKS})  # type: ignore[misc]


class Error(Schema):
    """One thing that went wrong, in the language asked for (Accept-Language)."""

    code: str = Field(description="Stable; the catalogue of errors has the words for it")
    connection: str = Field(description="The connection's short name")
    stream: str | None = Field(description="The service it is about; null: the whole run")
    title: str
    message: str
    cause: str
    steps: list[str]
    at: datetime | None


class Facts(Schema):
    """What is known of one connection, or of all of them together."""

    health: HealthState = Field(description="Of all connections: the worst")
    last_run_at: datetime | None = Field(description="When the last run that read the source ended")
    ultima_execucao: datetime | None
    next_run_at: datetime | None = Field(description="When the next run is planned; null: none is")
    proxima_execucao: datetime | None
    running: bool = Field(description="A run is under way, or waits for a worker")
    em_execucao: bool
    units_synced: int = Field(description="Services that the last run read to their end")
    ucs_sincronizadas: int
    unidades_sincronizadas: int
    new_records: int = Field(description="Records that the last run added")
    faturas_novas: int
    registros_novos: int
    errors: list[Error]
    erros: list[Error]


class ConnectionStatus(Facts):
    connection: str
    name: str
    kind: str
    sentence: str = Field(description="What the health means here")


class Status(Facts):
    """All connections together, then each; or, with connection=, only that one."""

    connections: list[ConnectionStatus]


class TriggerIn(Schema):
    """Nothing: every connection that may run."""

    model_config = ConfigDict(extra="forbid")

    connection: Annotated[StrictStr, Field(pattern=SLUG, max_length=60)] | None = Field(
        default=None, description="Its short name; without it, every connection that may run"
    )
    stream: Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)] | None = Field(
        default=None, description="Only this service, even if it is switched off"
    )
    window_minutes: Annotated[int, Field(ge=1, le=LONGEST_WINDOW), BeforeValidator(_whole)] | None = Field(
        default=None, description="Look back this far, once, instead of going on from the checkpoint"
    )


class Started(Schema):
    run_id: UUID
    connection: str
    url: str


class Skipped(Schema):
    connection: str
    code: str = Field(description="already_running, paused, quota_blocked, or why it is stopped")
    run_id: UUID | None = None


class Triggered(Schema):
    run_ids: list[UUID]
    runs: list[Started]
    skipped: list[Skipped]


class Log(Schema):
    """One run that ended."""

    id: UUID
    connection: str
    status: Outcome
    state: State
    trigger: str
    started_at: datetime | None = Field(description="Null: it ended before a worker took it")
    inicio: datetime | None
    finished_at: datetime
    fim: datetime
    duration_seconds: float | None
    duracao_segundos: float | None
    units_processed: int = Field(description="Services that were read, wholly or in part")
    ucs_processadas: int
    records_created: int
    faturas_criadas: int
    records_read: int
    records_updated: int
    records_deleted: int
    records_quarantined: int
    errors: list[Error]
    erros: list[Error]


class Logs(Schema):
    items: list[Log] = Field(description="Newest end first")
    next_cursor: str | None = Field(description="Give it as cursor= to go on; null: that was all")


class Stream(Schema):
    stream: str
    label: str
    state: StreamState
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    read: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    quarantined: int
    error: Error | None


class Run(Schema):
    id: UUID
    connection: str
    state: State
    status: Outcome | None = Field(description="Null while it has not ended")
    sentence: str
    trigger: str
    requested_by: str | None
    attempt: int
    slot: datetime | None
    queued_at: datetime
    started_at: datetime | None
    inicio: datetime | None
    finished_at: datetime | None
    fim: datetime | None
    duration_seconds: float | None
    duracao_segundos: float | None
    progress_percent: int | None = Field(description="Null while nobody can tell")
    read: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    quarantined: int
    errors: list[Error]
    erros: list[Error]
    streams: list[Stream]


class Event(Schema):
    id: int
    at: datetime
    level: str = Field(description="info, done, warning or error")
    stream: str | None
    event: str = Field(description="A stable code")
    message: str
    params: dict[str, Any]
    repeats: int


class Events(Schema):
    items: list[Event] = Field(description="Oldest first")
    next_cursor: str | None = Field(
        description="Give it as cursor= for what comes next, also later; null: that was all"
    )


class Connection(Schema):
    slug: str
    name: str
    description: str = Field(description="What people wrote about it; may have several lines")
    kind: str
    label: str
    tags: list[str]
    health: HealthState
    sentence: str
    auto_sync: bool
    paused_until: datetime | None
    last_run_at: datetime | None
    next_run_at: datetime | None
    running: bool
    run_id: UUID | None = Field(description="The run under way")


class Connections(Schema):
    items: list[Connection]
    next_cursor: str | None


class ConnectionChange(Schema):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    # None stands for "left out" and cannot be sent.
    auto_sync: StrictBool = Field(default=cast(bool, None), description="Automatic syncing on or off")
    paused_until: Moment | None = Field(
        default=None, description="No scheduled run starts before; at most 366 days ahead. Null, or the past, lifts it"
    )


class Metrics(Schema):
    """One connection over a period."""

    connection: str
    since: datetime
    until: datetime
    runs: int = Field(description="Runs that ended; cancelled and skipped ones are not counted")
    runs_succeeded: int
    runs_partial: int
    runs_failed: int
    duration_seconds: float | None = Field(description="Of a run, on average; null: there was none")
    duracao_segundos: float | None
    longest_seconds: float | None
    units_total: int = Field(description="Services that the runs were to read, added up")
    ucs_total: int
    units_succeeded: int
    ucs_sucesso: int
    units_failed: int
    ucs_erro: int
    new_records: int
    faturas_novas: int
    registros_novos: int
    records_read: int
    records_updated: int
    records_deleted: int
    records_quarantined: int
    success_rate: float | None = Field(description="units_succeeded of units_total, from 0 to 1; null: there were none")
    taxa_sucesso: float | None


class ProblemDocument(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    cause: str
    steps: list[str]
    errors: list[dict[str, Any]] = Field(default=[], description="Which parameters are wrong, and why")
    run_id: UUID | None = None
    run_ids: list[UUID] = []
    skipped: list[Skipped] = []
    until: datetime | None = None
