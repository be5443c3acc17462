"""Reading only what changed: the moment to ask from, and the moment up to which everything was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.rest.paths import MISSING, find
from connections.connectors.rest.values import moment
from connections.sdk.context import ReadOptions
from connections.sdk.errors import SyncError

FORMATS = ("iso", "date", "epoch", "epoch_ms")


@dataclass
class Changes:
    """One read of a stream's changes.

    stored: the checkpoint's moment; asked: the moment the source is asked from, None for everything. The newest
    change met is kept aside: it becomes the checkpoint when the stream has ended, since nothing says that a
    source sorts by it.
    """

    parameter: str
    format: str
    path: str
    zone: ZoneInfo
    stored: datetime | None
    asked: datetime | None
    newest: datetime | None = field(default=None)

    @classmethod
    def of(
        cls,
        row: Mapping[str, Any],
        zone: ZoneInfo,
        checkpoint: Mapping[str, Any] | None,
        options: ReadOptions,
        now: datetime,
    ) -> Changes:
        """Read an entry of `streams` that asks for changes.

        A moment in options replaces the checkpoint's; a window reaches at least that far back from now.
        """
        since = (checkpoint or {}).get("since")
        stored = datetime.fromisoformat(since) if since else None
        asked = stored - timedelta(minutes=float(row.get("overlap_minutes") or 0)) if stored else None
        if options.since is not None:
            asked = options.since
        elif options.window_minutes is not None:
            window = now - timedelta(minutes=options.window_minutes)
            asked = min(asked, window) if asked else window
        return cls(row["since_parameter"], row.get("since_format") or "iso", row["change_field"], zone, stored, asked)

    def params(self) -> dict[str, str]:
        """Return the query parameters that ask for the changes; none for everything."""
        return {} if self.asked is None else {self.parameter: self._spelled(self.asked)}

    def see(self, records: Iterable[Any]) -> None:
        """Note the records' change moments. Raises SyncError contract_changed when none of them has one."""
        count, found = 0, []
        for record in records:
            count += 1
            value = find(record, self.path)
            try:
                changed = None if value is MISSING else moment(value, self.zone)
            except ValueError:
                continue
            if changed is not None:
                found.append(changed)
        if count and not found:
            raise SyncError("contract_changed", path=self.path, expected="timestamp", found="nothing")
        self.newest = max(filter(None, [self.newest, *found]), default=None)

    def met_since(self, started: datetime) -> bool:
        """Say whether something changed while the pages were being read."""
        return self.newest is not None and self.newest >= started

    def checkpoint(self, started: datetime) -> dict[str, Any] | None:
        """Return the checkpoint of the read that began at `started` by the source's clock; None to leave it.

        What changed while the pages were read may stand on a page already passed: it is read again next time.
        """
        if self.asked and self.stored and self.asked > self.stored:
            return None  # between the two lies what nobody has read yet
        reached = min(self.newest, started) if self.newest else None
        since = max(filter(None, [reached, self.stored]), default=None)
        return {"since": since.isoformat(), "read_at": started.isoformat()} if since else None

    def _spelled(self, since: datetime) -> str:
        match self.format:
            case "date":
                return since.astimezone(self.zone).date().isoformat()
            case "epoch":
                return str(int(since.timestamp()))
            case "epoch_ms":
                return str(int(since.timestamp() * 1000))
            case _:
                return since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
