"""How often a stream is tried in one run, and how long it rests between two tries."""

from __future__ import annotations

from django.conf import settings

from connections.models import Connection

# What a kind calls the settings, if it has them; left empty, the installation's count.
ATTEMPTS, REST = "max_retries", "retry_delay"


def attempts_of(connection: Connection) -> int:
    """Return how often each stream of the connection is tried."""
    own = connection.config.get(ATTEMPTS)
    return settings.MAX_RETRIES if own is None else int(own)


def rest_of(connection: Connection) -> float:
    """Return the seconds between two tries."""
    own = connection.config.get(REST)
    return float(settings.RETRY_DELAY if own is None else own)
