"""Data in motion: read, type and load each stream of a run, and commit rows and checkpoint together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import Error, connections
from django.utils import timezone

from connections.expiry import explained
from connections.models import Connection, StreamSetting
from connections.sdk.connector import Connector
from connections.sdk.context import ReadOptions
from connections.sdk.declare import Step
from connections.sdk.errors import UNAVAILABLE, Interruption, SyncError
from connections.services import SelectedStream, streams_of
from syncruns.engine import journal
from syncruns.engine.asked import is_first_read, moves_checkpoint, read_options
from syncruns.engine.changes import ChangeRecorder
from syncruns.engine.claim import held
from syncruns.engine.context import Leash
from syncruns.engine.evolution import Evolutions
from syncruns.engine.load import StreamLoad
from syncruns.engine.log import RunLog
from syncruns.engine.outcome import Outcome, outcome_of
from syncruns.engine.quarantine import waiting_of
from syncruns.engine.reader import read_ahead
from syncruns.engine.reset import in_range, is_reset, order_of
from syncruns.engine.reset_load import ResetLoad
from syncruns.engine.retries import attempts_of, rest_of
from syncruns.engine.steps import NEEDS_FAILED, add_steps, failed_needs, is_step, pages_of
from syncruns.engine.warehouse import Warehouse, warehouse
from syncruns.models import Backfill, Checkpoint, Reset, StreamRun, SyncRun

logger = logging.getLogger("sync.engine")

LOG_SECONDS = 1.0  # between two writes of the run's log while all goes well
LONGEST_PAUSE = 60.0  # seconds a source may ask for within a run; beyond that the connection waits for its quota
LOADED = [*StreamRun.COUNTED, "pages", "expected", "checkpoint_after"]  # of a stream's row
ENDS_THE_RUN = {"credentials_refused", "credentials_expired", "config_invalid", "address_refused", "secrets_unreadable"}


def sync(run: SyncRun, open_connector: Callable[[], Connector], leash: Leash) -> Outcome:
    """Run every selected stream of a claimed run, in order, then the steps; one that fails does not stop the others.

    Returns how it ended; raises SyncError only for what came before the first stream (settings, secrets).
    """
    log = RunLog(run)
    try:
        selected = plan(
            run.connection, run.options.get("streams"), all_due=run.priority > 0,
            with_steps=run.trigger != SyncRun.Trigger.BACKFILL,
        )  # fmt: skip
        journal.in_force(run, selected)
        log.add("info", "run_started", streams=[choice.stream.label for choice, due in selected if due])
        with held(run):
            rows = _stream_runs(run, [choice for choice, _due in selected])
            log.write()
        failures: list[SyncError] = []
        for choice, due in selected:
            row = rows[choice.stream.key]
            if row.state in (StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL):
                if row.error_code:
                    failures.append(SyncError(row.error_code, **row.error_params))
                continue  # done before this run was handed back
            if not due:
                _leave_out(run, row, log, "nothing_new" if is_step(choice) else "not_due")
            elif any(failure.code in ENDS_THE_RUN or _is_held(failure) for failure in failures):
                _leave_out(run, row, log, "earlier_failure")
            elif isinstance(choice.stream, Step) and (needs := failed_needs(choice.stream, rows)):
                _leave_out(run, row, log, NEEDS_FAILED, needs=needs)
            else:
                failure = _StreamSync(run, choice, row, open_connector, leash, log).run()
                if failure is not None:
                    failures.append(failure)
        return outcome_of(run, rows.values(), failures, log)
    except Interruption as interrupted:
        interruption = Interruption("source_changed") if _lost_its_source(run, interrupted) else interrupted
        log.add(
            "warning",
            {"cancelled": "run_cancelled", "stopping": "run_handed_back"}.get(
                interruption.code, f"failed.{interruption.code}"
            ),
        )
        return Outcome.of(interruption)
    finally:
        log.close()


class _StreamSync:
    """One stream of one run, with its retries."""

    def __init__(
        self,
        run: SyncRun,
        choice: SelectedStream,
        row: StreamRun,
        open_connector: Callable[[], Connector],
        leash: Leash,
        log: RunLog,
    ) -> None:
        self._run = run
        self._stream = choice.stream
        self._choice = choice
        self._row = row
        self._open = open_connector
        self._leash = leash
        self._log = log

    def run(self) -> SyncError | None:
        """Read the stream to its end, trying transient failures again with a fresh session.

        Returns its failure, or what kept deletions back.
        """
        source = self._run.connection.name
        attempts = attempts_of(self._run.connection)
        for attempt in range(1, attempts + 1):
            try:
                brake = self._read(self._begin(attempt))
            except Interruption as interruption:
                self._tell_interrupted(interruption)
                raise
            except SyncError as error:
                failure = self._explained(error)
            except Error as error:
                connections.close_all()
                failure = SyncError("destination_failed", detail=type(error).__name__)
            else:
                return self._end(brake)
            pause = _pause_before_retry(failure, rest_of(self._run.connection))
            if pause is None or attempt == attempts:
                break
            journal.stream_failed(self._run, self._row, failure, pause=pause)
            self._log.add(
                "warning", "stream_retry", self._stream.key, code=failure.code, attempt=attempt + 1,
                attempts=attempts, seconds=round(pause),
            )  # fmt: skip
            self._leash.wait(pause)
        journal.stream_failed(self._run, self._row, failure, pause=None)
        self._fail(failure)
        level = "warning" if failure.code == UNAVAILABLE else "error"
        self._log.add(level, f"failed.{failure.code}", self._stream.key, source=source, **failure.params)
        self._log.flush()
        return failure

    def _begin(self, attempt: int) -> Checkpoint:
        """Note that the stream is read from now on, and take its checkpoint."""
        row = self._row
        row.state, row.attempt = StreamRun.State.RUNNING, attempt
        row.started_at = row.started_at or timezone.now()
        row.error_code, row.error_params, row.error_detail = "", {}, ""  # of before the run was handed back
        noted = ["state", "attempt", "started_at", "error_code", "error_params", "error_detail", "checkpoint_before"]
        with held(self._run):
            checkpoint = Checkpoint.taken(self._run, self._stream.key)
            if is_reset(self._choice, self._run.options):
                Reset.follow(checkpoint, order_of(self._run.options))
            row.checkpoint_before = checkpoint.state
            row.save(update_fields=noted)
        return checkpoint

    def _read(self, checkpoint: Checkpoint) -> SyncError | None:
        """Read and load to the end; return what kept a sweep from marking rows deleted."""
        connection = self._run.connection
        connector = self._open()
        destination = warehouse()
        destination.recorder = ChangeRecorder(self._run, self._stream.key)
        Evolutions(self._run, self._stream, connector.schema, self._log).prepare(destination, checkpoint)
        window = Backfill.of(self._run)
        load = self._load(connector, checkpoint, destination, window)
        state = load.begin()
        options = read_options(self._choice, self._run.options, state, window.place_in(self._run) if window else None)
        read = partial(
            pages_of, connection, connector, self._stream, state, leash=self._leash, log=self._log, options=options
        )
        if options.until is not None:
            read = partial(in_range, read)
        self._announce(load, options)
        try:
            if not load.is_read:
                with read_ahead(read, self._stream, self._idle) as groups:
                    for group in groups:
                        self._leash.check()
                        load.load(group)
                        self._log.flush(LOG_SECONDS)
            load.finish()
        except SyncError:
            load.close()  # after anything else the session is not to be used again
            raise
        load.close()
        return load.brake

    def _load(
        self, connector: Connector, checkpoint: Checkpoint, destination: Warehouse, window: Backfill | None
    ) -> StreamLoad:
        given = (self._run, self._row, self._stream, connector.schema, checkpoint, destination, self._log)
        if is_reset(self._choice, self._run.options):
            order, leash = order_of(self._run.options), self._leash
            return ResetLoad(*given, pulse=leash.check, order=order, expect=leash.expect)
        moves = moves_checkpoint(self._choice, self._run.options)
        return StreamLoad(*given, moves_checkpoint=moves, window=window, pulse=self._leash.check)

    def _announce(self, load: StreamLoad, options: ReadOptions) -> None:
        """Note in the log how the stream is read."""
        told: dict[str, Any] = {}
        if isinstance(load, ResetLoad):
            event = load.announcement
        elif options.until is not None:
            event = "backfill_window"
            told = {"since": self._run.options["since"], "until": self._run.options["until"]}
        elif options.since is not None:
            event, told = "stream_started_since", {"since": options.since.isoformat()}
        else:
            event = f"{self._row.kind}_started"
        self._log.add("info", event, self._stream.key, **told)

    def _tell_interrupted(self, interruption: Interruption) -> None:
        if interruption.code != "worker_lost":  # else what this worker knows is no longer true
            with suppress(Error):
                self._row.refresh_from_db(fields=LOADED)
                journal.stream_interrupted(self._run, self._row, interruption.code)

    def _explained(self, error: SyncError) -> SyncError:
        connection = self._run.connection
        return explained(error, connection.kind, connection.config, connection.secrets_set_at)

    def _idle(self) -> None:
        self._leash.look()  # waiting is no sign of life: the reader gives its own
        self._log.flush()

    def _end(self, brake: SyncError | None) -> SyncError | None:
        row = self._row
        row.refresh_from_db(fields=LOADED)  # the load counts in the database, with the rows
        waits = row.quarantined and waiting_of(self._run, self._stream.key)
        row.state = StreamRun.State.PARTIAL if waits or brake else StreamRun.State.SUCCEEDED
        row.finished_at = timezone.now()
        if brake is not None:
            row.error_code, row.error_params = brake.code, brake.params
        with held(self._run):
            row.save(update_fields=["state", "finished_at", "error_code", "error_params"])
            self._note_first_read()
        journal.stream_ended(self._run, row)
        if row.written:
            counts = {name: getattr(row, name) for name in ("read", "inserted", "updated", "deleted")}
            self._log.add("done", f"{row.kind}_finished", self._stream.key, **counts)
        else:
            self._log.add("done", f"{row.kind}_no_changes", self._stream.key, read=row.read)
        if brake is not None:
            self._log.add("warning", f"failed.{brake.code}", self._stream.key, **brake.params)
        self._log.flush(LOG_SECONDS)
        return brake

    def _note_first_read(self) -> None:
        """From now on reads go on from the checkpoint; a source that had nothing to show has made none yet."""
        if is_first_read(self._choice, self._run.options) and (
            self._row.checkpoint_after is not None or not self._stream.changed_since
        ):
            StreamSetting.objects.filter(connection=self._run.connection, stream=self._stream.key).update(
                first_since=None
            )

    def _fail(self, failure: SyncError) -> None:
        row = self._row
        row.refresh_from_db(fields=LOADED)
        row.state = StreamRun.State.UNAVAILABLE if failure.code == UNAVAILABLE else StreamRun.State.FAILED
        row.finished_at = timezone.now()
        row.error_code, row.error_params, row.error_detail = failure.code, failure.params, failure.detail
        with held(self._run):
            row.save(update_fields=["state", "finished_at", "error_code", "error_params", "error_detail"])


def _lost_its_source(run: SyncRun, interruption: Interruption) -> bool:
    """Say whether the run may write no more because the settings have named another source since it began."""
    its_source = Connection.objects.filter(pk=run.connection_id, source_number=run.connection.source_number)
    try:
        return interruption.code == "worker_lost" and not its_source.exists()
    except Error:
        return False  # the database is away, which is why it was lost


def _is_held(failure: SyncError) -> bool:
    """Say whether the source asked to be left alone until a moment that has not come yet."""
    return failure.until is not None and failure.until > timezone.now()


def _pause_before_retry(failure: SyncError, rest: float) -> float | None:
    """Return how many seconds to wait before another attempt in this run; None: it is pointless, or too long."""
    if not failure.info.retryable:
        return None
    asked = (failure.until - timezone.now()).total_seconds() if failure.until is not None else 0.0
    return max(rest, asked) if asked <= LONGEST_PAUSE else None


def plan(
    connection: Connection, wanted: Sequence[str] | None, *, all_due: bool, with_steps: bool = True
) -> list[tuple[SelectedStream, bool]]:
    """Return the streams to read, in order, each with whether it is due: those wanted, else those switched on.

    The steps come after them: those wanted, and those switched on that build on what is read; with_steps=False leaves
    these to a later run. Raises SyncError("config_invalid") when there is none.
    """
    choices = streams_of(connection)
    chosen = [
        (choice, all_due or wanted is not None or _is_due(connection, choice))
        for choice in choices
        if not is_step(choice) and (choice.enabled if wanted is None else choice.stream.key in wanted)
    ]
    if not chosen and wanted is None:
        raise SyncError("config_invalid", field="streams", reason="no_streams")
    is_rested = lambda choice: all_due or _is_due(connection, choice)  # noqa: E731 - a name for one condition
    add_steps(connection, choices, chosen, wanted, with_steps=with_steps, is_rested=is_rested)
    if not chosen:
        raise SyncError("config_invalid", field="streams", reason="no_streams")
    return chosen


def _is_due(connection: Connection, choice: SelectedStream) -> bool:
    """Say whether a stream or step with a slower rhythm of its own has rested long enough."""
    if not choice.every_minutes:
        return True
    since = timezone.now() - timedelta(minutes=choice.every_minutes)
    if connection.emptied_at is not None:
        since = max(since, connection.emptied_at)
    return not StreamRun.objects.filter(
        StreamRun.READS,
        run__connection=connection,
        stream=choice.stream.key,
        state__in=(StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL),  # both were read to their end
        started_at__gt=since,
    ).exists()


def _stream_runs(run: SyncRun, choices: list[SelectedStream]) -> dict[str, StreamRun]:
    """Create the run's stream rows, or find those of before it was handed back."""
    known = {row.stream: row for row in run.streams.all()} if run.fence > 1 else {}
    missing = [
        StreamRun(
            run=run,
            stream=choice.stream.key,
            label=choice.stream.label,
            position=position,
            kind=StreamRun.Kind.STEP if is_step(choice) else StreamRun.Kind.STREAM,
        )  # fmt: skip
        for position, choice in enumerate(choices)
        if choice.stream.key not in known
    ]
    StreamRun.objects.bulk_create(missing)
    return known | {row.stream: row for row in missing}


def _leave_out(run: SyncRun, row: StreamRun, log: RunLog, reason: str, **params: Any) -> None:
    row.state = StreamRun.State.NOT_STARTED
    if reason == NEEDS_FAILED:
        row.error_code, row.error_params = reason, params
    with held(run):
        row.save(update_fields=["state", "error_code", "error_params"])
    level = "info" if reason in ("not_due", "nothing_new") else "warning"
    event = "step_held_back" if reason == NEEDS_FAILED else f"{row.kind}_skipped"
    log.add(level, event, row.stream, reason=reason, **params)
    if level == "warning":
        journal.stream_left_out(run, row, reason, params)
