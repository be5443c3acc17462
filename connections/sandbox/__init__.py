"""Small vendors over real HTTP, for demonstrations and tests: each listed here under the kind it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connections.sandbox import auvo, etrac, odoo, shop
from connections.sandbox.auvo import Auvo
from connections.sandbox.etrac import Etrac
from connections.sandbox.odoo import Odoo
from connections.sandbox.server import App
from connections.sandbox.shop import Shop

SANDBOXES: dict[str, Callable[[int, float], App]] = {  # kind -> factory of (seed, speed)
    "rest": lambda seed, speed: Shop(seed=seed, speed=speed),
    "odoo": lambda seed, speed: Odoo(version=17, seed=seed, speed=speed),
    "auvo": lambda seed, speed: Auvo(seed=seed, speed=speed, limit=1_000_000),  # who plays with it need not wait
    "etrac": lambda seed, speed: Etrac(seed=seed, speed=speed),
    "odoo19": lambda seed, speed: Odoo(version=19, seed=seed, speed=speed),
}

# kind -> a connection to its sandbox at an address: {"kind", "name", "values" (secrets included)}
SAMPLES: dict[str, Callable[[str], dict[str, Any]]] = {
    "rest": shop.sample_connection,
    "odoo": odoo.sample_connection,
    "auvo": auvo.sample_connection,
    "etrac": etrac.sample_connection,
}
