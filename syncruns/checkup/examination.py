"""Runs the checks, in the order in which their answers matter."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from connections.models import Connection
from connections.reach import Destination, destinations, reach
from connections.sdk.errors import SyncError
from syncruns.checkup import database, machine, syncing
from syncruns.checkup.check import OK, PROBLEM, WARNING, Check, Scene
from syncruns.checkup.faults import named, unreachable
from syncruns.checkup.mail import check_mail
from syncruns.engine.whereabouts import whereabouts

CHECKS: tuple[Callable[[Scene], Iterator[Check]], ...] = (
    database.check_migrations,
    machine.check_processes,
    machine.check_web,
    machine.check_scheduler,
    machine.check_log,
    database.check_locks,
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
# Tables or columns are missing then: that has been said.
EXPLAINS_REFUSALS = {"migrations_pending", "migrations_newer", "tables_missing"}


def examine(now: datetime | None = None) -> list[Check]:
    """Do every check that asks nobody but the database and this machine.

    A database that cannot be asked is the only answer; one that refuses single questions is told once, by its cause.
    """
    scene = Scene(now or timezone.now())
    try:
        found = list(database.check_database(scene))
    except Error as error:
        connection.close()
        return [unreachable(error)]
    with _impatience():
        for check in CHECKS:
            try:
                found += check(scene)
            except Error as error:
                found += _refusal(check.__name__.removeprefix("check_"), error, found)
            except OSError as error:
                name = check.__name__.removeprefix("check_")
                params = {"path": str(error.filename or settings.DATA_DIR), "said": error.strerror or ""}
                found.append(Check(name, PROBLEM, "machine_refused", params))
            except Exception as error:  # noqa: BLE001 - one look that fails must not keep the others from being taken
                name = check.__name__.removeprefix("check_")
                found.append(Check(name, PROBLEM, "check_failed", {"where": whereabouts(error)}))
    return found


def _refusal(name: str, error: Error, found: Sequence[Check]) -> Iterator[Check]:
    """Yield what a refused question tells that has not been told."""
    cause = named(error)
    told = {one.code for one in found}
    if cause is not None and cause.code == "database_locked" and connection.vendor == "postgresql":
        _set_lock_timeout("50ms")  # the others need not wait as long for the same lock
        cause = database.locked_out()
    if cause is not None:
        if cause.code not in told:
            yield cause
    elif not told & EXPLAINS_REFUSALS:
        yield Check(name, PROBLEM, "unchecked", {"kind": type(error).__name__})


@contextlib.contextmanager
def _impatience() -> Iterator[None]:
    """Wait for no lock as long as a sync would: the answer is that there is one."""
    if connection.vendor != "postgresql":
        yield
        return
    _set_lock_timeout("1s")
    try:
        yield
    finally:
        with contextlib.suppress(Error), connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def _set_lock_timeout(span: str) -> None:
    with contextlib.suppress(Error), connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = %s", [span])


def examine_vendors(told: Sequence[Check] = ()) -> list[Check]:
    """Connect to the source of every connection in use, many at once, and say how long each took.

    told: what is known of the database; it explains why the connections cannot be read.
    """
    if any(check.state == PROBLEM and check.name in ("database", "migrations") for check in told):
        return []
    try:
        in_use = list(
            Connection.objects.filter(deletion="").exclude(status=Connection.Status.INACTIVE).order_by("slug")
        )
    except Error as error:
        return list(_refusal("vendors", error, told))
    asked: list[tuple[str, Destination]] = []
    found: list[Check] = []
    for one in in_use:
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
    told = {"error": error.code, "error_params": error.params, "detail": error.detail}
    return {"connection": slug, "host": host, **told}


def worst(checks: Sequence[Check]) -> str:
    """Return the worst state among checks."""
    states = {check.state for check in checks}
    return next((state for state in (PROBLEM, WARNING) if state in states), OK)
