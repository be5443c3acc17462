"""One account of eTrac: Basic auth on every call, POST for everything, and rows under one of two names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from connections.connectors.etrac.errors import Judge, other_service
from connections.sdk import urls
from connections.sdk.context import Context
from connections.sdk.errors import SyncError
from connections.sdk.http import Answer, HttpClient

TRIES = 4
LISTS = ("retorno", "posicoes")
Record = Mapping[str, Any]


class Session:
    """Use it as a context manager. Everything raises SyncError."""

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], context: Context) -> None:
        if not secrets.get("api_key"):  # erased, because the address has changed since
            raise SyncError("config_invalid", field="api_key")
        self.config = config
        self.context = context
        self._pause = float(config.get("pause_seconds") or 0)
        self._asked = False
        self._client = HttpClient(
            base_address(config["api_url"]), context, basic=(config["email"], secrets["api_key"]),
            secrets=[secrets["api_key"]], tries=TRIES, judge=Judge(context, config["fleet_path"]),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def fleet(self) -> list[Record]:
        """Return the latest position of every vehicle."""
        document = self._ask(self.config["fleet_path"], None).json()
        if not isinstance(document, dict):
            raise other_service()
        return records_in(document, self.config["fleet_path"])

    def day(self, path: str, plate: str, day: str) -> list[Record]:
        """Return what a list of one vehicle holds for a day, spelled as the list wants it."""
        document = self._ask(path, {"placa": plate, "data": day}).json()
        return records_in(document if isinstance(document, dict) else {}, path)

    def _ask(self, path: str, body: Any) -> Answer:
        if self._asked and self._pause:
            self.context.wait(self._pause)
        self._asked = True
        return self._client.post(path, json=body)


def base_address(url: str) -> str:
    """Return the address as it is called: with https, whatever was written, except on this machine itself.

    Basic auth would send the key in clear. Raises SyncError config_invalid.
    """
    written = url.strip()
    parts = urlsplit(urls.checked_base(written if "://" in written else f"https://{written}"))
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        place = parts.netloc.removesuffix(":80")
        parts = parts._replace(scheme="https", netloc=place)
    return urlunsplit(parts)


def records_in(document: Mapping[str, Any], path: str) -> list[Record]:
    """Return the records of an answer: a list, one object alone, or none. Raises SyncError contract_changed."""
    for name in LISTS:
        if name in document:
            found = document[name]
            if found is None:
                return []
            listed = [found] if isinstance(found, dict) else found
            if isinstance(listed, list) and all(isinstance(each, dict) for each in listed):
                return listed
            raise SyncError("contract_changed", path=path, expected=name, found=type(found).__name__)
    raise SyncError("contract_changed", path=path, expected=LISTS[0], found=", ".join(sorted(map(str, document))[:5]))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
