"""What real Odoo 17 and 19 servers answered, recorded once: request and response, one exchange a line.

Secrets read <PASSWORD>, <API_KEY> and so on; tracebacks and long pages are cut; Content-Length is that of the original.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. file: what it was recorded about, in the order it happened."""

    file: str
    name: str
    request: dict[str, Any]
    response: dict[str, Any]


@cache
def exchanges(version: int) -> tuple[Exchange, ...]:
    """Return all exchanges recorded from one version, in order."""
    lines = (Path(__file__).parent / f"recorded{version}.jsonl").read_text().splitlines()
    return tuple(Exchange(**json.loads(line)) for line in lines)


def files(version: int) -> list[str]:
    return list(dict.fromkeys(exchange.file for exchange in exchanges(version)))
