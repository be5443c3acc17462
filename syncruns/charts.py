"""Runs per hour as stacked bars: numbers for a server-side SVG and for the table behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlencode

from django.db.models import Case, Count, Q, Value, When
from django.db.models.functions import TruncHour
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from syncruns import timewords
from syncruns.models import SyncRun
from syncruns.outcomes import shape_of

SHAPES: dict[str, Promise] = {
    "ok": pgettext_lazy("runs", "Succeeded"),
    "same": gettext_lazy("No changes"),
    "partial": pgettext_lazy("runs", "Partial"),
    "failed": pgettext_lazy("runs", "Failed"),
    "off": gettext_lazy("Skipped or cancelled"),
}
FLOOR, CEILING = 170.0, 24.0  # pixels: where bars stand, and how high the highest reaches
LEFT = 3.6  # percent kept for the scale


@dataclass(frozen=True)
class Period:
    """A span and the hours that one bar stands for."""

    key: str
    label: Promise
    title: Promise
    bars: int
    hours: int


PERIODS = {
    period.key: period
    for period in (
        Period("24h", gettext_lazy("24 h"), gettext_lazy("Runs per hour"), 24, 1),
        Period("7d", gettext_lazy("7 d"), gettext_lazy("Runs per 6 hours"), 28, 6),
        Period("30d", gettext_lazy("30 d"), gettext_lazy("Runs per day"), 30, 24),
    )
}


@dataclass(frozen=True)
class Piece:
    """One outcome's part of a bar; numbers are text so that no locale changes them."""

    shape: str
    y: str
    height: str


@dataclass(frozen=True)
class Bar:
    label: str
    title: str
    url: str
    x: str
    x_middle: str
    counts: tuple[int, ...]  # in the order of Chart.shapes
    pieces: tuple[Piece, ...]
    y_cap: str  # where the cross of failures stands; "" without any
    tick: str  # what is written below it, if anything
    tick_width: str  # "wide": only where there is room


@dataclass(frozen=True)
class Line:
    y: str
    y_text: str
    value: int


@dataclass(frozen=True)
class Chart:
    period: Period
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    width: str
    shapes: dict[str, Promise]
    total: int


def runs_chart(key: str, now: datetime) -> Chart:
    """Count the runs that ended in the period, by bar and outcome, in the reader's zone; one query."""
    period = PERIODS.get(key, PERIODS["24h"])
    starts = _starts(period, now)
    counts = _counts(starts)
    shown = {shape for counter in counts for shape in counter}
    shapes = {shape: words for shape, words in SHAPES.items() if shape != "off" or "off" in shown}
    highest = max((sum(counter.values()) for counter in counts), default=0)
    step = _step(highest)
    top = max(highest, step)
    width = (100 - LEFT) / period.bars
    bars = []
    for position, (start, counter) in enumerate(zip(starts, counts, strict=True)):
        end = starts[position + 1] if position + 1 < len(starts) else now
        bars.append(_bar(period, position, start, end, counter, shapes, top, width, now))
    lines = tuple(
        Line(f"{_y(value, top):.1f}", f"{_y(value, top) + 4:.1f}", value) for value in range(0, top + 1, step)
    )
    total = sum(sum(counter.values()) for counter in counts)
    return Chart(period, tuple(bars), lines, f"{width * 0.66:.2f}%", shapes, total)


def _starts(period: Period, now: datetime) -> list[datetime]:
    """Return where each bar begins, oldest first, on round hours of the reader's clock."""
    local = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    local = local.replace(hour=local.hour - local.hour % period.hours)
    # Wall-clock steps: a day's bar begins at midnight also where a clock change made the day 23 or 25 hours long.
    walls = [local - timedelta(hours=period.hours * back) for back in reversed(range(period.bars))]
    if period.hours == 1:
        walls = [local.astimezone(UTC) - timedelta(hours=back) for back in reversed(range(period.bars))]
    return walls


def _counts(starts: list[datetime]) -> list[Counter[str]]:
    written = Case(When(Q(inserted=0, updated=0, deleted=0), then=Value(0)), default=Value(1))
    grouped = (
        SyncRun.objects.filter(SyncRun.READS, finished_at__gte=starts[0])
        .annotate(hour=TruncHour("finished_at"), wrote=written)
        .order_by()
        .values("hour", "state", "wrote")
        .annotate(runs=Count("pk"))
    )
    counts: list[Counter[str]] = [Counter() for _start in starts]
    for group in grouped:
        position = sum(start <= group["hour"] for start in starts) - 1
        counts[max(position, 0)][shape_of(group["state"], group["wrote"])] += group["runs"]
    return counts


def _bar(
    period: Period,
    position: int,
    start: datetime,
    end: datetime,
    counter: Mapping[str, int],
    shapes: Mapping[str, Promise],
    top: int,
    width: float,
    now: datetime,
) -> Bar:
    x = LEFT + position * width
    pieces, stacked, y = [], 0, FLOOR
    for shape in shapes:
        if runs := counter.get(shape, 0):
            below = _y(stacked, top)
            stacked += runs
            y = _y(stacked, top)
            pieces.append(Piece(shape, f"{y:.1f}", f"{max(below - y - 1.5, 1.0):.1f}"))
    label = _label(period, start, now)
    said = ", ".join(f"{counter.get(shape, 0)} {str(words).lower()}" for shape, words in shapes.items())
    query = urlencode(
        {
            "from": timezone.localtime(start).isoformat(timespec="minutes"),
            "until": timezone.localtime(end).isoformat(timespec="minutes"),
        }
    )
    is_tick = timezone.localtime(start).hour == 0 if period.hours == 6 else position % {1: 3, 24: 5}[period.hours] == 0
    return Bar(
        label=label,
        title=f"{label}: {said}",
        url=f"{reverse('runs')}?{query}",
        x=f"{x:.2f}%",
        x_middle=f"{x + width * 0.33:.2f}%",
        counts=tuple(counter.get(shape, 0) for shape in shapes),
        pieces=tuple(pieces),
        y_cap=f"{y - 9:.1f}" if counter.get("failed") else "",
        tick="" if not is_tick else timewords.date(start, now) if period.hours == 6 else label,
        tick_width="wide" if period.hours == 1 and position % 2 else "",
    )


def _label(period: Period, start: datetime, now: datetime) -> str:
    local = timezone.localtime(start)
    if period.hours == 1:
        return _("%(hour)sh") % {"hour": f"{local:%H}"}
    if period.hours == 24:
        return timewords.date(local, now)
    return _("%(day)s, %(time)s") % {"day": timewords.date(local, now), "time": f"{local:%H:%M}"}


def _y(value: float, top: int) -> float:
    return FLOOR - (FLOOR - CEILING) * value / top


def _step(highest: int) -> int:
    """Return a round step that makes two to five grid lines."""
    return next(step for power in count() for step in (10**power, 2 * 10**power, 5 * 10**power) if highest <= 4 * step)
