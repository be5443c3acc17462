"""A run in one sentence: the title of its page and what screen readers hear when it ends."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncruns import timewords
from syncruns.diary import changes_words
from syncruns.events import REASONS
from syncruns.health import failure_title, partial_sentence
from syncruns.models import StreamRun, SyncRun

State = SyncRun.State
COMPLETE = (StreamRun.State.SUCCEEDED,)


def run_sentence(run: SyncRun, streams: Sequence[StreamRun]) -> str:
    """Return what the run is doing, or what came of it."""
    name, state = run.connection.name, run.shown_state
    steps = [stream for stream in streams if stream.is_step]
    streams = [stream for stream in streams if not stream.is_step] or streams
    done = sum(stream.state in COMPLETE for stream in streams)
    words = {"name": name, "done": done, "streams": len(streams)}
    working = next((step for step in steps if step.state == StreamRun.State.RUNNING), None)
    match state:
        case State.QUEUED if run.is_dry:
            return _("The dry run of %(name)s is queued.") % words
        case State.RUNNING if run.is_dry:
            return _("Dry run of %(name)s: reading, without writing anything.") % words
        case State.SUCCEEDED | State.PARTIAL if run.is_dry and not run.written:
            return _("Dry run of %(name)s: nothing was written, and a sync would change nothing.") % words
        case State.SUCCEEDED | State.PARTIAL if run.is_dry:
            return _("Dry run of %(name)s: nothing was written. A sync would bring: %(changes)s.") % (
                words | {"changes": changes_words(run)}
            )
        case State.QUEUED:
            return _("The sync of %(name)s is queued.") % words
        case State.RUNNING if not streams:
            return _("Syncing %(name)s.") % words
        case State.RUNNING if working:
            return _("Syncing %(name)s: now the step %(step)s.") % (words | {"step": _(working.label)})
        case State.RUNNING:
            return (
                ngettext(
                    "Syncing %(name)s: %(done)s of %(streams)s stream done.",
                    "Syncing %(name)s: %(done)s of %(streams)s streams done.",
                    len(streams),
                )
                % words
            )
        case State.SUCCEEDED if run.trigger == SyncRun.Trigger.REVIEW:
            return _("Reviewed records of %(name)s were loaded: %(changes)s.") % (
                words | {"changes": changes_words(run)}
            )
        case State.SUCCEEDED | State.PARTIAL:
            return _steps_done(run, words) if steps and steps == streams else _finished(run, words, steps)
        case State.CANCELLED if not streams:
            return _("The sync of %(name)s was cancelled.") % words
        case State.CANCELLED:
            return _("The sync of %(name)s was cancelled; %(done)s of %(streams)s streams were complete.") % words
        case State.SKIPPED:
            reason = REASONS.get(run.skip_reason, run.skip_reason)
            return _("The sync of %(name)s was skipped: %(reason)s.") % (words | {"reason": reason})
        case State.LOST if run.is_active and run.comes_again:
            return _("The sync of %(name)s lost its worker and starts again in a moment.") % words
        case State.LOST if run.is_active:
            return _("The sync of %(name)s lost its worker; what was loaded stays, the next sync goes on.") % words
    return _failed(run, [*streams, *(step for step in steps if step not in streams)])


def _counts(run: SyncRun) -> dict[str, object]:
    return {
        "span": timewords.duration(run.duration),
        "rows": ngettext("%(read)s row read", "%(read)s rows read", run.read) % {"read": timewords.number(run.read)},
        "changes": changes_words(run),
    }


def _steps_done(run: SyncRun, words: dict[str, object]) -> str:
    said = words | _counts(run) | {"steps": words["streams"]}
    text = ngettext(
        "%(done)s of %(steps)s step of %(name)s done in %(span)s: %(changes)s.",
        "%(done)s of %(steps)s steps of %(name)s done in %(span)s: %(changes)s.",
        int(str(words["streams"])),
    )
    return text % said


def _finished(run: SyncRun, words: dict[str, object], steps: Sequence[StreamRun]) -> str:
    said = words | _counts(run)
    if not words["streams"]:
        text = _("Synced %(name)s in %(span)s: %(rows)s, %(changes)s.") % said
        return f"{text} {partial_sentence(run)}" if run.state == State.PARTIAL else text
    missing = sum(step.state not in COMPLETE for step in steps)
    ending = ngettext(" %(count)s step is missing.", " %(count)s steps are missing.", missing) if missing else ""
    return (
        ngettext(
            "Synced %(done)s of %(streams)s stream of %(name)s in %(span)s: %(rows)s, %(changes)s.",
            "Synced %(done)s of %(streams)s streams of %(name)s in %(span)s: %(rows)s, %(changes)s.",
            int(str(words["streams"])),
        )
        % said
    ) + ending % {"count": missing}


def _failed(run: SyncRun, streams: Sequence[StreamRun]) -> str:
    title = failure_title(run.connection, run)
    said = {"name": run.connection.name, "problem": title[:1].lower() + title[1:]}
    failed = [stream for stream in streams if stream.state == StreamRun.State.FAILED]
    if len(failed) == 1:
        said["stream"] = _(failed[0].label)
        return _("The sync of %(name)s stopped at %(stream)s: %(problem)s.") % said
    return _("The sync of %(name)s failed: %(problem)s.") % said
