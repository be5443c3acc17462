"""Turns at SQLite's one write lock: people go before workers, nobody waits for what is frozen, nobody for ever."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

import pytest
from django.db import OperationalError, connection, transaction

from config.sqlite import base
from connections.models import AuditEvent
from syncruns.models import SystemJob

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's one lock"),
]
WORKERS = 4
ASKED = 15


def in_threads(*works: Callable[[], None]) -> None:
    """Do all works at once, each with a connection of its own."""
    failed: list[Exception] = []

    def do(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def give_way() -> None:
    cast(Any, connection).gives_way = True


def test_person_writes_next_however_many_workers_want_to() -> None:
    done = threading.Event()
    order: list[str] = []
    before: list[int] = []

    def worker() -> None:
        give_way()
        while not done.is_set():
            with transaction.atomic():
                order.append("worker")
                time.sleep(0.02)

    def person() -> None:
        for _click in range(ASKED):
            time.sleep(0.03)
            asked = len(order)
            with transaction.atomic():
                before.append(len(order) - asked)
                order.append("person")
        done.set()

    in_threads(person, *[worker] * WORKERS)
    # The one that writes already, and those that had looked just before the person asked.
    assert max(before) <= WORKERS + 1
    assert order.count("worker") > ASKED


def test_statements_on_their_own_wait_for_their_turn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, other.rollback)
        release.start()
        job = SystemJob.objects.create(name="asked while another writes")
        release.join()
    assert SystemJob.objects.get().pk == job.pk


def test_frozen_writer_that_says_it_waits_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "GIVE_WAY_SECONDS", 0.05)
    give_way()
    try:
        with open(f"{connection.settings_dict['NAME']}-turn", "w") as sign:
            fcntl.flock(sign, fcntl.LOCK_SH)
            for number in range(3):
                SystemJob.objects.create(name=f"chore {number}")
            assert cast(Any, connection)._ignores_until > time.monotonic()
    finally:
        cast(Any, connection).gives_way = False
        cast(Any, connection)._ignores_until = 0
    assert SystemJob.objects.count() == 3


def test_lock_that_is_never_released_is_an_error_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="database is locked"):
            AuditEvent.objects.create(action="run.requested")
        with pytest.raises(OperationalError, match="database is locked"), transaction.atomic():
            pass
        other.rollback()
    assert AuditEvent.objects.create(action="run.requested").pk
