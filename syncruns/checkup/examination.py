"""Runs the checks, in the order in which their answers matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import Error, connection
from django.utils import timezone

from connections.models import Connection
from connections.reach import Destination, destinations, reach
from connections.sdk.errors import SyncError
from syncruns.checkup import machine, syncing
from syncruns.checkup.check import OK, PROBLEM, WARNING, Check, Scene
from syncruns.checkup.mail import check_mail
from syncruns.engine.whereabouts import whereabouts

CHECKS: tuple[Callable[[Scene], Iterator[Check]], ...] = (
    machine.check_migrations,
    machine.check_processes,
    machine.check_web,
    machine.check_scheduler,
    machine.check_log,
    machine.check_locks,
    machine.check_clock,
    machine.check_disk,
    machine.check_keys,
    syncing.check_credentials,
    syncing.check_queue,
    syncing.check_runs,
    syncing.check_streams,
    syncing.check_data,
    syncing.check_network,
    syncing.check_cycle,
    syncing.check_chores,
    check_mail,
)
AT_ONCE = 16


def examine(now: datetime | None = None) -> list[Check]:
    """Do every check that asks nobody but the database and this machine. A database that is down is the only answer."""
    scene = Scene(now or timezone.now())
    try:
        found = list(machine.check_database(scene))
    except Error as error:
        connection.close()
        return [Check("database", PROBLEM, "database_down", {"kind": type(error).__name__})]
    for check in CHECKS:
        try:
            found += check(scene)
        except Error as error:
            # Tables that a pending migration has yet to make are missing: that has been said.
            if not any(one.code == "migrations_pending" for one in found):
                name = check.__name__.removeprefix("check_")
                found.append(Check(name, PROBLEM, "unchecked", {"kind": type(error).__name__}))
        except Exception as error:  # noqa: BLE001 - one look that fails must not keep the others from being taken
            name = check.__name__.removeprefix("check_")
            found.append(Check(name, PROBLEM, "check_failed", {"where": whereabouts(error)}))
    return found


def examine_vendors() -> list[Check]:
    """Connect to the source of every connection in use, many at once, and say how long each took."""
    asked: list[tuple[str, Destination]] = []
    found: list[Check] = []
    in_use = Connection.objects.filter(deletion="").exclude(status=Connection.Status.INACTIVE)
    for one in in_use.order_by("slug"):
        try:
            asked += [(one.slug, destination) for destination in destinations(one)]
        except SyncError as error:
            found.append(Check("vendors", PROBLEM, "vendor_unreachable", _error(one.slug, "—", error)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found += pool.map(_ask, asked)
    return found or [Check("vendors", OK, "vendors_none")]


def _ask(asked: tuple[str, Destination]) -> Check:
    slug, destination = asked
    try:
        seconds = reach(destination)
    except SyncError as error:
        return Check("vendors", PROBLEM, "vendor_unreachable", _error(slug, destination.host, error))
    params = {"connection": slug, "host": destination.host, "ms": round(seconds * 1000)}
    return Check("vendors", OK, "vendor_answers", params)


def _error(slug: str, host: str, error: SyncError) -> dict[str, object]:
    return {"connection": slug, "host": host, "error": error.code, "error_params": error.params}


def worst(checks: Sequence[Check]) -> str:
    """Return the worst state among checks."""
    states = {check.state for check in checks}
    return next((state for state in (PROBLEM, WARNING) if state in states), OK)
