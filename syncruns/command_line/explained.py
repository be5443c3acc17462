"""Runs and their failures in words, as commands print them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from connections.catalogue import explain
from connections.trial_words import explain_trial
from syncruns.command_line.progress import counts_in_words
from syncruns.models import StreamRun, SyncRun
from syncruns.outcomes import look_of_run
from syncruns.timewords import duration


def result_lines(run: SyncRun) -> Iterator[str]:
    """Yield a run's outcome, then every failure explained."""
    yield f"{look_of_run(run).word}, {duration(run.duration)}: {counts_in_words(run)}"
    yield from failure_lines(run)
    if run.state == SyncRun.State.QUEUED:
        yield _("The run was handed back; a worker goes on from where it stopped.")
    elif run.state != SyncRun.State.SUCCEEDED:
        yield _("Details: manage.py runs show %(run)s") % {"run": run}


def failure_lines(run: SyncRun) -> Iterator[str]:
    """Yield what went wrong in each stream and in the run, and how to fix it; the same words only once."""
    source = run.connection.name
    told: set[str] = set()
    parts: list[tuple[str, SyncRun | StreamRun]] = [(_(stream.label), stream) for stream in run.streams.all()]
    for label, failed in [*parts, ("", run)]:
        if not failed.error_code:
            continue
        first, *rest = error_lines(failed.error_code, failed.error_params, source)
        if first not in told:
            told.add(first)
            yield f"{label}: {first}" if label else first
            yield from rest


def error_lines(code: str, params: Mapping[str, Any], source: str, *, in_trial: bool = False) -> Iterator[str]:
    """Yield an error's title with its sentence, then the steps that fix it."""
    explanation = (explain_trial if in_trial else explain)(code, params, source)
    yield f"{explanation.title}. {explanation.sentence}"
    for step in explanation.steps:
        yield f"- {step}"
