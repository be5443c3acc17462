"""Which changes one read asks for: a window of whole seconds on Odoo's own stamps, its end left out.

A stamp is the moment a transaction began, not when others could see it, so each window begins well before the last one
ended. It reaches Odoo cut to seconds, so windows are cut so as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connections.connectors.odoo.services.declare import Domain

OVERLAP = timedelta(minutes=15)  # longer than transactions last
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before anything in any Odoo
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Window:
    """What changed from start on and before end."""

    start: datetime
    end: datetime

    def within(self, field: str) -> Domain:
        """Return the two conditions on a field that lies in the window."""
        return [[field, ">=", spelled(self.start)], [field, "<", spelled(self.end)]]

    def lines_within(self, inverse: str, *, has_any: bool) -> Domain:
        """Return one condition: some line changed in the window, or since it began where that cannot be said."""
        field = "write_date"
        if has_any:
            return [[inverse, "any", self.within(field)]]
        return [[f"{inverse}.{field}", ">=", spelled(self.start)]]


def next_window(now: datetime, look_back: timedelta, read_to: datetime | None) -> Window:
    """Return the window to read at this moment of the server's clock.

    read_to: the end of the last window that was read whole. However long nothing was read, no change falls between two
    windows.
    """
    end = end_at(now)
    start = end - look_back
    if read_to is not None:
        start = min(start, read_to - OVERLAP)
    return Window(max(_floor(start), EARLIEST), end)


def window_since(since: datetime, now: datetime) -> Window:
    """Return the window of everything that changed since a moment a person chose."""
    end = end_at(now)
    return Window(min(max(_floor(since), EARLIEST), end), end)


def window_between(since: datetime, until: datetime) -> Window:
    """Return the window of what changed between two moments, in whole seconds around them."""
    start = max(_floor(since), EARLIEST)
    return Window(start, max(whole_second(until), start))


def end_at(now: datetime) -> datetime:
    """Return the end of a window that takes in everything stamped until now."""
    return whole_second(now) + SECOND


def whole_second(moment: datetime) -> datetime:
    """Return the first whole second that is not before moment."""
    floor = _floor(moment)
    return floor if floor == moment else floor + SECOND


def spelled(moment: datetime) -> str:
    """Return a moment as Odoo's domains take it on every version: UTC, without a zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def any_of(*conditions: Domain) -> Domain:
    """Join conditions, each a list of one or two leaves that all must hold, by "or"."""
    joined: Domain = ["|"] * (len(conditions) - 1)
    for leaves in conditions:
        joined += ["&"] * (len(leaves) - 1) if len(conditions) > 1 else []
        joined += leaves
    return joined


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
