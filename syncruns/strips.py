"""The strip of a connection's last runs: one small bar each, shape and colour by outcome, height by duration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext_lazy

from syncruns import timewords
from syncruns.models import SyncRun
from syncruns.outcomes import NO_CHANGES, look_of_run, shape_of

LENGTH = 14
FLOOR, LOWEST, HIGHEST = 28, 8, 22  # pixels: where bars stand, and their heights
COUNTED = {
    "same": npgettext_lazy("runs", "%(count)s without changes", "%(count)s without changes", "count"),
    SyncRun.State.QUEUED: npgettext_lazy("runs", "%(count)s queued", "%(count)s queued", "count"),
    SyncRun.State.RUNNING: npgettext_lazy("runs", "%(count)s running", "%(count)s running", "count"),
    SyncRun.State.SUCCEEDED: npgettext_lazy("runs", "%(count)s succeeded", "%(count)s succeeded", "count"),
    SyncRun.State.PARTIAL: npgettext_lazy("runs", "%(count)s partial", "%(count)s partial", "count"),
    SyncRun.State.FAILED: npgettext_lazy("runs", "%(count)s failed", "%(count)s failed", "count"),
    SyncRun.State.CANCELLED: npgettext_lazy("runs", "%(count)s cancelled", "%(count)s cancelled", "count"),
    SyncRun.State.LOST: npgettext_lazy("runs", "%(count)s lost", "%(count)s lost", "count"),
    SyncRun.State.TIMED_OUT: npgettext_lazy("runs", "%(count)s timed out", "%(count)s timed out", "count"),
    SyncRun.State.SKIPPED: npgettext_lazy("runs", "%(count)s skipped", "%(count)s skipped", "count"),
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One run as drawn; numbers are text so that no locale changes them. An empty url: not yet a run."""

    shape: str
    x: str
    y: str
    height: str
    title: str = ""
    url: str = ""
    x_inner: str = ""
    x_middle: str = ""
    y_inner: str = ""


@dataclass(frozen=True)
class Strip:
    """bars: oldest first. sentence: what the picture says, for whoever cannot see it."""

    bars: tuple[Bar, ...]
    sentence: str


def strip_of(name: str, runs: Sequence[SyncRun], now: datetime) -> Strip:
    """Draw the newest LENGTH of runs (newest first)."""
    shown = list(reversed(runs[:LENGTH]))
    longest = max((run.duration.total_seconds() for run in shown if run.duration), default=0.0)
    missing = LENGTH - len(shown)
    bars = [_bar(position, "none", LOWEST, "", "") for position in range(missing)]
    for position, run in enumerate(shown, start=missing):
        seconds = run.duration.total_seconds() if run.duration else 0.0
        height = LOWEST + (HIGHEST - LOWEST) * (seconds / longest if longest else 0.0)
        title = _("%(time)s: %(outcome)s") % {
            "time": timewords.clock(run.started_at or run.queued_at, now),
            "outcome": str(look_of_run(run).word).lower(),
        }
        bars.append(
            _bar(position, shape_of(run.shown_state, run.written), height, title, reverse("run", args=[run.pk]))
        )
    return Strip(tuple(bars), _sentence(name, shown))


def _bar(position: int, shape: str, height: float, title: str, url: str) -> Bar:
    x = position * 9
    if shape in ("same", "none"):
        height = LOWEST
    y = FLOOR - height
    return Bar(
        shape=shape,
        x=str(x),
        x_inner=f"{x + 0.5:.1f}",
        x_middle=str(x + 3),
        y=f"{y:.1f}",
        y_inner=f"{y + height / 2:.1f}" if shape == "partial" else f"{y + 0.5:.1f}",
        height=f"{height / 2 if shape == 'partial' else height:.1f}",
        title=title,
        url=url,
    )


def _sentence(name: str, runs: Sequence[SyncRun]) -> str:
    if not runs:
        return _("%(name)s has not run yet") % {"name": name}
    outcomes = Counter("same" if look_of_run(run) is NO_CHANGES else str(run.shown_state) for run in runs)
    said = ", ".join(COUNTED[outcome] % {"count": count} for outcome, count in outcomes.most_common())
    opening = ngettext("Last run of %(name)s", "Last %(count)s runs of %(name)s", len(runs))
    return f"{opening % {'count': len(runs), 'name': name}}: {said}"
