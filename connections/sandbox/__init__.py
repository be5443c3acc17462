"""Small vendors over real HTTP, for demonstrations and tests: one per connector kind, listed here."""

from __future__ import annotations

from collections.abc import Callable

from connections.sandbox.server import App
from connections.sandbox.shop import Shop

SANDBOXES: dict[str, Callable[[int, float], App]] = {  # kind -> factory of (seed, speed)
    "rest": lambda seed, speed: Shop(seed=seed, speed=speed),
}
