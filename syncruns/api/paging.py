"""Cursors: where a list goes on. They name a place, not a number of rows, so nothing is met twice or missed."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from syncruns.api.problems import Problem

MOST = 200


def cursor_of(*place: Any) -> str:
    """Return the cursor of a place."""
    text = json.dumps([part.isoformat() if isinstance(part, datetime) else str(part) for part in place])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, UUID]:
    """Return the moment and the id that a cursor names. Raises Problem 404."""
    at, key = _parts(cursor, 2)
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not 1970 <= moment.year <= 2200:
            raise ValueError(at)
        return moment, UUID(key)
    except ValueError:
        raise _unknown() from None


def number_of(cursor: str) -> int:
    """Return the number that a cursor names. Raises Problem 404."""
    (text,) = _parts(cursor, 1)
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise _unknown()
    return int(text)


def _parts(cursor: str, count: int) -> list[str]:
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise _unknown() from None
    if not isinstance(parts, list) or len(parts) != count or not all(isinstance(part, str) for part in parts):
        raise _unknown()
    return parts


def _unknown() -> Problem:
    return Problem(404, "not_found", errors=[{"loc": ["query", "cursor"], "msg": "not a place of this list"}])
