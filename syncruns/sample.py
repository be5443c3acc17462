"""Try with sample data: connections to small vendors that the supervisor runs on this machine."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from connections.connectors import connector_class
from connections.models import Connection
from connections.sandbox import SAMPLES
from connections.services import User, create_connection
from syncruns.services import request_sync

EVERY_MINUTES = 5
FIRST_READ = timedelta(days=60)  # back from now, where a kind reads changes: enough to look at
PATIENCE_SECONDS = 8.0


def create_sample(kind: str = "rest", user: User = None) -> Connection:
    """Return the sample connection of a kind (one of SAMPLES), created and syncing; the one there is, if there is one.

    Raises SyncError("config_invalid") for a kind without sample data.
    """
    connector_class(kind)
    existing = Connection.objects.filter(is_sample=True, kind=kind, deletion="").first()
    if existing is not None:
        return existing
    definition = SAMPLES[kind](f"http://127.0.0.1:{_free_port()}")
    with transaction.atomic():
        connection = create_connection(
            kind=kind,
            name=_(definition["name"]),
            values=definition["values"],
            schedule={"schedule_kind": "interval", "interval_minutes": EVERY_MINUTES},
            first_since=timezone.now() - FIRST_READ,
            user=user,
        )
        connection.is_sample = True
        connection.auto_sync = True
        connection.plan()
        connection.save()
    # The supervisor starts the vendor when it sees the connection; a first sync before that would only wait.
    _wait_until_open(sample_port(connection))
    request_sync(connection, user=user)
    return connection


def sample_port(connection: Connection) -> int:
    """Return the loopback port on which a sample connection expects its vendor."""
    address = next(one.name for one in connector_class(connection.kind).settings if one.destination)
    return urlsplit(connection.config[address]).port or 80


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(port: int) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False
