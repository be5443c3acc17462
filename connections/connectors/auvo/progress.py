"""The checkpoint of a stream: how far it was read, and where an interrupted walk through its days goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Walk:
    """Days to be read, one after the other. at: the first that is still to be read; reconciles: the whole look-back."""

    first: date
    last: date
    at: date
    began: datetime
    reconciles: bool = False


@dataclass(frozen=True)
class Progress:
    """to: everything changed until then was read. swept_at: when all was last compared. walk: an unfinished one."""

    to: datetime | None = None
    swept_at: datetime | None = None
    walk: Walk | None = None

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any] | None) -> Progress:
        """Read a checkpoint; None is the beginning."""
        stored = checkpoint or {}
        walk = stored.get("walk")
        return cls(
            _moment(stored.get("to")), _moment(stored.get("swept_at")),
            Walk(
                date.fromisoformat(walk["first"]), date.fromisoformat(walk["last"]), date.fromisoformat(walk["at"]),
                datetime.fromisoformat(walk["began"]), bool(walk["reconciles"]),
            ) if walk else None,
        )  # fmt: skip

    def checkpoint(self) -> dict[str, Any]:
        """Return it as JSON."""
        moments = {"to": self.to, "swept_at": self.swept_at}
        stored: dict[str, Any] = {name: moment.isoformat() for name, moment in moments.items() if moment}
        if self.walk:
            stored["walk"] = {
                "first": self.walk.first.isoformat(), "last": self.walk.last.isoformat(),
                "at": self.walk.at.isoformat(), "began": self.walk.began.isoformat(),
                "reconciles": self.walk.reconciles,
            }  # fmt: skip
        return stored

    def after(self, walk: Walk, day: date) -> Progress:
        """Return the progress once a day of a walk, and all days before it, were read."""
        if day < walk.last:
            return replace(self, walk=replace(walk, at=day + timedelta(days=1)))
        return replace(
            self, walk=None, to=walk.began if self.to is None else max(self.to, walk.began),
            swept_at=walk.began if walk.reconciles else self.swept_at,
        )  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
