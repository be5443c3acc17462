"""Steps: work that a connector does after its streams, on rows that are loaded already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max

from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.context import ReadOptions
from connections.sdk.declare import Document, Page, Step, Stream, Within
from connections.services import SelectedStream, allows_private_addresses
from syncruns.engine.context import EngineContext, Leash, Log
from syncruns.engine.documents import kept_document
from syncruns.engine.warehouse import rows_in_batches, warehouse
from syncruns.models import StreamRun, SyncRun

NEEDS_FAILED = "needs_failed"
ENDED = (StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL)
BROKEN = (StreamRun.State.FAILED, StreamRun.State.CANCELLED, StreamRun.State.UNAVAILABLE)


class EngineStepContext(EngineContext):
    """The StepContext of one step. Used by the reading thread only."""

    def __init__(
        self, connection: Connection, connector: Connector, *given: Any, stored: int | None = None, **options: Any
    ) -> None:
        """stored: whose rows and documents it works on, if not the connection's."""
        super().__init__(*given, **options)
        self._stored = connection.pk if stored is None else stored
        self._schema = connector.schema
        self._tables = {table.name: table for part in connector.parts(connection.config) for table in part.tables}

    def rows(
        self,
        table: str,
        columns: Sequence[str] = (),
        *,
        within: tuple[Within, ...] = (),
        changed_since: datetime | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        declared = self._tables[table]
        wanted = {declared.column(name).name for name in columns} or {one.name for one in declared.columns}
        found = rows_in_batches(
            warehouse(), self._schema, declared.part(wanted | {each.column for each in within}),
            connection_id=self._stored, scope=within, changed_since=changed_since,
        )  # fmt: skip
        for batch in found:
            self.check()
            yield [{name: value for name, value in row.items() if name in wanted} for row in batch]

    def document(self, sha256: str) -> Document | None:
        self.check()
        return kept_document(self._stored, sha256)


def pages_of(
    connection: Connection,
    connector: Connector,
    stream: Stream,
    state: dict[str, Any] | None,
    *,
    leash: Leash,
    log: Log,
    options: ReadOptions,
    stored: int | None = None,
) -> Iterator[Page]:
    """Let the connector read the stream, or perform the step, from state on.

    stored: whose rows a step works on, if not the connection's.
    """
    private = allows_private_addresses(connection.config)
    if isinstance(stream, Step):
        context = EngineStepContext(
            connection, connector, stream.key, leash, log,
            stored=stored, options=options, allow_private_addresses=private,
        )  # fmt: skip
        return connector.perform(stream, state, context)
    plain = EngineContext(stream.key, leash, log, options=options, allow_private_addresses=private)
    return connector.read(stream, state, plain)


def is_step(choice: SelectedStream) -> bool:
    return isinstance(choice.stream, Step)


def add_steps(
    connection: Connection,
    choices: Sequence[SelectedStream],
    chosen: list[tuple[SelectedStream, bool]],
    wanted: Sequence[str] | None,
    *,
    with_steps: bool,
    is_rested: Callable[[SelectedStream], bool],
) -> None:
    """Add to the streams of a run the steps that follow them, as syncruns.engine.sync.plan says."""
    for choice in choices:
        step = choice.stream
        if not isinstance(step, Step):
            continue
        is_new = not step.needs or any(due and one.stream.key in step.needs for one, due in chosen)
        if wanted is not None and step.key in wanted:
            chosen.append((choice, True))
        elif with_steps and choice.enabled and (is_new or wanted is None):
            is_due = wanted is not None or (is_rested(choice) and (is_new or lags(connection, step)))
            chosen.append((choice, is_due))


def lags(connection: Connection, step: Step) -> bool:
    """Say whether something that the step needs was read, or corrected by a person, since it last came to its end."""
    ended = StreamRun.objects.filter(run__connection=connection, state__in=ENDED)
    ended = ended.exclude(run__trigger=SyncRun.Trigger.DRY_RUN)
    needed = ended.filter(stream__in=step.needs).aggregate(at=Max("finished_at"))["at"]
    own = ended.filter(StreamRun.READS, stream=step.key).aggregate(at=Max("started_at"))["at"]
    return needed is not None and (own is None or own < needed)


def failed_needs(step: Step, rows: Mapping[str, StreamRun]) -> list[str]:
    """Return the labels of what the step needs and what did not succeed in this run."""
    needed = [rows[key] for key in step.needs if key in rows]
    return [row.label for row in needed if row.state in BROKEN or row.error_code == NEEDS_FAILED]
