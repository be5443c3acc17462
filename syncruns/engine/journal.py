"""What the application log says of runs and slots: what is in force, how each try of a stream ended, what follows.

One line each, in the console's own language and without any secret. The pages' log (RunLog) is another: it holds codes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext as _

from connections.catalogue import explain
from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk.declare import Step
from connections.sdk.errors import UNAVAILABLE, Interruption, SyncError
from connections.sdk.redaction import Redactor
from connections.services import SelectedStream
from syncruns.engine.retries import attempts_of, rest_of
from syncruns.events import REASONS, sentence
from syncruns.models import StreamRun, SyncLog, SyncRun
from syncruns.models.run import Counts
from syncruns.outcomes import FAILURES, look_of_run
from syncruns.timewords import duration, exact

logger = logging.getLogger("sync.run")

LINE_ENDS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")  # one event stays one line, whatever a source wrote
LONG_WAIT_SECONDS = 5
LEVELS: dict[str, int] = {
    SyncLog.Level.INFO: logging.INFO,
    SyncLog.Level.DONE: logging.INFO,
    SyncLog.Level.WARNING: logging.WARNING,
    SyncLog.Level.ERROR: logging.ERROR,
}


def began(run: SyncRun) -> None:
    """Say who runs what, and under which limits."""
    _write(
        run,
        logging.INFO,
        lambda: (
            _(
                "started: %(kind)s, %(trigger)s, run attempt %(attempt)s, worker %(worker)s; streams are tried up to "
                "%(tries)s times, %(delay)s s apart; lease %(lease)s s, deadline %(deadline)s s"
            )
            % {
                "kind": run.connection.kind,
                "trigger": _trigger_words(run),
                "attempt": run.attempt,
                "worker": run.worker,
                "tries": 1 if run.is_dry else attempts_of(run.connection),
                "delay": f"{rest_of(run.connection):g}",
                "lease": settings.LEASE_SECONDS,
                "deadline": settings.RUN_DEADLINE,
            }
        ),
    )


def in_force(run: SyncRun, selected: Sequence[tuple[SelectedStream, bool]]) -> None:
    """Say with which settings and windows the streams are read."""
    _write(run, logging.INFO, lambda: _("settings: %(settings)s") % {"settings": _settings_words(run)})
    _write(
        run,
        logging.INFO,
        lambda: (
            _("windows: %(windows)s")
            % {"windows": "; ".join(_window_words(run, choice, due) for choice, due in selected)}
        ),
    )


def stream_ended(run: SyncRun, row: StreamRun) -> None:
    """Say what a stream's last try moved."""
    _write(
        run,
        logging.INFO,
        lambda: (
            _("%(stream)s, attempt %(attempt)s/%(attempts)s: %(counts)s  in %(span)s")
            % (_attempt(row) | {"counts": _counts_words(row), "span": duration(row.duration)})
        ),
    )


def stream_left_out(run: SyncRun, row: StreamRun, reason: str, params: dict[str, Any]) -> None:
    """Say of a stream or step that was due that it was not even tried."""
    event = "step_held_back" if "needs" in params else f"{row.kind}_skipped"
    said = {"reason": reason, **params}
    _write(run, logging.WARNING, lambda: f"{gettext(row.label)}: {sentence(event, said)}")


def stream_interrupted(run: SyncRun, row: StreamRun, code: str) -> None:
    """Say what a stream had moved when its run was interrupted; what it loaded stays."""
    _write(
        run,
        logging.WARNING,
        lambda: (
            _("%(stream)s, attempt %(attempt)s/%(attempts)s interrupted (%(code)s): %(counts)s")
            % (_attempt(row) | {"code": code, "counts": _counts_words(row)})
        ),
    )


def stream_failed(run: SyncRun, row: StreamRun, failure: SyncError, *, pause: float | None) -> None:
    """Say why a try of a stream failed, and in how many seconds another follows; None: none does."""
    level = logging.WARNING if pause is not None or failure.code == UNAVAILABLE else logging.ERROR
    _write(run, level, lambda: _failure_words(row, failure, pause))


def ended(run: SyncRun, cause: SyncError | None) -> None:
    """Say how the run ended; run is in its final state."""
    quiet = run.state not in FAILURES
    level = logging.ERROR if not quiet else logging.WARNING if cause is not None else logging.INFO
    says_more = cause is not None and not isinstance(cause, Interruption)  # the state itself names an interruption
    _write(
        run,
        level,
        lambda: (
            (_("dry run, nothing was written: ") if run.is_dry else "")
            + _("ended: %(state)s in %(span)s: %(counts)s")
            % {"state": look_of_run(run).word, "span": duration(run.duration), "counts": _counts_words(run)}
            + (f"; {_error_words(cause)}" if says_more and cause else "")
        ),
    )


def goes_on(run: SyncRun) -> None:
    """Say of a run that met its deadline that it goes on at once, not at its next slot."""
    _write(run, logging.INFO, lambda: sentence("run_requeued"))


def taken_over(run: SyncRun) -> None:
    """Say that a worker which comes back too late writes nothing: the run's end has been written by another."""
    _write(run, logging.WARNING, lambda: _("this worker no longer holds it; its end was written without it"))


def handed_back(run: SyncRun) -> None:
    """Say that the worker stops, and that another goes on."""
    _write(run, logging.INFO, lambda: _("handed back: this worker stops, another goes on from the last checkpoint"))


def lost(run: SyncRun, *, again: bool) -> None:
    """Say that the run's worker vanished, and whether the run is tried again."""

    def text() -> str:
        said = _("lost: its worker %(worker)s gives no sign of life") % {"worker": run.worker}
        follows = _("it is queued once more") if again else _("it is not queued again")
        return f"{said}; {follows}"

    _write(run, logging.WARNING, text)


def noted(run: SyncRun, level: str, event: str, stream: str, params: dict[str, Any]) -> None:
    """Repeat an entry of the pages' log that explains a silence, or is news for whoever keeps the installation."""
    waits = event in ("http_retry", "rate_wait") and params.get("seconds", 0) >= LONG_WAIT_SECONDS
    if waits or event == "source_clock" or event.startswith("schema."):
        _write(run, LEVELS[level], lambda: f"{stream}: {sentence(event, params)}")


def skipped(run: SyncRun) -> None:
    """Say of slots that they were not run, and why. run: the row that accounts for them."""
    _write_of(
        run.connection,
        logging.INFO,
        lambda: (
            ngettext(
                "%(count)s slot not run, of %(slot)s: %(reason)s",
                "%(count)s slots not run, from %(slot)s on: %(reason)s",
                run.skipped_slots,
            )
            % {
                "count": run.skipped_slots,
                "slot": exact(run.slot or run.queued_at),
                "reason": REASONS.get(run.skip_reason, run.skip_reason),
            }
        ),
    )


def not_started(run: SyncRun) -> None:
    """Say of a run that waited that it is not run, and why."""
    reason = REASONS.get(run.skip_reason, run.skip_reason) or look_of_run(run).word
    _write(run, logging.INFO, lambda: _("not started: %(reason)s") % {"reason": reason})


def stopped(connection: Connection, error: SyncError) -> None:
    """Say that the connection syncs no more until a person acts."""
    words = _error_words
    _write_of(connection, logging.ERROR, lambda: _("stopped until a person acts: %(error)s") % {"error": words(error)})


def recovered(connection: Connection) -> None:
    """Say that a connection that had stopped syncs again."""
    _write_of(connection, logging.INFO, lambda: sentence("connection.recovered"))


def blocked(connection: Connection, until: datetime) -> None:
    """Say until when the source is left alone."""
    _write_of(connection, logging.WARNING, lambda: _("waits for its source until %(until)s") % {"until": exact(until)})


def _write(run: SyncRun, level: int, text: Callable[[], str]) -> None:
    head = lambda: _("run %(run)s of %(connection)s") % {"run": run, "connection": run.connection.slug}  # noqa: E731
    _write_of(run.connection, level, text, head)


def _write_of(
    connection: Connection, level: int, text: Callable[[], str], head: Callable[[], str] | None = None
) -> None:
    """Log what text() returns in the console's language, on one line, without the connection's secrets."""
    if not logger.isEnabledFor(level):
        return
    try:
        redact = Redactor(connection.secrets.reveal().values())
    except SyncError:  # unreadable here, hence unused in this run
        redact = Redactor(())
    with translation.override(settings.LANGUAGE_CODE):
        begin = head() if head is not None else connection.slug
        logger.log(level, "%s", redact(LINE_ENDS.sub(" ", f"{begin}: {text()}")))


def _trigger_words(run: SyncRun) -> str:
    """Return what started the run, with its slot where there is one: "Schedule, slot of Nov 27, 2026 01:05:00"."""
    word = str(run.get_trigger_display())
    return word if run.slot is None else _("%(trigger)s, slot of %(slot)s") % {"trigger": word, "slot": exact(run.slot)}


def _attempt(row: StreamRun) -> dict[str, Any]:
    attempts = 1 if row.run.is_dry else attempts_of(row.run.connection)
    return {"stream": gettext(row.label), "attempt": row.attempt, "attempts": attempts}


def _failure_words(row: StreamRun, failure: SyncError, pause: float | None) -> str:
    values = _attempt(row) | {"error": _error_words(failure)}
    if failure.code == UNAVAILABLE:
        return _("%(stream)s, attempt %(attempt)s/%(attempts)s, unavailable: %(error)s") % values
    said = _("%(stream)s, attempt %(attempt)s/%(attempts)s failed: %(error)s") % values
    return said if pause is None else said + _("; next try in %(seconds)s s") % {"seconds": round(pause)}


def _counts_words(counted: Counts) -> str:
    """Return how many records were read and what became of each; the parts add up to what was read."""
    numbers = {name: getattr(counted, name) for name in Counts.COUNTED}
    parts = [_("%(read)s read  New: %(inserted)s  Updated: %(updated)s  Removed: %(deleted)s") % numbers]
    others = (
        (counted.unchanged, _("Unchanged: %(unchanged)s") % numbers),
        (counted.deduplicated, _("Repeated: %(deduplicated)s") % numbers),
        (counted.quarantined, _("In quarantine: %(quarantined)s") % numbers),
    )
    return "  ".join([*parts, *(words for count, words in others if count)])


def _error_words(error: SyncError) -> str:
    facts = ", ".join(f"{name}={value}" for name, value in error.params.items())
    said = f"{explain(error.code, error.params).title} ({', '.join(filter(None, (error.code, facts)))})"
    return f"{said}: {error.detail}" if error.detail else said


def _settings_words(run: SyncRun) -> str:
    """Return plain values; of lists, which may hold anything, their length; of secrets and persons, asterisks."""
    connection = run.connection
    hidden = {setting.name for setting in connector_class(connection.kind).settings if setting.personal}
    values = [
        f"{name}=({len(value)})" if isinstance(value, list | dict) else f"{name}={value}"
        for name, value in connection.config.items()
        if value not in ("", None) and name not in hidden
    ]
    hidden &= {name for name, value in connection.config.items() if value}
    return ", ".join([*values, *(f"{name}=***" for name in sorted({*hidden, *connection.secrets_set_at}))])


def _window_words(run: SyncRun, choice: SelectedStream, due: bool) -> str:
    window_asked = run.options.get("window_minutes")
    window = window_asked or choice.window_minutes
    if not due:
        words = _("not due")
    elif isinstance(choice.stream, Step):
        words = _("on what is loaded")
    elif run.options.get("reset"):
        words = _("in full, for a reset")
    elif run.options.get("until"):
        span = {name: exact(datetime.fromisoformat(run.options[name])) for name in ("since", "until")}
        words = _("from %(since)s until %(until)s, for a backfill") % span
    elif run.options.get("since"):
        words = _("since %(since)s") % {"since": exact(datetime.fromisoformat(run.options["since"]))}
    elif choice.first_since and not window_asked:
        words = _("first read, since %(since)s") % {"since": exact(choice.first_since)}
    elif window:
        words = _("looks back %(minutes)s min") % {"minutes": window}
    else:
        words = _("from its checkpoint")
    if choice.page_size:
        words += ", " + _("pages of %(size)s") % {"size": choice.page_size}
    return f"{gettext(choice.stream.label)} {words}"
