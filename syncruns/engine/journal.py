"""What the application log says of a run: what is in force, how each try of a stream ended, how the run did.

One line each, in the console's own language and without any secret. The pages' log (RunLog) is another: it holds codes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from connections.catalogue import explain
from connections.sdk.errors import UNAVAILABLE, SyncError
from connections.sdk.redaction import Redactor
from connections.services import SelectedStream
from syncruns.models import StreamRun, SyncRun
from syncruns.models.run import Counts
from syncruns.outcomes import FAILURES, look_of_run
from syncruns.timewords import duration, exact

logger = logging.getLogger("sync.run")

LINE_ENDS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")  # one event stays one line, whatever a source wrote


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
                "trigger": run.get_trigger_display(),
                "attempt": run.attempt,
                "worker": run.worker,
                "tries": settings.MAX_RETRIES,
                "delay": settings.RETRY_DELAY,
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


def stream_failed(run: SyncRun, row: StreamRun, failure: SyncError, *, again: bool) -> None:
    """Say why a try of a stream failed, and whether another follows."""
    level = logging.WARNING if again or failure.code == UNAVAILABLE else logging.ERROR
    _write(run, level, lambda: _failure_words(row, failure, again))


def ended(run: SyncRun, cause: SyncError | None) -> None:
    """Say how the run ended; run is in its final state."""
    quiet = run.state not in FAILURES
    level = logging.ERROR if not quiet else logging.WARNING if cause is not None else logging.INFO
    _write(
        run,
        level,
        lambda: (
            (
                _("ended: %(state)s in %(span)s: %(counts)s")
                % {"state": look_of_run(run).word, "span": duration(run.duration), "counts": _counts_words(run)}
            )
            + (f"; {_error_words(cause)}" if cause is not None else "")
        ),
    )


def handed_back(run: SyncRun) -> None:
    """Say that the worker stops, and that another goes on."""
    _write(run, logging.INFO, lambda: _("handed back: this worker stops, another goes on from the last checkpoint"))


def _write(run: SyncRun, level: int, text: Any) -> None:
    """Log what text() returns in the console's language, on one line, without the connection's secrets."""
    if not logger.isEnabledFor(level):
        return
    try:
        redact = Redactor(run.connection.secrets.reveal().values())
    except SyncError:  # unreadable here, hence unused in this run
        redact = Redactor(())
    with translation.override(settings.LANGUAGE_CODE):
        head = _("run %(run)s of %(connection)s") % {"run": run, "connection": run.connection.slug}
        logger.log(level, "%s", redact(LINE_ENDS.sub(" ", f"{head}: {text()}")))


def _attempt(row: StreamRun) -> dict[str, Any]:
    return {"stream": _(row.label), "attempt": row.attempt, "attempts": settings.MAX_RETRIES}


def _failure_words(row: StreamRun, failure: SyncError, again: bool) -> str:
    values = _attempt(row) | {"error": _error_words(failure)}
    if failure.code == UNAVAILABLE:
        return _("%(stream)s, attempt %(attempt)s/%(attempts)s, unavailable: %(error)s") % values
    said = _("%(stream)s, attempt %(attempt)s/%(attempts)s failed: %(error)s") % values
    return said + _("; next try in %(seconds)s s") % {"seconds": settings.RETRY_DELAY} if again else said


def _counts_words(counted: Counts) -> str:
    numbers = {name: getattr(counted, name) for name in Counts.COUNTED}
    said = _("%(read)s read  New: %(inserted)s  Updated: %(updated)s  Removed: %(deleted)s") % numbers
    waiting = _("In quarantine: %(quarantined)s") % numbers
    return f"{said}  {waiting}" if counted.quarantined else said


def _error_words(error: SyncError) -> str:
    facts = ", ".join(f"{name}={value}" for name, value in error.params.items())
    said = f"{explain(error.code, error.params).title} ({', '.join(filter(None, (error.code, facts)))})"
    return f"{said}: {error.detail}" if error.detail else said


def _settings_words(run: SyncRun) -> str:
    """Return plain values; of lists, which may hold anything, their length; of secrets that they are set."""
    connection = run.connection
    values = [
        f"{name}=({len(value)})" if isinstance(value, list | dict) else f"{name}={value}"
        for name, value in connection.config.items()
        if value not in ("", None)
    ]
    return ", ".join([*values, *(f"{name}=***" for name in sorted(connection.secrets_set_at))])


def _window_words(run: SyncRun, choice: SelectedStream, due: bool) -> str:
    window_asked = run.options.get("window_minutes")
    window = window_asked or choice.window_minutes
    if not due:
        words = _("not due")
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
    return f"{choice.stream.key} {words}"
