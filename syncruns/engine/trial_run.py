"""A dry run that a worker executes: its counts, log and first rows are kept with its run, and nothing else."""

from __future__ import annotations

from connections.sdk.errors import Interruption, SyncError
from syncruns.engine import journal
from syncruns.engine.changes import ChangesNoted
from syncruns.engine.claim import held
from syncruns.engine.context import Leash
from syncruns.engine.dry_run import dry_run
from syncruns.engine.log import RunLog
from syncruns.engine.outcome import Outcome, outcome_of
from syncruns.engine.sync import plan
from syncruns.models import Change, StreamRun, SyncRun


def try_out(run: SyncRun, leash: Leash) -> Outcome:
    """Read what the claimed run asks for, and tell what a sync would change. Raises SyncError as sync does."""
    log = RunLog(run)
    recorders: dict[str, ChangesNoted] = {}

    def noting(row: StreamRun) -> ChangesNoted:
        return recorders.setdefault(row.stream, ChangesNoted(run, row.stream))

    def keep(rows: list[StreamRun]) -> None:
        leash.check()
        with held(run):
            for position, row in enumerate(rows):
                row.run, row.position = run, position
                row.save()
            Change.objects.bulk_create(change for recorder in recorders.values() for change in recorder.take())
        log.flush()

    try:
        streams = run.options.get("streams")
        journal.in_force(run, plan(run.connection, streams, all_due=True, with_steps=False))
        log.add("info", "dry_run_started")
        with held(run):  # what it noted before it was handed back
            run.streams.all().delete()
            run.changes.all().delete()
        rows = dry_run(
            run.connection, streams=streams, options=run.options, progress=keep, leash=leash, log=log, noting=noting
        )
        failures = [SyncError(row.error_code, **row.error_params) for row in rows if row.error_code]
        for row in rows:
            if not row.error_code:
                journal.stream_ended(run, row)
                continue
            journal.stream_failed(run, row, SyncError(row.error_code, **row.error_params), pause=None)
            log.add("error", f"failed.{row.error_code}", row.stream, source=run.connection.name, **row.error_params)
        return outcome_of(run, rows, failures, log)
    except Interruption as interruption:
        return Outcome.of(interruption)
    finally:
        log.close()
