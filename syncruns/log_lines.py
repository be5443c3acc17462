"""A run's log as people read it: sentences, filtered by level and text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Self

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from syncruns.events import sentence
from syncruns.models import SyncLog, SyncRun
from syncruns.outcomes import LEVEL_LOOKS, Look

SHOWN = 300  # newest lines on the page; the rest on request, all of them in the download
LEVELS: dict[str, tuple[str, ...]] = {
    "": tuple(SyncLog.Level.values),
    "warning": (SyncLog.Level.WARNING, SyncLog.Level.ERROR),
    "error": (SyncLog.Level.ERROR,),
}


@dataclass(frozen=True)
class Line:
    entry: SyncLog
    look: Look
    stream: str
    words: str
    anchor: str = ""


@dataclass(frozen=True)
class LogFilter:
    """What the reader asked of the log; kept in the address."""

    level: str = ""
    q: str = ""
    utc: bool = False
    all_lines: bool = False

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        level = query.get("level", "")
        return cls(
            level=level if level in LEVELS else "",
            q=query.get("q", "").strip(),
            utc=query.get("utc") == "1",
            all_lines=query.get("lines") == "all",
        )


@dataclass(frozen=True)
class LogShown:
    lines: Sequence[Line]
    found: int
    total: int
    errors: int
    has_anchor: bool

    @property
    def hidden(self) -> int:
        return self.found - len(self.lines)


def log_shown(run: SyncRun, labels: Mapping[str, str], wanted: LogFilter) -> LogShown:
    """Return the lines to show, oldest first; labels: stream key -> name."""
    entries = list(run.logs.all())
    needle = wanted.q.casefold()
    found = [
        line
        for entry in entries
        if entry.level in LEVELS[wanted.level]
        for line in [_line(entry, labels)]
        if needle in f"{line.stream} {line.words}".casefold()
    ]
    lines = found if wanted.all_lines else found[-SHOWN:]
    first = next((at for at, line in enumerate(lines) if line.entry.level == SyncLog.Level.ERROR), None)
    if first is not None:
        lines[first] = Line(**{**vars(lines[first]), "anchor": "first-error"})
    errors = sum(entry.level == SyncLog.Level.ERROR for entry in entries)
    return LogShown(lines, len(found), len(entries), errors, first is not None)


def log_text(run: SyncRun, labels: Mapping[str, str], utc: bool) -> Iterator[str]:
    """Yield the whole log as plain text lines."""
    for entry in run.logs.iterator(chunk_size=500):
        line = _line(entry, labels)
        at = timezone.localtime(entry.at, UTC if utc else None).isoformat(timespec="milliseconds")
        repeats = f" ×{entry.repeats}" if entry.repeats > 1 else ""
        yield f"{at} {entry.level.upper():7} {line.stream}: {line.words}{repeats}\n"


def _line(entry: SyncLog, labels: Mapping[str, str]) -> Line:
    stream = _(labels.get(entry.stream, entry.stream)) or _("run")
    return Line(entry, LEVEL_LOOKS[entry.level], stream, sentence(entry.event, entry.params))
