"""Checks of what Sincro stands on: its processes, scheduler, log, database, clock, disk and keys."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns.checkup.check import OK, PROBLEM, WARNING, Check, Scene
from syncruns.frame import SILENT_AFTER
from syncruns.models import SyncLog, SyncRun, SystemJob
from syncruns.processes import is_alive, listens_at, main_process
from syncruns.supervisor import CONFIRM_SECONDS, ROLES

SLOW_SECONDS = 1.0
LOG_MAY_LAG = timedelta(minutes=2)
LOCK_SECONDS = 5.0
OURS = ("connections", "syncruns")  # whose migrations are never squashed away
WEB_SECONDS = 5.0
SKEW_WARNING_SECONDS = 2.0
SKEW_PROBLEM_SECONDS = 30.0
MEGABYTE = 2**20


def check_database(_scene: Scene) -> Iterator[Check]:
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    seconds = time.monotonic() - started
    slow = seconds > SLOW_SECONDS
    params = {"kind": connection.display_name, "ms": round(seconds * 1000)}
    yield Check("database", WARNING if slow else OK, "database_slow" if slow else "database_answers", params)


def check_migrations(_scene: Scene) -> Iterator[Check]:
    executor = MigrationExecutor(connection)
    loader = executor.loader
    pending = executor.migration_plan(loader.graph.leaf_nodes())
    unknown = sorted(key for key in loader.applied_migrations if key[0] in OURS and key not in loader.disk_migrations)
    if unknown:
        yield Check("migrations", PROBLEM, "migrations_newer", {"newest": ".".join(unknown[-1])})
    elif pending:
        first = f"{pending[0][0].app_label}.{pending[0][0].name}"
        yield Check("migrations", PROBLEM, "migrations_pending", {"count": len(pending), "first": first})
    else:
        yield Check("migrations", OK, "migrations_done")


def check_processes(scene: Scene) -> Iterator[Check]:
    """Look at what the supervisor of this data directory wrote down."""
    mains = {role: main for role in ROLES if (main := _main(role)) is not None}
    alive = [role for role, main in mains.items() if is_alive(main["pid"], main["start"])]
    ended = [role for role in mains if role not in alive]
    if not alive:
        if _is_fresh(scene):
            yield Check("processes", OK, "processes_elsewhere")
        else:
            yield Check("processes", PROBLEM, "processes_none")
    elif ended:
        yield Check("processes", PROBLEM, "processes_ended", {"roles": ended})
    else:
        yield Check("processes", OK, "processes_alive", {"roles": alive})


def check_web(_scene: Scene) -> Iterator[Check]:
    """Ask the web that runs here, as a load balancer would: a process may be there and answer nobody."""
    main, place = _main("web"), listens_at(settings.DATA_DIR / "run" / "web")
    if main is None or place is None or not is_alive(main["pid"], main["start"]):
        yield Check("web", OK, "web_elsewhere")
        return
    host, port = place
    params: dict[str, Any] = {"address": f"{host}:{port}"}
    asking = http.client.HTTPConnection(host, port, timeout=WEB_SECONDS)
    started = time.monotonic()
    try:
        asking.request("GET", "/healthz", headers={"Host": "localhost"})
        asking.getresponse().read()
    except (OSError, http.client.HTTPException):
        yield Check("web", PROBLEM, "web_silent", params)
    else:
        yield Check("web", OK, "web_answers", params | {"ms": round((time.monotonic() - started) * 1000)})
    finally:
        asking.close()


def check_scheduler(scene: Scene) -> Iterator[Check]:
    last = SystemJob.last_sign(SystemJob.DISPATCH)
    params = {"at": last}
    if _is_fresh(scene):
        yield Check("scheduler", OK, "scheduler_confirmed", params)
    elif _is_starting(scene):
        yield Check("scheduler", WARNING, "scheduler_starting", params)
    elif last is None:
        yield Check("scheduler", PROBLEM, "scheduler_never")
    else:
        yield Check("scheduler", PROBLEM, "scheduler_silent", params)


def check_log(_scene: Scene) -> Iterator[Check]:
    """Compare the log with the runs that this host's workers ended: each of them writes lines."""
    path = settings.LOG_FILE
    params: dict[str, Any] = {"path": str(path)}
    if not _is_writable(path):
        yield Check("log", PROBLEM, "log_unwritable", params)
        return
    here = SyncRun.objects.filter(worker__startswith=f"{socket.gethostname()}:", finished_at__isnull=False)
    newest = here.order_by("-finished_at").values_list("finished_at", flat=True).first()
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None
    params |= {"at": written}
    talks = settings.LOG_LEVEL in ("DEBUG", "INFO")
    if talks and newest and (written is None or newest - written > LOG_MAY_LAG):
        yield Check("log", PROBLEM, "log_still", params | {"run_at": newest})
    elif written is None:
        yield Check("log", OK, "log_empty", params)
    else:
        yield Check("log", OK, "log_moves", params)


def _is_writable(path: Path) -> bool:
    """Try it on a log that is there; one that is not must be made by who runs Sincro, not by who asks."""
    if not path.exists():
        return os.access(path.parent, os.W_OK)
    try:
        path.open("a").close()
    except OSError:
        return False
    return True


def check_locks(_scene: Scene) -> Iterator[Check]:
    """Look for sessions that wait for a lock; on SQLite, ask for the one lock there is."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), max(extract(epoch FROM clock_timestamp() - query_start)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
                " AND clock_timestamp() - query_start > make_interval(secs => %s)",
                [LOCK_SECONDS],
            )
            count, seconds = cursor.fetchone()
    else:
        count, seconds = _wait_for_sqlite()
    if count:
        params = {"count": count, "span": timedelta(seconds=float(seconds))}
        yield Check("locks", PROBLEM, "locks_waiting", params)
    else:
        yield Check("locks", OK, "locks_free")


def check_clock(scene: Scene) -> Iterator[Check]:
    """Compare this machine's clock with the database's, that of whoever ticks, and those of sources."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        else:
            cursor.execute("SELECT (julianday('now') - 2440587.5) * 86400")
        seconds = float(cursor.fetchone()[0]) - scene.now.timestamp()
    last = SystemJob.last_sign(SystemJob.DISPATCH)
    if last is not None:
        seconds = max(seconds, (last - scene.now).total_seconds())  # a tick of the future
    apart = abs(seconds)
    sources = list(_source_clocks(scene))
    yield from sources
    if apart > SKEW_WARNING_SECONDS:
        state = PROBLEM if apart > SKEW_PROBLEM_SECONDS else WARNING
        yield Check("clock", state, "clock_apart", {"span": timedelta(seconds=apart)})
    elif not sources:
        yield Check("clock", OK, "clock_right")


def _source_clocks(scene: Scene) -> Iterator[Check]:
    """Yield what the last runs noted of clocks far from ours, once per connection."""
    last = {row.last_run.pk: row.connection.slug for row in scene.rows if row.last_run is not None}
    told = SyncLog.objects.filter(run__in=last, event="source_clock").order_by("pk")
    found = {last[entry.run_id]: entry.params for entry in told}
    for slug, params in sorted(found.items()):
        span = timedelta(seconds=abs(params["seconds"]))
        yield Check("clock", WARNING, "clock_source", {"connection": slug, "host": params["host"], "span": span})


def check_disk(_scene: Scene) -> Iterator[Check]:
    usage = shutil.disk_usage(settings.DATA_DIR)
    params = {"bytes": usage.free, "percent": round(100 * usage.free / usage.total), "path": str(settings.DATA_DIR)}
    for state, least in ((PROBLEM, settings.DISK_PROBLEM_MB), (WARNING, settings.DISK_WARNING_MB)):
        if usage.free < least * MEGABYTE:
            yield Check("disk", state, "disk_full", params)
            return
    yield Check("disk", OK, "disk_free", params)


def check_keys(_scene: Scene) -> Iterator[Check]:
    unreadable, read = [], 0
    for one in Connection.objects.only("slug", "secrets").order_by("slug"):
        try:
            read += bool(one.secrets.reveal())
        except SyncError:
            unreadable.append(one.slug)
    if unreadable:
        yield Check("keys", PROBLEM, "keys_wrong", {"connections": unreadable})
    else:
        yield Check("keys", OK, "keys_right", {"count": read})


def _is_fresh(scene: Scene) -> bool:
    last = SystemJob.last_sign(SystemJob.DISPATCH)
    return last is not None and scene.now - last <= SILENT_AFTER


def _is_starting(scene: Scene) -> bool:
    """Say whether the scheduler's process is here and so young that it need not have ticked yet."""
    main = _main("control")
    if main is None or not is_alive(main["pid"], main["start"]):
        return False
    written = (settings.DATA_DIR / "run" / "control").stat().st_mtime
    return scene.now.timestamp() - written < CONFIRM_SECONDS


def _main(role: str) -> dict[str, Any] | None:
    return main_process(settings.DATA_DIR / "run" / role)


def _wait_for_sqlite() -> tuple[int, float]:
    """Return whether the write lock is held for long, and for how long it was waited."""
    started = time.monotonic()
    sqlite = cast(Any, connection)  # config/sqlite
    sqlite.patience = LOCK_SECONDS
    try:
        with transaction.atomic():
            pass
    except Error:
        return 1, time.monotonic() - started
    finally:
        sqlite.patience = None
    return 0, 0.0
