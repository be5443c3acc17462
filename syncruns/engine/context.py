"""What a connector sees of the engine while it reads: time, waiting, permits and log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from connections.models.rate import Grant, RateBucket
from connections.sdk.context import Level, Rate, ReadOptions


class Leash(Protocol):
    """What ends a run from outside; syncruns.lease.Lease is the real one."""

    def check(self) -> None: ...

    def look(self) -> None: ...

    def wait(self, seconds: float) -> None: ...

    def expect(self, seconds: float) -> None: ...


class Log(Protocol):
    """Where events go; syncruns.engine.log.RunLog is the real one."""

    def add(self, level: str, event: str, stream: str = "", /, **params: Any) -> None: ...


class EngineContext:
    """The Context of one stream's read. Used by the reading thread only."""

    is_hurried = False

    def __init__(
        self, stream: str, leash: Leash, log: Log, *, options: ReadOptions, allow_private_addresses: bool
    ) -> None:
        self.options = options
        self.allow_private_addresses = allow_private_addresses
        self._stream = stream
        self._leash = leash
        self._log = log
        self._grants: dict[str, Grant] = {}

    def now(self) -> datetime:
        return datetime.now(UTC)

    def check(self) -> None:
        self._leash.check()

    def wait(self, seconds: float) -> None:
        self._leash.wait(seconds)

    def take_permit(self, rate: Rate) -> None:
        grant = self._grants.get(rate.account)
        now = self.now()
        if grant is None or grant.permits == 0 or grant.expires_at <= now:
            grant = RateBucket.reserve(rate, now)
        self._grants[rate.account] = Grant(grant.permits - 1, grant.usable_at, grant.expires_at)
        pause = (grant.usable_at - now) / timedelta(seconds=1)
        if pause > 0:
            if pause >= 5:
                self.log("info", "rate_wait", seconds=round(pause))
            self._leash.wait(pause)

    def log(self, level: Level, event: str, **params: Any) -> None:
        self._log.add(level, event, self._stream, **params)
