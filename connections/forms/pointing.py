"""Which setting a failed test points at, so that what is wrong is said beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connections.sdk.errors import SyncError
from connections.sdk.settings import Setting

OF_SECRET = {"credentials_refused", "credentials_expired"}
PERMISSION = "allow_private_addresses"
OF_ADDRESS = {
    "address_refused",
    "connection_failed.dns",
    "connection_failed.refused",
    "tls_failed.protocol",
    "bad_response.html",
    "bad_response.other_service",
    "bad_response.redirect",
}


def asks_permission(error: SyncError | None) -> bool:
    """Say whether error is about an address that the setting PERMISSION would allow."""
    return error is not None and error.code == "address_refused" and error.params.get("reason") == "private"


def pointed_at(error: SyncError, settings: Sequence[Setting], config: Mapping[str, Any]) -> str:
    """Return the name of the setting that error is about: the one it names, the secret, or the address; "" for none."""
    codes = {error.code, f"{error.code}.{error.params.get('reason', '')}"}
    named = error.params.get("field")
    if any(setting.name == named for setting in settings):
        return str(named)
    for setting in settings:
        is_secret = bool(codes & OF_SECRET) and setting.is_secret
        is_address = bool(codes & OF_ADDRESS) and setting.destination
        if (is_secret or is_address) and setting.counts(config):
            return setting.name
    return ""
