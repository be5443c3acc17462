"""Who reads the tables while a reset goes on: the old rows entire, then the new ones, and nothing between."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from django.db import Error, connections

from connections.models import Connection
from tests.crash.truth import TABLES, stored_rows

Seen = dict[str, list[list[Any]]]  # stream -> the different contents of its first table, in order


@contextlib.contextmanager
def looking_at(connection: Connection) -> Iterator[Seen]:
    """Look at the connection's tables all the while, and say at the end what was seen."""
    seen: Seen = {stream: [] for stream in TABLES}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for stream, (table, *_children) in TABLES.items():
                with contextlib.suppress(Error):
                    held = stored_rows(connection, table)
                    if seen[stream][-1:] != [held]:
                        seen[stream].append(held)
        connections.close_all()

    onlooker = threading.Thread(target=look)
    onlooker.start()
    try:
        yield seen
    finally:
        over.set()
        onlooker.join()
