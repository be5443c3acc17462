"""Checks of what Sincro stands on beside its database: its processes, scheduler, log, clock, disk and keys."""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns.checkup.check import OK, PROBLEM, WARNING, Check, Scene
from syncruns.frame import SILENT_AFTER
from syncruns.models import SyncLog, SyncRun, SystemJob
from syncruns.processes import is_alive, is_watched, listens_at, main_process, stopped_members
from syncruns.supervisor import CONFIRM_SECONDS, ROLES

LOG_MAY_LAG = timedelta(minutes=2)
WEB_SECONDS = 5.0
SKEW_WARNING_SECONDS = 2.0
SKEW_PROBLEM_SECONDS = 30.0
MEGABYTE = 2**20
PROBE_BYTES = 2**16


def check_processes(scene: Scene) -> Iterator[Check]:
    """Look at what the supervisor of this data directory wrote down."""
    mains = {role: main for role in ROLES if (main := _main(role)) is not None}
    alive = [role for role, main in mains.items() if is_alive(main["pid"], main["start"])]
    ended = [role for role in mains if role not in alive]
    if frozen := [role for role in alive if stopped_members(mains[role]["pid"])]:
        yield Check("processes", PROBLEM, "processes_frozen", {"roles": frozen})
    if unwatched := [role for role in alive if not is_watched(settings.DATA_DIR / "run" / role)]:
        yield Check("processes", WARNING, "processes_unwatched", {"roles": unwatched})
    if not alive:
        if _is_fresh(scene):
            yield Check("processes", OK, "processes_elsewhere")
        else:
            yield Check("processes", PROBLEM, "processes_none")
    elif ended:
        yield Check("processes", PROBLEM, "processes_ended", {"roles": ended})
    elif not frozen and not unwatched:
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
    elif _ticks_elsewhere(last):
        yield Check("scheduler", PROBLEM, "scheduler_behind", {"span": scene.now - last})
    else:
        yield Check("scheduler", PROBLEM, "scheduler_silent", params)


def _ticks_elsewhere(last: datetime) -> bool:
    """Wait whether a scheduler on another machine, whose clock may be behind, gives a sign of life."""
    if connection.vendor != "postgresql" or plays_here("control"):
        return False
    time.sleep(settings.TICK_SECONDS + 1)
    return SystemJob.last_sign(SystemJob.DISPATCH) != last


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
        return path.parent.is_dir() and os.access(path.parent, os.W_OK)
    try:
        path.open("a").close()
    except OSError:
        return False
    return True


def check_clock(scene: Scene) -> Iterator[Check]:
    """Compare this machine's clock with the database's, that of whoever ticks, and those of sources."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        else:
            cursor.execute("SELECT (julianday('now') - 2440587.5) * 86400")
        seconds = float(cursor.fetchone()[0]) - scene.present.timestamp()
    last = SystemJob.last_sign(SystemJob.DISPATCH)
    if last is not None:
        seconds = max(seconds, (last - scene.present).total_seconds())  # a tick of the future
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
    """Look how much room there is where Sincro writes, and write a little: quotas and mounts have a say as well."""
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR) as file:
            file.write(bytes(PROBE_BYTES))
    except OSError as error:
        code = "disk_no_room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "disk_unwritable"
        yield Check("disk", PROBLEM, code, {"path": str(settings.DATA_DIR), "said": error.strerror or ""})
    for place in _places():
        usage = shutil.disk_usage(place)
        params = {"bytes": usage.free, "percent": round(100 * usage.free / usage.total), "path": str(place)}
        limits = ((PROBLEM, settings.DISK_PROBLEM_MB), (WARNING, settings.DISK_WARNING_MB))
        state = next((state for state, least in limits if usage.free < least * MEGABYTE), OK)
        yield Check("disk", state, "disk_free" if state == OK else "disk_full", params)


def _places() -> list[Path]:
    """Return the data directory, and the folder of a SQLite file that lies on another disk."""
    places = [Path(settings.DATA_DIR)]
    if connection.vendor == "sqlite":
        folder = Path(connection.settings_dict["NAME"]).parent
        if folder.exists() and folder.stat().st_dev != places[0].stat().st_dev:
            places.append(folder)
    return places


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
    if not plays_here("control"):
        return False
    written = (settings.DATA_DIR / "run" / "control").stat().st_mtime
    return scene.now.timestamp() - written < CONFIRM_SECONDS


def plays_here(role: str) -> bool:
    """Say whether the role's process lives on this data directory."""
    main = _main(role)
    return main is not None and is_alive(main["pid"], main["start"])


def _main(role: str) -> dict[str, Any] | None:
    return main_process(settings.DATA_DIR / "run" / role)
