"""The checkpoint of a service: how far it was read, and where an interrupted read goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connections.connectors.odoo.windows import OVERLAP, Window


@dataclass(frozen=True)
class Place:
    """A place inside a window: in this part of it, everything up to record `after` was read."""

    window: Window
    part: int = 0
    after: int = 0


@dataclass(frozen=True)
class Progress:
    """to: the end of the last window that was read whole.

    swept_at: when the last sweep was complete. source: the model the rows come from. place: where an interrupted window
    goes on. Records are read in the order of their ids, inside a window that does not move: what changes meanwhile gets
    a stamp after its end, and belongs to the next one.
    """

    to: datetime | None = None
    swept_at: datetime | None = None
    source: str = ""
    place: Place | None = None

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any] | None) -> Progress:
        """Read a checkpoint; None is the beginning."""
        stored = checkpoint or {}
        place = stored.get("window")
        return cls(
            _moment(stored.get("to")), _moment(stored.get("swept_at")), stored.get("source") or "",
            Place(
                Window(datetime.fromisoformat(place["from"]), datetime.fromisoformat(place["to"])),
                int(place["part"]), int(place["last_id"]),
            ) if place else None,
        )  # fmt: skip

    def checkpoint(self) -> dict[str, Any]:
        """Return it as JSON."""
        moments = {"to": self.to, "swept_at": self.swept_at}
        stored: dict[str, Any] = {name: moment.isoformat() for name, moment in moments.items() if moment}
        if self.source:
            stored["source"] = self.source
        if self.place:
            window = self.place.window
            stored["window"] = {
                "from": window.start.isoformat(), "to": window.end.isoformat(),
                "part": self.place.part, "last_id": self.place.after,
            }  # fmt: skip
        return stored

    def at(self, place: Place) -> Progress:
        """Return the progress once everything up to a place was read."""
        return replace(self, place=place)

    def read(self, window: Window) -> Progress:
        """Return the progress once the window was read whole."""
        return replace(self, to=window.end, place=None)

    def joins(self, window: Window) -> bool:
        """Say whether nothing lies unread between what was read and the window."""
        return self.to is None or window.start <= self.to - OVERLAP


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
