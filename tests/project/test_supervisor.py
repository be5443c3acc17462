"""The supervisor's small parts: the stop mark, the log, and what tells that a cluster has frozen."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from logging.handlers import WatchedFileHandler
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ

from connections.models import Connection
from syncruns import logfile, stopping, supervisor
from syncruns.models import SyncRun
from syncruns.startup import StartError, check_address


@pytest.fixture
def mark() -> Iterator[Path]:
    yield settings.DATA_DIR / "stop-sync"
    stopping.clear_stop_mark()


def test_stop_mark_holds_until_it_is_cleared(mark: Path) -> None:
    assert not stopping.is_stopping()
    stopping.set_stop_mark()
    assert stopping.is_stopping()
    stopping.clear_stop_mark()
    stopping.clear_stop_mark()
    assert not stopping.is_stopping()


def test_mark_of_one_role_leaves_the_others_alone(mark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping.set_stop_mark("sync")
    monkeypatch.setenv("SINCRO_PROCESS", "control")
    assert not stopping.is_stopping()
    monkeypatch.setenv("SINCRO_PROCESS", "sync")
    assert stopping.is_stopping()


def test_mark_of_a_supervisor_killed_while_stopping_does_not_stop_workers_for_ever(mark: Path) -> None:
    stopping.set_stop_mark()
    long_ago = time.time() - 2 * stopping.GOOD_FOR_SECONDS
    os.utime(mark, (long_ago, long_ago))
    assert not stopping.is_stopping()
    stopping.set_stop_mark()
    assert stopping.is_stopping()


def test_writers_go_on_in_a_new_file_when_the_log_is_rotated(tmp_path: Path) -> None:
    log = tmp_path / "sync.log"
    writer = WatchedFileHandler(log, delay=True)
    try:
        for number in range(8):
            writer.handle(logging.makeLogRecord({"msg": f"line {number}"}))
            assert logfile.rotate(log, largest=1)
        writer.handle(logging.makeLogRecord({"msg": "last"}))
    finally:
        writer.close()
    assert log.read_text() == "last\n"
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["sync.log", *(f"sync.log.{number}" for number in range(1, logfile.KEPT + 1))]
    assert (tmp_path / "sync.log.1").read_text() == "line 7\n"


def test_small_or_missing_log_stays(tmp_path: Path) -> None:
    assert not logfile.rotate(tmp_path / "none.log")
    (tmp_path / "small.log").write_text("line\n")
    assert not logfile.rotate(tmp_path / "small.log")


def test_last_lines_are_the_last(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"{number}\n" for number in range(250)))
    assert logfile.last_lines(tmp_path / "a.log", 100) == [str(number) for number in range(150, 250)]
    assert logfile.last_lines(tmp_path / "none.log", 100) == []


def test_value_that_moves_or_is_missing_never_stands_still() -> None:
    watch = supervisor.Unchanged()
    watch.seconds("a")
    watch.since -= 500
    assert watch.seconds("a") >= 500
    assert watch.seconds("b") < 500
    watch.since -= 500
    assert watch.seconds(None) < 500


@pytest.mark.django_db
def test_old_waiting_run_is_stuck_only_while_this_host_has_free_workers(
    make_connection: Callable[..., Connection],
) -> None:
    late = timezone.now() - timedelta(seconds=2 * supervisor.SILENCE_SECONDS)
    waiting = SyncRun.objects.create(connection=make_connection(), trigger="manual")
    assert supervisor._stuck_run() is None
    SyncRun.objects.filter(pk=waiting.pk).update(queued_at=late)
    assert supervisor._stuck_run() == late
    for number in range(settings.SYNC_WORKERS):
        busy = SyncRun.objects.create(connection=make_connection(), trigger="manual")
        assert busy.claim(f"{socket.gethostname()}:{number}", 30)
    assert supervisor._stuck_run() is None


@pytest.mark.django_db
def test_scheduler_that_starts_again_is_woken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    one = supervisor.Supervisor(["control"], print)
    control = one.children["control"]
    control.command = [sys.executable, "-c", "import time; time.sleep(600)"]
    for lives in (1, 2):
        control.start()
        for _look in range(3):
            one._watch()
        assert OrmQ.objects.filter(key="control").count() == lives
        control.kill()
        assert control.process is not None and control.process.wait()
    for file in one.files:
        file.close()


def test_address_in_use_or_impossible_is_told() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} on 127.0.0.1 is in use"):
            check_address("127.0.0.1", port)
    with pytest.raises(StartError, match="Cannot listen on HOST no-such-host.invalid"):
        check_address("no-such-host.invalid", 8000)
    with pytest.raises(StartError, match="HOST a..b is neither an address nor a name"):
        check_address("a..b", 8000)
