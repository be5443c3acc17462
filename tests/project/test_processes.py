"""Children that end with their parent, and files that tell the next life about the last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncruns.processes import AlreadyRunning, Child, RoleFile, is_alive, main_process, start_time, stop_all
from tests.console import ROOT, wait_for

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture
def child() -> Iterator[Child]:
    one = Child("sleeper", SLEEP)
    yield one
    one.kill()
    if one.process is not None:
        one.process.wait()


def test_child_has_a_group_of_its_own(child: Child) -> None:
    child.start()
    assert child.pid is not None
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)


def test_child_that_ends_is_started_again_later_each_time(child: Child) -> None:
    child.command = [sys.executable, "-c", "raise SystemExit(3)"]
    waits = []
    for _time in range(7):
        child.start_due_at = 0
        assert child.keep_running()
        wait_for(child.has_ended)
        before = child.started_at
        assert child.keep_running()
        waits.append(min(30, round(child.start_due_at - before)))  # more: what a busy machine adds
    assert waits == sorted(waits)
    assert waits[-1] == 30


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    deaf = Child("deaf", STUBBORN)
    deaf.start()
    stop_all([deaf], grace_seconds=0.5, hurry=lambda: False)
    assert deaf.process is not None and deaf.process.returncode in (-signal.SIGKILL, -signal.SIGTERM)


@needs_proc
def test_children_end_when_their_parent_is_killed() -> None:
    program = (
        "from syncruns.processes import Child; import time; "
        f"child = Child('x', {SLEEP!r}); child.start(); print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_for(lambda: start_time(pid) is None)


def test_role_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    held = RoleFile(tmp_path / "run" / "web")
    held.record([])
    with pytest.raises(AlreadyRunning) as refused:
        RoleFile(tmp_path / "run" / "web")
    assert refused.value.pid == os.getpid()
    held.close()
    RoleFile(tmp_path / "run" / "web").close()


def test_role_is_written_in_place_and_its_file_keeps_its_length(tmp_path: Path, child: Child) -> None:
    role, path = RoleFile(tmp_path / "web"), tmp_path / "web"
    lengths = set()
    for count in (0, 9, 1):
        role.record([child] * count)
        assert len(json.loads(path.read_text())["children"]) == count
        lengths.add(path.stat().st_size)
    role.close()
    assert len(lengths) == 1


@needs_proc
def test_child_that_ended_is_not_alive_even_before_anyone_has_waited_for_it(child: Child) -> None:
    child.start()
    assert child.pid is not None
    started = start_time(child.pid)
    assert is_alive(child.pid, started)
    child.kill()
    wait_for(lambda: not is_alive(child.pid, started))


def test_child_that_waits_for_its_next_start_is_written_down_and_is_no_orphan(tmp_path: Path, child: Child) -> None:
    role = RoleFile(tmp_path / "web")
    role.record([child])
    (entry,) = json.loads((tmp_path / "web").read_text())["children"]
    assert (entry["name"], is_alive(entry["pid"], entry["start"])) == ("sleeper", False)
    assert role.end_orphans() == []
    role.close()


@needs_proc
def test_orphans_of_an_earlier_life_are_ended(tmp_path: Path, child: Child) -> None:
    child.start()
    earlier = RoleFile(tmp_path / "web")
    earlier.record([child])
    earlier.close()
    later = RoleFile(tmp_path / "web")
    assert later.end_orphans() == [child.pid]
    wait_for(child.has_ended)
    assert later.end_orphans() == []
    later.close()


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"[]", b'{"children": 5}', b'{"children": [1, {"name": "web"}]}']
)
def test_file_that_is_not_ours_names_no_children(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "web").write_bytes(content)
    assert main_process(tmp_path / "web") is None
    role = RoleFile(tmp_path / "web")
    assert role.end_orphans() == []
    role.close()


@needs_proc
def test_workers_whose_main_process_has_died_are_ended(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time; "
        f"print(subprocess.Popen({SLEEP!r}).pid, file=open(sys.argv[1], 'w'), flush=True); time.sleep(600)"
    )
    pid_file = tmp_path / "worker"
    main = Child("main", [sys.executable, "-c", program, str(pid_file)])
    main.start()
    worker = int(wait_for(lambda: pid_file.exists() and pid_file.read_text().strip()))
    role = RoleFile(tmp_path / "sync")
    role.record([main])
    assert main.process is not None
    main.process.kill()
    main.process.wait()
    assert role.end_orphans() == [main.process.pid]
    wait_for(lambda: start_time(worker) is None)
    role.close()


@needs_proc
def test_process_that_only_got_the_same_number_is_left_alone(tmp_path: Path, child: Child) -> None:
    child.start()
    assert child.pid is not None
    started = start_time(child.pid)
    assert started is not None
    (tmp_path / "web").write_text(json.dumps({"pid": 1, "children": [{"pid": child.pid, "start": started - 1}]}))
    later = RoleFile(tmp_path / "web")
    assert later.end_orphans() == []
    assert not child.has_ended()
    later.close()


@pytest.mark.parametrize("left", ["", "{", "[]", "null"])
def test_damaged_file_is_an_empty_one(tmp_path: Path, left: str) -> None:
    (tmp_path / "web").write_text(left)
    role = RoleFile(tmp_path / "web")
    assert role.end_orphans() == []
    role.close()
