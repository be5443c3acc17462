"""How runs, their streams and what is told of them look: icon, word, colour. Never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from syncruns.models import Correction, QuarantinedRecord, StreamRun, SyncLog, SyncRun
from syncruns.models.outgoing import Outgoing

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Words
else:
    Words = Promise


@dataclass(frozen=True)
class Look:
    """colour: a suffix of the state-* classes. icon: a symbol of the sprite."""

    word: Words
    icon: str
    colour: str


State = SyncRun.State
RUN_LOOKS: dict[str, Look] = {
    State.QUEUED: Look(pgettext_lazy("run", "Queued"), "clock", "off"),
    State.RUNNING: Look(pgettext_lazy("run", "Running"), "loader-2", "running"),
    State.SUCCEEDED: Look(pgettext_lazy("run", "Succeeded"), "circle-check", "ok"),
    State.PARTIAL: Look(pgettext_lazy("run", "Partial"), "circle-half-2", "partial"),
    State.FAILED: Look(pgettext_lazy("run", "Failed"), "circle-x", "action"),
    State.CANCELLED: Look(pgettext_lazy("run", "Cancelled"), "x", "off"),
    State.LOST: Look(pgettext_lazy("run", "Lost"), "alert-triangle", "action"),
    State.TIMED_OUT: Look(pgettext_lazy("run", "Timed out"), "clock-exclamation", "action"),
    State.SKIPPED: Look(pgettext_lazy("run", "Skipped"), "player-pause", "off"),
}
NO_CHANGES = Look(pgettext_lazy("run", "No changes"), "circle-minus", "ok")

STREAM_LOOKS: dict[str, Look] = {
    StreamRun.State.WAITING: Look(pgettext_lazy("stream", "Queued"), "clock", "off"),
    StreamRun.State.RUNNING: Look(pgettext_lazy("stream", "Reading"), "loader-2", "running"),
    StreamRun.State.SUCCEEDED: Look(pgettext_lazy("stream", "Done"), "circle-check", "ok"),
    StreamRun.State.PARTIAL: Look(pgettext_lazy("stream", "Partial"), "circle-half-2", "partial"),
    StreamRun.State.FAILED: Look(pgettext_lazy("stream", "Failed"), "circle-x", "action"),
    StreamRun.State.CANCELLED: Look(pgettext_lazy("stream", "Cancelled"), "x", "off"),
    StreamRun.State.NOT_STARTED: Look(pgettext_lazy("stream", "Not started"), "circle-minus", "off"),
    StreamRun.State.UNAVAILABLE: Look(pgettext_lazy("stream", "Unavailable"), "plug-connected-x", "partial"),
}
STEP_RUNNING = Look(pgettext_lazy("step", "Working"), "loader-2", "running")
STREAM_NO_CHANGES = Look(pgettext_lazy("stream", "No changes"), "circle-minus", "ok")

LEVEL_LOOKS: dict[str, Look] = {
    SyncLog.Level.INFO: Look(_("Info"), "info-circle", "off"),
    SyncLog.Level.DONE: Look(pgettext_lazy("log", "Done"), "circle-check", "ok"),
    SyncLog.Level.WARNING: Look(_("Warning"), "alert-triangle", "late"),
    SyncLog.Level.ERROR: Look(_("Error"), "circle-x", "action"),
}

RECORD_LOOKS: dict[str, Look] = {
    QuarantinedRecord.State.OPEN: Look(pgettext_lazy("record", "Waiting"), "clock", "late"),
    QuarantinedRecord.State.FIXED: Look(pgettext_lazy("record", "Loaded"), "circle-check", "ok"),
    QuarantinedRecord.State.DISCARDED: Look(pgettext_lazy("record", "Discarded"), "trash", "off"),
}

CORRECTION_LOOKS: dict[str, Look] = {
    Correction.State.ACTIVE: Look(pgettext_lazy("correction", "In force"), "circle-check", "ok"),
    Correction.State.SUPERSEDED: Look(pgettext_lazy("correction", "The source changed"), "alert-triangle", "late"),
    Correction.State.ENDED: Look(pgettext_lazy("correction", "Ended"), "circle-minus", "off"),
}

DELIVERY_LOOKS: dict[str, Look] = {
    Outgoing.State.WAITING: Look(pgettext_lazy("e-mail", "Waiting"), "clock", "off"),
    Outgoing.State.SENDING: Look(pgettext_lazy("e-mail", "Being sent"), "loader-2", "running"),
    Outgoing.State.SENT: Look(pgettext_lazy("e-mail", "Sent"), "circle-check", "ok"),
    Outgoing.State.FAILED: Look(pgettext_lazy("e-mail", "Not sent"), "circle-x", "action"),
    Outgoing.State.DROPPED: Look(pgettext_lazy("e-mail", "Left out"), "circle-minus", "off"),
}

FAILURES = (State.FAILED, State.LOST, State.TIMED_OUT)
DECISIVE = (State.SUCCEEDED, State.PARTIAL, *FAILURES)  # what health is read from; skipped and cancelled say nothing


def look_of_run(run: SyncRun) -> Look:
    state = run.shown_state
    if state == State.SUCCEEDED and not run.written:
        return NO_CHANGES
    return RUN_LOOKS[state]


def look_of_stream(stream: StreamRun) -> Look:
    if stream.state == StreamRun.State.SUCCEEDED and not stream.written:
        return STREAM_NO_CHANGES
    if stream.is_step and stream.state == StreamRun.State.RUNNING:
        return STEP_RUNNING
    return STREAM_LOOKS[stream.state]


def shape_of(state: str, written: int) -> str:
    """Return how a run is drawn in strips and charts: ok, same, partial, failed, off or run."""
    if state in SyncRun.ACTIVE:
        return "run"
    if state == State.SUCCEEDED:
        return "ok" if written else "same"
    if state == State.PARTIAL:
        return "partial"
    return "failed" if state in FAILURES else "off"
