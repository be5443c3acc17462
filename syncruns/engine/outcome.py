"""How a run ended, told from what became of its streams."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from connections.sdk.errors import UNAVAILABLE, SyncError
from syncruns.engine.log import RunLog
from syncruns.models import StreamRun, SyncRun

INTERRUPTED = {
    "cancelled": SyncRun.State.CANCELLED,
    "timed_out": SyncRun.State.TIMED_OUT,
    "stopping": SyncRun.State.QUEUED,  # handed back: another worker goes on
    "worker_lost": SyncRun.State.LOST,
    "source_changed": SyncRun.State.CANCELLED,
}


@dataclass(frozen=True)
class Outcome:
    """How a run ended. cause: the failure that decides what its connection may do next."""

    state: str
    cause: SyncError | None = None

    @classmethod
    def of(cls, error: SyncError) -> Outcome:
        return cls(INTERRUPTED.get(error.code, SyncRun.State.FAILED), error)

    @property
    def error(self) -> dict[str, Any] | None:
        if self.cause is None:
            return None
        return {"code": self.cause.code, "params": self.cause.params, "detail": self.cause.detail}


def outcome_of(run: SyncRun, rows: Collection[StreamRun], failures: Sequence[SyncError], log: RunLog) -> Outcome:
    """Note the end in the log, and return how a run ended. rows: its streams, as they are written."""
    event = "dry_run_finished" if run.is_dry else "run_finished"
    totals = {name: sum(getattr(row, name) for row in rows) for name in SyncRun.COUNTED}
    log.add("done" if not failures else "warning", event, **totals)
    states = {row.state for row in rows}
    cause = max(failures, key=_weight, default=None)
    some_done = states & {StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL}
    nothing_failed = all(failure.code == UNAVAILABLE for failure in failures) and StreamRun.State.NOT_STARTED in states
    if failures and not some_done and not nothing_failed:
        return Outcome(SyncRun.State.FAILED, cause)
    if failures or StreamRun.State.PARTIAL in states:
        return Outcome(SyncRun.State.PARTIAL, cause)
    return Outcome(SyncRun.State.SUCCEEDED)


def _weight(failure: SyncError) -> int:
    """Rank failures by what they say of a run: what needs a person or names an end first, what is not offered last."""
    if failure.info.needs_person or failure.until is not None:
        return 2
    return 0 if failure.code == UNAVAILABLE else 1
