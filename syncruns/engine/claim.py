"""What a run writes about itself is written while nobody can take it away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from connections.sdk.errors import Interruption
from syncruns.models import SyncRun


@contextmanager
def held(run: SyncRun) -> Iterator[None]:
    """A short transaction during which nobody can take the run away. Raises Interruption when someone has."""
    with transaction.atomic():
        if not run.hold():
            raise Interruption("worker_lost")
        yield
