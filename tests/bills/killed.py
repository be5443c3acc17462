"""`python -m tests.bills.killed RUN MOMENT`: executes a run of bills and dies by SIGKILL at its second file.

MOMENT: inside (rows and document are written, the transaction is open) or after (it has just been committed).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import django


def main(run: str, moment: str) -> None:
    django.setup()
    from connections import connectors
    from syncruns.engine import load
    from syncruns.engine.warehouse import warehouse
    from syncruns.tasks import execute_run
    from tests.bills.connector import BillsConnector

    connectors.REGISTRY = (*connectors.REGISTRY, BillsConnector)
    type(warehouse()).rows_at_once = 1  # each page has a transaction of its own
    loaded = 0
    keep, commit = load.keep, load.StreamLoad._commit

    def dying_inside(*given: Any) -> None:
        nonlocal loaded
        keep(*given)
        loaded += bool(given[2])
        if moment == "inside" and loaded == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    def dying_after(self: Any, *given: Any) -> None:
        commit(self, *given)
        if moment == "after" and loaded == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    load.keep = dying_inside
    load.StreamLoad._commit = dying_after  # type: ignore[method-assign] - this process is there to be killed
    execute_run(run)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(*sys.argv[1:])
