"""`make run` as a person meets it: start, sign in, sample data, stop, start again. No part of it is made up."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.console import ROOT, Console, console, free_port, wait_for

STOP_SECONDS = 30

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes through /proc")


@pytest.fixture
def own_console(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path / "var") as one:
        yield one


@pytest.fixture(scope="module")
def running_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One that runs, for tests that leave it running."""
    with console(tmp_path_factory.mktemp("running") / "var") as one:
        one.start()
        yield one


@needs_proc
def test_first_start_signs_in_syncs_sample_data_stops_and_keeps_all_of_it(own_console: Console) -> None:
    own_console.start()
    private = own_console.data_dir / "first-admin.txt"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert own_console.first_password()[1] not in own_console.output()

    browser = own_console.browse()
    assert browser.open("/").status_code == 200
    wait_for(lambda: f"Sincro is ready: {own_console.url}/" in own_console.output())

    assert browser.post("/sample/").ok
    state = "SELECT state FROM syncruns_syncrun WHERE state NOT IN ('queued', 'running')"
    assert wait_for(lambda: own_console.query(state))[0] == ("succeeded",)
    assert any("connections.sandbox" in command for command in own_console.processes().values())
    wait_for(lambda: "scheduler confirmed (pid " in own_console.output())

    assert len(own_console.processes()) >= 8  # supervisor, web, two clusters and their workers, the shop
    assert own_console.stop() == 0
    assert own_console.processes() == {}

    hours_ago = (timezone.now() - timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S")
    own_console.change(f"UPDATE connections_connection SET next_sync_at = '{hours_ago}'")
    own_console.start()
    assert own_console.query("SELECT count(*) FROM connections_connection") == [(1,)]
    # What fell due while nothing ran is caught up at once: one run, and one row for the slots that nobody ran.
    caught_up = "SELECT state FROM syncruns_syncrun WHERE trigger = 'catch_up'"
    wait_for(lambda: own_console.query(caught_up) == [("succeeded",)], seconds=30)
    ((skipped, reason),) = own_console.query(
        "SELECT skipped_slots, skip_reason FROM syncruns_syncrun WHERE state = 'skipped'"
    )
    assert skipped in (35, 36, 37) and reason == "no_worker"  # 37: a start that took long passed one more
    assert own_console.browse().open("/").status_code == 200
    assert own_console.output().count("First administrator") == 1
    assert "Traceback" not in own_console.output()


@needs_proc
def test_interrupt_stops_everything_and_leaves_no_stop_mark(own_console: Console) -> None:
    own_console.start()
    assert own_console.stop(signal.SIGINT) == 0
    assert own_console.processes() == {}
    assert not list(own_console.data_dir.glob("stop*"))


@needs_proc
@pytest.mark.long
def test_console_started_under_nohup_outlives_its_terminal(own_console: Console) -> None:
    terminal = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what nohup does; children inherit it
    try:
        own_console.start()
    finally:
        signal.signal(signal.SIGHUP, terminal)
    assert own_console.process is not None
    own_console.process.send_signal(signal.SIGHUP)
    web = next(pid for pid, command in own_console.processes().items() if "gunicorn" in command)
    os.kill(os.getpgid(web), signal.SIGKILL)
    wait_for(lambda: "web terminou com o código -9" in own_console.output())  # it still looks after the others
    assert "Sincro is stopping." not in own_console.output()


@needs_proc
def test_what_a_killed_supervisor_left_is_gone_after_the_next_start(own_console: Console) -> None:
    own_console.start()
    wait_for(lambda: len(own_console.processes()) >= 8)
    earlier = set(own_console.processes())
    own_console.stop(signal.SIGKILL)
    own_console.start()
    wait_for(lambda: not earlier & set(own_console.processes()))


@needs_proc
def test_ended_web_is_started_again(running_console: Console) -> None:
    web = {pid for pid, command in running_console.processes().items() if "gunicorn" in command}
    (main,) = {os.getpgid(pid) for pid in web}
    os.kill(main, signal.SIGKILL)
    wait_for(lambda: not web & set(running_console.processes()))
    wait_for(running_console.answers)
    assert "web terminou com o código -9" in running_console.output()


def test_second_start_on_the_same_data_directory_says_so_in_one_line(running_console: Console) -> None:
    second = running_console.manage("supervise", PORT=str(free_port()))
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"already runs on {running_console.data_dir}" in second.stderr
    assert running_console.url in second.stderr


def test_port_in_use_is_one_line(running_console: Console, tmp_path: Path) -> None:
    with console(tmp_path / "other", PORT=str(running_console.port)) as other:
        refused = other.manage("supervise")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        f"sincro: Port {running_console.port} on 127.0.0.1 is in use. "
        f"Stop what uses it, or choose another: make run PORT={running_console.port + 1}"
    )


def test_database_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    with console(tmp_path / "var", DATABASE_URL="postgresql://nobody:hidden-password@127.0.0.1:9/none") as own:
        refused = own.manage("supervise")
    assert refused.returncode == 1
    assert refused.stderr.startswith("sincro: The database cannot be used: ")
    assert refused.stderr.count("\n") == 1
    assert "hidden-password" not in refused.stdout + refused.stderr


@needs_proc
def test_make_run_ends_when_make_is_told_to_end(own_console: Console) -> None:
    installed = ROOT / ".venv" / "runtime-installed"
    if not installed.exists() or not sys.prefix.startswith(str(ROOT / ".venv")):
        pytest.skip("make run would install packages: the tests do not run from make's own .venv")
    with own_console.output_file.open("ab") as output:
        make = subprocess.Popen(
            ["make", "run"], cwd=ROOT, env=own_console.environment, stdout=output, stderr=subprocess.STDOUT
        )
    wait_for(lambda: "Sincro is ready" in own_console.output())
    make.send_signal(signal.SIGTERM)
    make.wait(timeout=STOP_SECONDS)
    wait_for(lambda: own_console.processes() == {}, seconds=STOP_SECONDS)
