"""A connection to a sandbox Odoo, ready to sync."""

from __future__ import annotations

from typing import Any

from connections.sandbox.odoo.access import API_KEY
from connections.sandbox.odoo.app import DATABASE
from connections.sdk.text import gettext_noop as _


def sample_connection(url: str) -> dict[str, Any]:
    """Return a connection to a sandbox Odoo at url: {"kind", "name", "values" (secrets included)}."""
    return {
        "kind": "odoo",
        "name": _("Sample Odoo"),
        "values": {
            "url": url,
            "database": DATABASE,
            "username": "admin",
            "auth": "api_key",
            "api_key": API_KEY,
            "allow_private_addresses": True,
        },
    }
