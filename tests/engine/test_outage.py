"""The database goes away: one line when it goes, one when it is back, and nobody dies of it."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import environ
import pytest
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.utils import ConnectionHandler
from django.utils import timezone
from django_q.brokers import get_broker
from pytest_django import DjangoDbBlocker

from config.database import SQLITE
from connections.models import Connection
from syncruns import broker, outage
from syncruns.alerts import incidents
from syncruns.models import SyncRun
from syncruns.webhooks import events
from tests.console import free_port


@pytest.fixture(autouse=True)
def mark() -> Iterator[Path]:
    yield settings.DATA_DIR / "database-away"
    (settings.DATA_DIR / "database-away").unlink(missing_ok=True)


@pytest.fixture
def refusal(django_db_blocker: DjangoDbBlocker) -> Iterator[Error]:
    """What Django raises when nothing listens where the database should be."""
    url = f"postgresql://sincro:secret@127.0.0.1:{free_port()}/sincro"
    with django_db_blocker.unblock():  # connections are closed, none is opened
        with pytest.raises(Error) as refused:
            ConnectionHandler({"default": environ.Env.db_url_config(url)})["default"].ensure_connection()
        yield refused.value


def record(error: BaseException) -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return logging.LogRecord("django-q", logging.ERROR, "", 0, "Failed to pull task", (), sys.exc_info())


def test_outage_is_one_line_however_many_meet_it(refusal: Error, caplog: pytest.LogCaptureFixture) -> None:
    only_once = outage.OncePerOutage()
    for _process in range(3):
        assert not only_once.filter(record(refusal))
        assert outage.note(refusal)
    assert [line.levelname for line in caplog.records] == ["ERROR"]
    assert "the database does not answer" in caplog.text and "refused" in caplog.text
    assert "secret" not in caplog.text and "Traceback" not in caplog.text


def test_return_is_one_line_once_nothing_fails_any_more(
    refusal: Error, mark: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outage.over()
    assert not caplog.records
    outage.note(refusal)
    mark.write_text(str(time.time() - 95))
    caplog.clear()
    outage.over()  # one process may reach the database while others still cannot
    assert not caplog.records
    last = time.time() - outage.OVER_AFTER_SECONDS
    os.utime(mark, (last, last))
    outage.over()
    outage.over()
    assert [line.getMessage() for line in caplog.records] == ["the database answers again; it was away for 65 s"]


def test_outage_is_told_even_where_no_mark_can_be_made(
    refusal: Error, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DATA_DIR", Path("/proc/nowhere"))
    assert outage.note(refusal)
    assert "the database does not answer" in caplog.text


def test_other_errors_keep_their_traceback(mark: Path) -> None:
    assert outage.OncePerOutage().filter(record(ValueError("a fault of ours")))
    assert not outage.is_away(Error("no cause"))
    assert not mark.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sql", ["SELECT no_such_column", "SELECT 1 / 0::int", "SET statement_timeout = 1; SELECT pg_sleep(1)"]
)
def test_refused_statement_is_no_outage(sql: str) -> None:
    if connection.vendor != "postgresql":
        sql = "SELECT no_such"
    with pytest.raises(Error) as failed, connection.cursor() as cursor:
        cursor.execute(sql)
    assert not outage.note(failed.value)


def test_sqlite_that_stays_locked_is_an_outage(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    file = tmp_path / "shared.sqlite3"
    database = ConnectionHandler({"default": {"ENGINE": SQLITE, "NAME": str(file), "OPTIONS": {"timeout": 0}}})[
        "default"
    ]
    with closing(sqlite3.connect(file, isolation_level=None)) as other, django_db_blocker.unblock():
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Error) as failed, database.cursor() as cursor:
            cursor.execute("CREATE TABLE t (a)")
        database.close()
    assert outage.is_away(failed.value)


@pytest.mark.parametrize("broken", [b"no database at all, " * 500, None])
def test_sqlite_file_that_is_damaged_or_cannot_be_opened_is_an_outage(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker, broken: bytes | None
) -> None:
    file = tmp_path / "broken.sqlite3"
    file.mkdir() if broken is None else file.write_bytes(broken)
    database = ConnectionHandler({"default": {"ENGINE": SQLITE, "NAME": str(file)}})["default"]
    with django_db_blocker.unblock(), pytest.raises(Error) as failed, database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master")
    database.close()
    assert outage.is_away(failed.value)


def test_task_that_meets_an_outage_ends_with_a_word(refusal: Error) -> None:
    @outage.excused
    def task() -> str:
        raise refusal

    assert task() == "away"
    with pytest.raises(ZeroDivisionError):
        outage.excused(lambda: str(1 / 0))()


def test_queue_waits_for_the_database_and_its_processes_live_on(
    refusal: Error, monkeypatch: pytest.MonkeyPatch, mark: Path
) -> None:
    def fails(self: object, *args: object) -> None:
        raise refusal

    monkeypatch.setattr(broker, "PAUSE_SECONDS", 0)
    queue = get_broker("sync")
    monkeypatch.setattr(broker.ORM, "get_connection", fails)
    assert isinstance(queue, broker.PatientBroker)
    assert queue.dequeue() is None
    queue.acknowledge(1)
    assert mark.exists()


def test_health_probe_told_of_the_outage_is_not_logged_again() -> None:
    probe = logging.LogRecord("django.request", logging.ERROR, "", 0, "Service Unavailable: /healthz", (), None)
    probe.status_code = 503
    assert not outage.OncePerOutage().filter(probe)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite ends no sessions")
@pytest.mark.parametrize("note", [events.note_run, incidents.follow])
def test_end_of_a_run_whose_database_breaks_off_is_tried_again_and_leaves_no_traceback(
    make_connection: Callable[..., Connection], note: Callable[[SyncRun], None],
    caplog: pytest.LogCaptureFixture, settings: Any,
) -> None:  # fmt: skip
    settings.EMAIL_HOST = "mail.example"
    shop = make_connection()
    run = SyncRun.objects.create(connection=shop, trigger="manual", state="failed", error_code="timeout",
                                 finished_at=timezone.now())  # fmt: skip
    with pytest.raises(Error), transaction.atomic():
        with connection.cursor() as cursor, pytest.raises(Error):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        note(run)
    assert "Traceback" not in caplog.text and "could not be noted" not in caplog.text
