"""Duration and rows of each stream over a connection's last runs: bars, and the same in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncruns import timewords
from syncruns.models import StreamRun, SyncRun
from syncruns.outcomes import Look, look_of_stream
from syncruns.strips import LENGTH

FLOOR, LOWEST, STEP = 30.0, 1.5, 9  # pixels: where bars stand, the height of the lowest, from one to the next
STATES = StreamRun.State
USUAL_FROM = 3  # ended runs: fewer tell nothing of what is usual
SHAPES: dict[str, str] = {
    STATES.PARTIAL: "partial",
    STATES.FAILED: "failed",
    STATES.CANCELLED: "off",
    STATES.RUNNING: "run",
}


@dataclass(frozen=True)
class Bar:
    """One run of a stream as drawn; numbers are text so that no locale changes them.

    y_part, part: of rows, the stretch that was written; "" without any.
    """

    shape: str
    x: str
    y: str
    height: str
    title: str
    url: str
    y_part: str = ""
    part: str = ""


@dataclass(frozen=True)
class Reading:
    """One run of a stream in numbers."""

    at: datetime
    look: Look
    duration: timedelta | None
    read: int
    written: int
    url: str


@dataclass(frozen=True)
class StreamChart:
    """readings: newest first, as are the words; bars: oldest first, at the place of their run among the last ones."""

    label: str
    durations: tuple[Bar, ...]
    duration_words: str
    rows: tuple[Bar, ...]
    row_words: str
    readings: tuple[Reading, ...]


def stream_charts(runs: Sequence[SyncRun], now: datetime) -> list[StreamChart]:
    """Draw the streams of a connection's newest runs (newest first), in one query; those never begun are left out."""
    shown = list(runs[:LENGTH])
    places = {run.pk: LENGTH - 1 - back for back, run in enumerate(shown)}
    found: dict[str, list[StreamRun]] = {}
    of_runs = StreamRun.objects.filter(run__in=places, started_at__isnull=False).defer(
        "checkpoint_before", "checkpoint_after", "error_params", "error_detail"
    )
    for one in sorted(of_runs, key=lambda one: (-places[one.run_id], one.position)):
        found.setdefault(one.stream, []).append(one)
    return [_chart(readings, places, now) for readings in found.values()]


def _chart(of_stream: Sequence[StreamRun], places: dict[UUID, int], now: datetime) -> StreamChart:
    readings = [
        Reading(
            one.started_at or now, look_of_stream(one), one.duration, one.read, one.written,
            reverse("run", args=[one.run_id]),
        )
        for one in of_stream
    ]  # fmt: skip
    seconds = [one.duration.total_seconds() if one.duration else 0.0 for one in readings]
    longest, most = max(seconds), max(one.read for one in readings)
    ended = [place for place, run in enumerate(of_stream) if run.state != STATES.RUNNING]
    durations, rows = [], []
    for run, one, spent in zip(of_stream, readings, seconds, strict=True):
        x, shape = str(STEP * places[run.run_id]), SHAPES.get(run.state, "ok")
        at = timewords.clock(one.at, now)
        y, height = _stand(spent, longest)
        said = f"{at}: {timewords.duration(one.duration)}"
        durations.append(Bar(shape, x, y, height, said, one.url))
        y, height = _stand(one.read, most)
        y_part, part = _stand(min(one.written, one.read), most) if one.written and one.read else ("", "")
        said = f"{at}: {_rows(one)}"
        rows.append(Bar(shape, x, y, height, said, one.url, y_part, part))
    return StreamChart(
        label=of_stream[0].label,
        durations=tuple(reversed(durations)),
        duration_words=_duration_words([seconds[place] for place in ended]),
        rows=tuple(reversed(rows)),
        row_words=_row_words([readings[place].read for place in ended]),
        readings=tuple(readings),
    )


def _duration_words(seconds: Sequence[float]) -> str:
    if len(seconds) < USUAL_FROM:
        return ""
    usual, longest = (timewords.duration(timedelta(seconds=one)) for one in (median(seconds), max(seconds)))
    return _("usually %(usual)s, at most %(longest)s") % {"usual": usual, "longest": longest}


def _row_words(counts: Sequence[int]) -> str:
    if len(counts) < USUAL_FROM:
        return ""
    usual, most = timewords.number(int(median(counts))), timewords.number(max(counts))
    return _("usually %(usual)s, at most %(most)s") % {"usual": usual, "most": most}


def _stand(value: float, highest: float) -> tuple[str, str]:
    """Return y and height of a bar."""
    height = LOWEST + (FLOOR - LOWEST) * (value / highest if highest else 0.0)
    return f"{FLOOR - height:.1f}", f"{height:.1f}"


def _rows(one: Reading) -> str:
    read = ngettext("%(count)s row read", "%(count)s rows read", one.read) % {"count": timewords.number(one.read)}
    return _("%(read)s, %(written)s written") % {"read": read, "written": timewords.number(one.written)}
