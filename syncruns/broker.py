"""Django-Q2's queue in our database, which waits while the database is away.

Left to itself, Django-Q2 ends the process that asks the queue, and the one that acknowledges, at the first error.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import Error, connections
from django_q.brokers.orm import ORM

from syncruns import outage

PAUSE_SECONDS = 1


class PatientBroker(ORM):
    """Meets an outage with patience; a doorbell that was not acknowledged rings again, which is harmless."""

    def dequeue(self) -> list[tuple[Any, Any]] | None:
        """Return the next tasks; None when there are none, or no database to ask."""
        try:
            found: list[tuple[Any, Any]] | None = super().dequeue()
            return found
        except Error as error:
            _wait(error)
            return None

    def acknowledge(self, task_id: int) -> None:
        """Take a finished task out of the queue."""
        try:
            super().acknowledge(task_id)
        except Error as error:
            _wait(error)


def _wait(error: Error) -> None:
    if not outage.note(error):
        raise error
    connections.close_all()
    time.sleep(PAUSE_SECONDS)
