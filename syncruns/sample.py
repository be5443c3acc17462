"""Try with sample data: a connection to a small shop that the supervisor runs on this machine."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _

from connections.models import Connection
from connections.sandbox.shop import sample_connection
from connections.services import User, create_connection
from syncruns.services import request_sync

EVERY_MINUTES = 5
PATIENCE_SECONDS = 8.0


def create_sample(user: User = None) -> Connection:
    """Return the sample connection, created and syncing; the one that is there when there is one already."""
    existing = Connection.objects.filter(is_sample=True, deletion="").first()
    if existing is not None:
        return existing
    definition = sample_connection(f"http://127.0.0.1:{_free_port()}")
    with transaction.atomic():
        connection = create_connection(
            kind=definition["kind"],
            name=_(definition["name"]),
            values=definition["values"],
            schedule={"schedule_kind": "interval", "interval_minutes": EVERY_MINUTES},
            user=user,
        )
        connection.is_sample = True
        connection.auto_sync = True
        connection.plan()
        connection.save()
    # The supervisor starts the shop when it sees the connection; a first sync before that would only wait.
    _wait_until_open(sample_port(connection))
    request_sync(connection, user=user)
    return connection


def sample_port(connection: Connection) -> int:
    """Return the loopback port on which the sample connection expects its shop."""
    return urlsplit(connection.config["base_url"]).port or 80


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
