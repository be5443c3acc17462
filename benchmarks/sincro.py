"""Sincro's side of the benchmark: `prepare` makes connections to the source, `sync` runs each of them once.

    python -m benchmarks.sincro prepare SOURCE_URL CONNECTIONS
    python -m benchmarks.sincro sync

Both work on DATABASE_URL and DATA_DIR. `sync` is what a worker does, in one process: claim and execute until none is
left.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def prepare(source_url: str, connections: int) -> None:
    """Make connections that differ in their tables only: items0.items, items1.items..."""
    from connections.services import create_connection

    streams = json.loads(Path(__file__).with_name("streams.json").read_text())
    for number in range(connections):
        values = {
            "base_url": source_url,
            "table_prefix": f"items{number}",
            "auth": "none",
            "allow_private_addresses": True,
            "streams": streams,
        }
        create_connection(kind="rest", name=f"Items {number}", values=values)


def sync() -> None:
    """Queue a run of every connection and work them off. Exits with a message if one does not succeed."""
    from connections.models import Connection
    from syncruns.models import SyncRun
    from syncruns.services import request_sync
    from syncruns.tasks import work

    runs = [request_sync(connection, call_worker=False)[0].pk for connection in Connection.objects.all()]
    while work() != "idle":
        pass
    failed = SyncRun.objects.filter(pk__in=runs).exclude(state=SyncRun.State.SUCCEEDED)
    if failed:
        sys.exit(
            f"{len(failed)} of {len(runs)} runs did not succeed; the first: {failed[0].state} {failed[0].error_code}"
        )


if __name__ == "__main__":
    import django

    django.setup()
    command, *arguments = sys.argv[1:]
    if command == "prepare":
        prepare(arguments[0], int(arguments[1]))
    else:
        sync()
