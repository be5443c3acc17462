"""Doctor names what is wrong with a database by its true cause: damage, permissions, locks, lost tables, its server."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connection as database

from syncruns.checkup import database as looks
from syncruns.checkup import holders
from tests.cli.doctor import Found, tick
from tests.console import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sound")]
on_sqlite = pytest.mark.skipif(database.vendor != "sqlite", reason="about a SQLite file")
on_postgres = pytest.mark.skipif(database.vendor != "postgresql", reason="about a server")
PASSWORD = "canary-5ecret-value"


@contextlib.contextmanager
def connected_to(**values: Any) -> Iterator[None]:
    """Let the console work on another database, such as a broken one."""
    before = {name: database.settings_dict[name] for name in values}
    database.close()
    database.settings_dict.update(values)
    try:
        yield
    finally:
        database.close()
        database.settings_dict.update(before)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The console's SQLite file once more, to be broken."""
    path = tmp_path / "copy.sqlite3"
    with (
        contextlib.closing(sqlite3.connect(path)) as made,
        contextlib.closing(sqlite3.connect(database.settings_dict["NAME"])) as source,
    ):
        source.backup(made)
        made.execute("VACUUM")  # without free pages: damage to one would be none
    return path


def damage_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(os.urandom(4096))


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 500)


def remove_with_its_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@on_sqlite
@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (damage_a_page, "database_damaged"),
        (cut_short, "database_damaged"),
        (overwrite, "database_damaged"),
        (remove_with_its_folder, "database_unopenable"),
    ],
)
def test_broken_file_is_named(found: Found, copy: Path, break_it: Callable[[Path], None], code: str) -> None:
    break_it(copy)
    with connected_to(NAME=str(copy)):
        told = found()
    assert set(told) == {code} and str(copy) in told[code]["message"]


@on_sqlite
def test_file_that_may_only_be_read_is_no_lock(found: Found, copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as opened:
        opened.execute("PRAGMA journal_mode = WAL")
    with connected_to(NAME=f"file:{copy}?mode=ro"):
        assert {"database_readonly"} <= found().keys() <= {"database_readonly", "machine_refused", "scheduler_never"}


@on_sqlite
def test_program_that_keeps_the_file_for_itself(found: Found, copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with connected_to(NAME=str(copy), OPTIONS={**database.settings_dict["OPTIONS"], "timeout": 0.1}):
            assert set(found()) == {"database_locked"}


@on_sqlite
def test_program_that_holds_the_write_lock_is_named(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LOCK_SECONDS", 2.1)  # a wait is no difference between clocks
    tick(timedelta())
    with contextlib.closing(sqlite3.connect(database.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        locked = found()
        assert set(locked) == {"locks_sqlite"}
        assert f"pid {os.getpid()}" in locked["locks_sqlite"]["message"]


def test_table_that_somebody_dropped(found: Found) -> None:
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE syncruns_change RENAME TO elsewhere")
    try:
        lost = found()
        assert set(lost) == {"tables_missing"} and lost["tables_missing"]["params"] == {"tables": ["syncruns_change"]}
    finally:
        with database.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO syncruns_change")


@pytest.fixture
def session() -> Iterator[Callable[[], Any]]:
    """Return a function that opens another session of the server."""
    opened = []

    def open_one() -> Any:
        parameters = database.get_connection_params() | {"cursor_factory": None, "application_name": "report"}
        opened.append(psycopg2.connect(**parameters))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@on_postgres
def test_session_that_others_wait_for_is_named(
    found: Found, session: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LOCK_SECONDS", 0.05)
    holds, waits = session(), session()
    holds.cursor().execute("LOCK TABLE syncruns_change IN ROW EXCLUSIVE MODE")
    lock = "LOCK TABLE syncruns_change IN SHARE ROW EXCLUSIVE MODE"
    thread = threading.Thread(target=lambda: waits.cursor().execute(lock))
    thread.start()
    try:
        locked: dict[str, Any] = {}
        while "locks_waiting" not in locked:
            locked = found()
        assert locked["locks_waiting"]["params"]["count"] == 1
        assert f"report, pid {holds.info.backend_pid}" in locked["locks_waiting"]["message"]
    finally:
        holds.rollback()
        thread.join()


@on_postgres
def test_table_that_is_locked_is_told_once_and_soon(found: Found, session: Callable[[], Any]) -> None:
    holds = session()
    holds.cursor().execute("LOCK TABLE syncruns_syncrun IN ACCESS EXCLUSIVE MODE")
    locked = found()
    assert "unchecked" not in locked
    assert f"report, pid {holds.info.backend_pid}" in locked["locks_out"]["message"]
    assert locked["locks_out"]["params"]["tables"] == ["syncruns_syncrun"]
    with database.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("10s",)


@on_postgres
def test_row_that_an_idle_transaction_holds(
    found: Found, session: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "IDLE_SECONDS", 0)
    session().cursor().execute("SELECT 1 FROM connections_connection FOR UPDATE")
    held = found()
    assert set(held) == {"locks_held"}
    assert held["locks_held"]["params"]["tables"] == ["connections_connection"]


@on_postgres
def test_server_that_lets_nobody_in_is_told_from_one_that_is_away(found: Found) -> None:
    with connected_to(NAME="nowhere", PASSWORD=PASSWORD):
        refused = found()
        assert set(refused) == {"database_refuses"}
        assert "nowhere" in refused["database_refuses"]["message"] and PASSWORD not in str(refused)
    with connected_to(HOST="127.0.0.1", PORT=str(free_port())):
        assert set(found()) == {"database_down"}


@on_postgres
def test_server_that_takes_no_changes(found: Found) -> None:
    options = database.settings_dict["OPTIONS"]
    standby = {**options, "options": f"{options['options']} -c default_transaction_read_only=on"}
    with connected_to(OPTIONS=standby):
        assert set(found()) == {"database_standby"}


def test_data_directory_that_cannot_be_written(found: Found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path / "gone")
    assert found()["disk_unwritable"]["params"]["said"] == "No such file or directory"
