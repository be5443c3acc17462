"""What a shell sees: exit codes, no traceback, no secret, progress on a terminal, Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connections.models import Connection
from connections.sandbox.server import Sandbox
from syncruns.models import SyncRun
from syncruns.tasks import work
from tests.cli.conftest import Result, manage, shell_environment

Shell = Callable[..., Result]
CANARY = "canary-5ecret-value"


def test_connection_from_nothing_to_synced(shell: Shell, loja_flags: list[str]) -> None:
    added = shell("connections", "add", "rest", "Loja", *loja_flags)
    assert added.code == 0, added
    synced = shell("sync", "loja", "--json")
    assert synced.code == 0, synced
    assert synced.document["state"] == "succeeded"
    assert shell("runs", "list").out.count("loja") == 1


def test_wrong_flag_is_a_usage_error(shell: Shell) -> None:
    for arguments in (["sync"], ["connections", "fly"]):
        assert shell(*arguments).code == 2


def test_secret_is_in_no_output(shell: Shell, command: Shell, loja_flags: list[str], shop: Sandbox) -> None:
    flags = [flag for flag in loja_flags if not flag.startswith("--secret")]
    results = [
        shell("connections", "add", "rest", "Loja", *flags, "--secret", "token=env:LOJA_TOKEN", LOJA_TOKEN=CANARY),
        command("connections", "show", "loja"),
        command("connections", "show", "loja", "--json"),
        command("connections", "test", "loja"),  # the shop knows another token
        shell("sync", "loja", "-v", "2"),
        command("connections", "show", "loja"),
        command("rotate_keys"),
    ]
    run = str(SyncRun.objects.get())
    results += [command("runs", "show", run), command("runs", "show", run, "--json")]
    assert [result.code for result in results] == [0, 0, 0, 4, 4, 0, 0, 0, 0]
    assert not any(CANARY in result.out + result.err for result in results)


def test_database_that_is_not_there_is_said_in_a_sentence(shell: Shell, tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    failed = shell("sync", "loja", "--json", DATABASE_URL=empty)
    assert (failed.code, failed.document["error"]["code"]) == (5, "database_unavailable")
    assert "migrate" in shell("connections", "list", DATABASE_URL=empty).err


def test_language_follows_the_terminal(shell: Shell) -> None:
    assert "No connection yet" in shell("connections", "list", LANG="en_GB.UTF-8").out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_cancels_the_run(loja: Connection, shop: Sandbox, number: int) -> None:
    shop.faults.order("hang:1,path=/customers,seconds=2")
    with subprocess.Popen(
        manage("sync", "loja", "--json"), env=shell_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _until(lambda: shop.faults.played["hang"] == 1)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 5, (out, err)
    assert json.loads(out)["state"] == "cancelled"
    assert b"Traceback" not in err
    assert SyncRun.objects.get().state == "cancelled"


def test_queued_sync_is_waited_for_while_a_worker_does_it(loja: Connection) -> None:
    with subprocess.Popen(
        manage("sync", "loja", "--queue", "--wait", "--json"), env=shell_environment(), stdout=subprocess.PIPE
    ) as process:
        _until(SyncRun.objects.exists)
        work()
        out, _err = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert json.loads(out)["state"] == "succeeded"


def test_progress_is_one_moving_line_on_a_terminal(loja: Connection) -> None:
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        manage("sync", "loja"), env=shell_environment(), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = _said(terminal)
        process.wait(timeout=60)
    assert process.returncode == 0, said
    assert said.count("Products: ") >= 1
    assert "Succeeded" in said


def test_delete_on_a_terminal_asks_first(loja: Connection) -> None:
    for replies, code, left in (("keep\nno\n", 2, True), ("keep\nloja\n", 0, False)):
        terminal, theirs = pty.openpty()
        with subprocess.Popen(
            manage("connections", "delete", "loja"), env=shell_environment(), stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            os.write(terminal, replies.encode())
            said = _said(terminal)
            process.wait(timeout=60)
        assert process.returncode == code, said
        assert Connection.objects.exists() == left


def _said(terminal: int) -> str:
    """Read a terminal until the process behind it is gone."""
    said = b""
    with os.fdopen(terminal, "rb", buffering=0) as reader:
        while True:
            try:
                part = reader.read(4096)
            except OSError:  # Linux says EIO when the last writer is gone
                break
            if not part:
                break
            said += part
    return said.decode()


def _until(is_so: Callable[[], bool]) -> None:
    for _attempt in range(600):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")
