"""Whether the source of a connection can be reached: a TCP connection, and TLS where its address says so.

Nothing is asked of the source: no login that it could count as an attempt, no request against a quota.
"""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from connections.connectors import connector_class
from connections.models import Connection
from connections.sdk import failures, urls
from connections.sdk.addresses import AddressBook
from connections.sdk.transport import Wire
from connections.services import allows_private_addresses

PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Destination:
    """Where a connection's requests go. allow_private: whether that may be a private address."""

    host: str
    port: int
    is_tls: bool
    allow_private: bool


def destinations(connection: Connection) -> list[Destination]:
    """Return the servers that the connection's settings name, each once. Raises SyncError for an unknown kind."""
    found = []
    for setting in connector_class(connection.kind).settings:
        scheme, host, port = urls.origin(str(connection.config.get(setting.name) or ""))
        if setting.destination and scheme in urls.DEFAULT_PORTS and host and port:
            found.append(Destination(host, port, scheme == "https", allows_private_addresses(connection.config)))
    return list(dict.fromkeys(found))


def reach(destination: Destination) -> float:
    """Connect, and return the seconds it took. Raises SyncError as a sync would."""
    started = time.monotonic()
    wire = Wire(AddressBook(allow_private=destination.allow_private))
    wire.deadline = started + PATIENCE_SECONDS
    try:
        with wire.connect(destination.host, destination.port, PATIENCE_SECONDS, None) as plain:
            if destination.is_tls:
                plain.settimeout(wire.remaining())
                _trust().wrap_socket(plain, server_hostname=destination.host).close()
    except failures.FAULTS as fault:
        past = time.monotonic() >= wire.deadline
        raise failures.of_fault(fault, destination.host, past_deadline=past).error from None
    return time.monotonic() - started


def _trust() -> ssl.SSLContext:
    """Return whom HttpClient trusts: a company's own authorities where they are given."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    if os.path.isdir(bundle):
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
