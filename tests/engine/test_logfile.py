"""The application log is one file of whole lines, whoever writes and rotates it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WRITER = """
import logging.handlers, sys
handler = logging.handlers.WatchedFileHandler(sys.argv[1], delay=True, encoding="utf-8")
for number in range(2000):
    handler.emit(logging.LogRecord("sync", 20, "", 0, f"{sys.argv[2]} {number:04} " + "x" * 80, None, None))
"""
ROTATOR = """
import sys
from pathlib import Path
from syncruns.logfile import rotate
while not Path(sys.argv[1]).with_name("done").exists():
    rotate(Path(sys.argv[1]), largest=150_000)
"""


def test_no_line_is_lost_or_torn_while_many_write_and_two_rotate(tmp_path: Path) -> None:
    path = tmp_path / "sync.log"
    run = [sys.executable, "-c"]
    rotators = [subprocess.Popen([*run, ROTATOR, str(path)]) for _number in range(2)]
    writers = [subprocess.Popen([*run, WRITER, str(path), str(number)]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    (tmp_path / "done").touch()
    assert [rotator.wait() for rotator in rotators] == [0, 0]
    files = list(tmp_path.glob("sync.log*"))
    lines = sorted(line for file in files for line in file.read_text().splitlines())
    assert lines == [f"{writer} {number:04} {'x' * 80}" for writer in range(3) for number in range(2000)]
    assert len(files) > 2
