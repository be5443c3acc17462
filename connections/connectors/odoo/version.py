"""Which Odoo a server is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_NUMBERS = re.compile(r"(\d+)(?:\.(\d+))?")
OLDEST = 14  # the first with API keys


@dataclass(frozen=True, order=True)
class Version:
    """17.0, or 18.4 for a build of Odoo Online called saas~18.4."""

    major: int
    minor: int = 0

    @classmethod
    def of(cls, answer: Any) -> Version | None:
        """Read what common.version or /web/version answers; None when it says no version."""
        if not isinstance(answer, dict):
            return None
        for name in ("server_serie", "server_version", "version"):
            found = _NUMBERS.search(str(answer.get(name) or ""))
            if found:
                return cls(int(found[1]), int(found[2] or 0))
        return None

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def has_json2(self) -> bool:
        return self.major >= 19

    @property
    def has_jsonrpc(self) -> bool:
        return self.major < 22

    @property
    def has_any(self) -> bool:
        """Say whether domains know the operator `any`."""
        return self.major >= 17
