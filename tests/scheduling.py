"""Which tests run together when several processes share them, and which begin."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

# One running console or browser for all of it.
TOGETHER = ("tests/browser/",)
# Tests that share nothing go to whoever is free; elsewhere a file's tests stay together.
APART = ("tests/crash/", "tests/cli/test_shell.py")
# What takes longest begins, so that all processes end at about the same time.
FIRST = (
    "tests/project/test_run.py",
    "tests/browser/",
    "tests/project/test_broken_setups.py",
    "tests/project/test_production.py",
    "tests/crash/",
    "tests/api/test_live.py",
    "tests/engine/test_auvo.py",
    *APART,
)


class Scheduling(LoadScopeScheduling):
    """Gives whoever is free the next file, or the next of the tests that are apart."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(APART):
            return nodeid
        return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid.split("::")[0])

    def _assign_work_unit(self, node: Any) -> None:
        first = next((scope for place in FIRST for scope in self.workqueue if scope.startswith(place)), None)
        if first is not None:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)
