"""The application log is one file of whole lines, whoever writes and rotates it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncruns.logfile import LogFile, LogLines, WithoutTraceback

WRITER = """
import logging, sys
from syncruns.logfile import LogFile, LogLines, WithoutTraceback
handler = LogFile(sys.argv[1], delay=True, encoding="utf-8")
for number in range(2000):
    handler.emit(logging.LogRecord("sync", 20, "", 0, f"{sys.argv[2]} {number:04} " + "x" * 80, None, None))
"""
ROTATOR = """
import sys
from pathlib import Path
from syncruns.logfile import rotate
print("ready", flush=True)
while not Path(sys.argv[1]).with_name("done").exists():
    rotate(Path(sys.argv[1]), largest=150_000)
"""


def test_no_line_is_lost_or_torn_while_many_write_and_two_rotate(tmp_path: Path) -> None:
    path = tmp_path / "sync.log"
    run = [sys.executable, "-c"]
    rotators = [subprocess.Popen([*run, ROTATOR, str(path)], stdout=subprocess.PIPE, text=True) for _number in range(2)]
    assert [rotator.stdout.readline() for rotator in rotators if rotator.stdout] == ["ready\n"] * 2
    writers = [subprocess.Popen([*run, WRITER, str(path), str(number)]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    (tmp_path / "done").touch()
    assert [rotator.communicate()[0] for rotator in rotators] == ["", ""]
    assert [rotator.returncode for rotator in rotators] == [0, 0]
    files = list(tmp_path.glob("sync.log*"))
    lines = sorted(line for file in files for line in file.read_text().splitlines())
    assert lines == [f"{writer} {number:04} {'x' * 80}" for writer in range(3) for number in range(2000)]
    assert len(files) > 1


def test_line_is_one_line_in_the_consoles_language() -> None:
    record = logging.makeLogRecord({"name": "sync", "msg": "the database does not answer: %s", "args": ("no\nroute",)})
    assert LogLines("%(name)s %(message)s").format(record) == "sync o banco de dados não responde: no route"
    unknown = logging.makeLogRecord({"name": "sync", "msg": "100 % unknown"})
    assert LogLines("%(message)s").format(unknown) == "100 % unknown"


def test_what_strangers_cause_leaves_no_traceback() -> None:
    try:
        raise ValueError("Host: x")
    except ValueError:
        record = logging.makeLogRecord({"msg": "bad host", "exc_info": sys.exc_info()})
    assert WithoutTraceback().filter(record)
    assert LogLines("%(message)s").format(record) == "bad host"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    handler = LogFile(tmp_path / "sync.log", delay=True)
    yield handler
    handler.close()


def write(log: LogFile, text: str) -> None:
    log.handle(logging.makeLogRecord({"msg": text}))


def test_log_in_whose_place_something_else_stands_stops_nobody_and_goes_on_when_repaired(
    log: LogFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sync.log"
    write(log, "before")
    path.rename(tmp_path / "moved")
    path.mkdir()
    for _time in range(50):
        write(log, "lost")
    path.rmdir()
    write(log, "after")
    assert path.read_text() == "after\n"
    assert capsys.readouterr().err == f"sincro: the log cannot be written: {path}: Is a directory\n"


def test_full_disk_is_told_once_and_without_a_traceback(
    log: LogFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sync.log").symlink_to("/dev/full")
    for _time in range(50):
        write(log, "lost")
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "sync.log").unlink()
