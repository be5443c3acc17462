"""Keeps Sincro's processes running: the web, the `sync` and `control` clusters, and the sample data's shop.

Restarts what ends, ends a cluster that gives no sign of life (Django-Q2 can freeze for good when one of its processes
is killed), and on SIGTERM, SIGINT or SIGHUP stops everything within 30 seconds.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from connections.models import Connection
from connections.sdk import VERSION
from syncruns import dispatch, logfile, outage
from syncruns.models import SyncRun, SystemJob
from syncruns.processes import Child, RoleFile, stop_all
from syncruns.sample import sample_port
from syncruns.stopping import clear_stop_mark, set_stop_mark

logger = logging.getLogger("sync.supervisor")
told = logging.getLogger("sync.told")

ROLES = ("web", "sync", "control")
GRACE_SECONDS = 20
CONFIRM_SECONDS = 150  # Django-Q2 looks at its schedule every 30 s; the rest is for slow machines
SILENCE_SECONDS = 120
PULSE_SECONDS = 0.25
SAMPLE_EVERY_SECONDS = 1
WATCH_EVERY_SECONDS = 5


class Supervisor:
    """Runs the roles it is given until it is asked to stop."""

    def __init__(self, roles: Iterable[str], say: Callable[[str], None]) -> None:
        """Take the roles on this data directory. Raises AlreadyRunning."""
        self.roles = tuple(roles)
        self._say = say
        self.children: dict[str, Child] = {role: Child(role, *_command(role)) for role in self.roles}
        places = {"web": (settings.HOST, settings.PORT)}
        self.files = [RoleFile(settings.DATA_DIR / "run" / role, address(), places.get(role)) for role in self.roles]
        self.signals = 0
        self.exit_code = 0
        self.is_announced = "web" not in self.roles
        self.is_confirmed = "control" not in self.roles
        self.started_at = timezone.now()
        self.confirm_by = 0.0
        self.woken: int | None = None
        self.control_watch = Unchanged()
        self.sync_watch = Unchanged()
        self.due: dict[Callable[[], None], float] = {}

    def say(self, line: str, *values: object) -> None:
        """Say it on the terminal, in English, and in the log, in its language."""
        self._say(line % values)
        told.info(line, *values)

    def end_orphans(self) -> None:
        """End what a killed supervisor left behind on this data directory."""
        for file in self.files:
            for pid in file.end_orphans():
                logger.warning(_("ended process group %s, left behind by an earlier start"), pid)

    def run(self) -> int:
        """Run until a signal or a failure; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup: outlive the terminal
                signal.signal(number, self._note_signal)
        for role in self.roles:
            clear_stop_mark(role)
        self.started_at = timezone.now()
        self.confirm_by = time.monotonic() + CONFIRM_SECONDS
        told.info(
            _("Sincro %s starts: %s; %s workers, %s, data in %s"),
            *(VERSION, ", ".join(self.roles), settings.SYNC_WORKERS, connection.display_name, settings.DATA_DIR),
        )
        try:
            while not self.signals and not self.exit_code:
                self._keep_children()
                self._announce()
                if "sync" in self.roles:
                    self._every(SAMPLE_EVERY_SECONDS, self._keep_sandboxes)
                self._every(WATCH_EVERY_SECONDS, self._watch)
                time.sleep(PULSE_SECONDS)
        finally:
            self._stop()
        return self.exit_code

    def _note_signal(self, _number: int, _frame: Any) -> None:
        self.signals += 1

    def _every(self, seconds: float, chore: Callable[[], None]) -> None:
        """Do a chore that asks the database, unless it is too early; a database that is away is asked again later."""
        now = time.monotonic()
        if now < self.due.get(chore, 0):
            return
        self.due[chore] = now + seconds
        try:
            chore()
            outage.over()
        except Error as error:
            if not outage.note(error):
                logger.warning(_("the database does not answer: %s"), " ".join(str(error).split()))
            connection.close()

    def _keep_children(self) -> None:
        if any([child.keep_running() for child in self.children.values()]):
            self._record()

    def _record(self) -> None:
        for role, file in zip(self.roles, self.files, strict=True):
            file.record(child for child in self.children.values() if child.name.split()[0] == role)

    def _announce(self) -> None:
        if not self.is_announced and _is_open(settings.HOST, settings.PORT):
            self.is_announced = True
            self.say(_("Sincro is ready: %s"), address())

    def _keep_sandboxes(self) -> None:
        """Run one sandbox per sample connection, for as long as there is one."""
        wanted = {
            f"sync sandbox {sample.kind} {sample_port(sample)}": (sample.kind, sample_port(sample))
            for sample in Connection.objects.filter(is_sample=True)
        }
        running = {name for name in self.children if name.startswith("sync sandbox ")}
        for name in running - wanted.keys():
            stop_all([self.children.pop(name)], grace_seconds=2, hurry=lambda: False)
            self._record()
        for name in wanted.keys() - running:
            kind, port = wanted[name]
            command = [sys.executable, "-m", "connections.sandbox", kind, "--port", str(port)]
            self.children[name] = Child(name, command)

    def _watch(self) -> None:
        """Confirm the scheduler once, end clusters without life signs, and keep the log from growing for ever."""
        logfile.rotate(settings.LOG_FILE)
        last = SystemJob.last_sign(SystemJob.DISPATCH)
        if "control" in self.roles:
            self._wake_control()
            self._watch_control(last)
        if "sync" in self.roles and self.sync_watch.seconds(_stuck_run()) > SILENCE_SECONDS:
            self._end("sync", _("runs wait although workers are free"))
            self.sync_watch = Unchanged()

    def _wake_control(self) -> None:
        """Ring for each life of the scheduler: what rang for the last one is out of sight for minutes."""
        pid = self.children["control"].pid
        if pid is not None and pid != self.woken:
            dispatch.wake()
            self.woken = pid

    def _watch_control(self, last: datetime | None) -> None:
        if self.is_confirmed:
            if self.control_watch.seconds(last or self.started_at) > SILENCE_SECONDS:
                self._end("control", _("the scheduler gives no sign of life"))
                self.control_watch = Unchanged()
        elif last and last > self.started_at:
            self.is_confirmed = True
            self.say(_("scheduler confirmed (pid %s)"), self.children["control"].pid)
        elif time.monotonic() > self.confirm_by:
            for line in logfile.last_lines(settings.LOG_FILE, 100):
                self._say(line)
            self.say(_("The scheduler gave no sign of life in %s s; see the log above."), CONFIRM_SECONDS)
            self.exit_code = 1

    def _end(self, role: str, why: str) -> None:
        logger.error(_("%s is ended and started again: %s"), role, logfile.in_console_language(why))
        self.children[role].kill()

    def _stop(self) -> None:
        """Stop everything: the marks, SIGTERM, patience (a second signal ends it), SIGKILL."""
        asked = self.signals
        self.say(_("Sincro is stopping."))
        for role in self.roles:
            set_stop_mark(role)
        stop_all(self.children.values(), grace_seconds=GRACE_SECONDS, hurry=lambda: self.signals > asked)
        for role in self.roles:
            clear_stop_mark(role)
        for file in self.files:
            file.record([])
            file.close()
        self.say(_("Sincro has stopped."))


class Unchanged:
    """Tells for how long a value that must move has stood still, by a clock that no one sets."""

    def __init__(self) -> None:
        self.value: object = None
        self.since = time.monotonic()

    def seconds(self, value: object) -> float:
        """Return the seconds since value was first given; 0 for None, which cannot stand still."""
        if value is None or value != self.value:
            self.value, self.since = value, time.monotonic()
        return time.monotonic() - self.since


def address() -> str:
    """Return where a person finds the console."""
    host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    return settings.PUBLIC_URL or f"http://{host}:{settings.PORT}/"


def _stuck_run() -> datetime | None:
    """Return when the oldest waiting run was queued if this host's workers should have taken it, else None."""
    busy = SyncRun.objects.filter(state=SyncRun.State.RUNNING, worker__startswith=f"{socket.gethostname()}:").count()
    if busy >= settings.SYNC_WORKERS:
        return None
    late = timezone.now() - timedelta(seconds=SILENCE_SECONDS)
    waiting = SyncRun.objects.filter(state=SyncRun.State.QUEUED, queued_at__lt=late).order_by("queued_at")
    return waiting.values_list("queued_at", flat=True).first()


def _command(role: str) -> tuple[list[str], dict[str, str]]:
    """Return the command of a role and what it adds to the environment."""
    if role == "web":
        bind = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        options = {
            "--bind": f"{bind}:{settings.PORT}",
            "--worker-class": "gthread",
            "--workers": 2,
            "--threads": 8,
            "--timeout": 60,
            "--graceful-timeout": 15,
            "--max-requests": 100_000,  # a new worker costs a second of processor; memory does not grow
            "--max-requests-jitter": 20_000,
            "--limit-request-line": 8190,
            "--log-level": "warning",
        }
        flags = [str(part) for option in options.items() for part in option]
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", *flags, "--no-control-socket"]
    else:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"]
    cluster = {"Q_CLUSTER_NAME": role} if role != "web" else {}
    return command, {"SINCRO_PROCESS": role, "PYTHONUNBUFFERED": "1", "PYTHONPATH": _python_path(), **cluster}


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]))


def _is_open(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
