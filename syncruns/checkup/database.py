"""Checks of the database: that it answers, is whole and can be written, has every table, and that nobody blocks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from syncruns.checkup.check import OK, PROBLEM, WARNING, Check, Scene
from syncruns.checkup.faults import named, place
from syncruns.checkup.holders import holder_of_what_we_asked, idle_holders, sqlite_writer, waiting

SLOW_SECONDS = 1.0
LOCK_SECONDS = 5.0
READ_THROUGH_SECONDS = 0.5  # of work on a SQLite file, to find damage: all of it up to some hundred megabytes
READ_THROUGH_MOST = 3.0  # with what a busy machine or a slow disk adds
OPERATIONS = 10_000  # of SQLite between two looks at the clock
OURS = ("connections", "syncruns")  # whose migrations are never squashed away


def check_database(_scene: Scene) -> Iterator[Check]:
    started = time.monotonic()
    with connection.cursor() as cursor:
        # SQLite opens no file for a constant.
        cursor.execute("SELECT 1" if connection.vendor == "postgresql" else "SELECT count(*) FROM sqlite_master")
        cursor.fetchone()
    seconds = time.monotonic() - started
    slow = seconds > SLOW_SECONDS
    params = {"kind": connection.display_name, "ms": round(seconds * 1000)}
    yield Check("database", WARNING if slow else OK, "database_slow" if slow else "database_answers", params)
    yield from _standby() if connection.vendor == "postgresql" else _damage()


def check_migrations(_scene: Scene) -> Iterator[Check]:
    executor = MigrationExecutor(connection)
    loader = executor.loader
    pending = executor.migration_plan(loader.graph.leaf_nodes())
    unknown = sorted(key for key in loader.applied_migrations if key[0] in OURS and key not in loader.disk_migrations)
    if unknown:
        yield Check("migrations", PROBLEM, "migrations_newer", {"newest": ".".join(unknown[-1])})
    elif pending:
        first = f"{pending[0][0].app_label}.{pending[0][0].name}"
        yield Check("migrations", PROBLEM, "migrations_pending", {"count": len(pending), "first": first})
    elif missing := _missing_tables():
        yield Check("migrations", PROBLEM, "tables_missing", {"tables": missing})
    else:
        yield Check("migrations", OK, "migrations_done")


def check_locks(_scene: Scene) -> Iterator[Check]:
    """Look for sessions that wait for a lock, and for those that hold one and do nothing; on SQLite, ask for it."""
    if connection.vendor != "postgresql":
        yield _ask_for_sqlite_lock()
        return
    count, seconds, holder = waiting(LOCK_SECONDS)
    if count:
        params = {"count": count, "span": timedelta(seconds=seconds), "holder": holder.words if holder else ""}
        yield Check("locks", PROBLEM, "locks_waiting", params)
        return
    held = idle_holders()
    for one in held:
        params = {"holder": one.words, "span": timedelta(seconds=one.seconds), "tables": list(one.tables)}
        yield Check("locks", WARNING, "locks_held", params)
    if not held:
        yield Check("locks", OK, "locks_free")


def locked_out() -> Check:
    """Return the finding for a question that waited in vain for a lock of PostgreSQL."""
    holder = holder_of_what_we_asked()
    params = {"holder": holder.words if holder else "", "tables": list(holder.tables) if holder else []}
    return Check("locks", PROBLEM, "locks_out", params | {"span": timedelta(seconds=holder.seconds if holder else 0)})


def _standby() -> Iterator[Check]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean")
        if cursor.fetchone() == (True,):
            yield Check("database", PROBLEM, "database_standby", {"path": place()})


def _damage() -> Iterator[Check]:
    """Read through a SQLite file, for as long as a person may wait for it."""
    worked, waited = time.thread_time() + READ_THROUGH_SECONDS, time.monotonic() + READ_THROUGH_MOST
    handle = cast(Any, connection.connection)
    handle.set_progress_handler(lambda: time.thread_time() > worked or time.monotonic() > waited, OPERATIONS)
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            (answer,) = cursor.fetchone()
    except Error as error:
        found = named(error)  # None: the time is over
        if found is not None:
            yield found
    else:
        if answer != "ok":
            yield Check("database", PROBLEM, "database_damaged", {"path": place()})
    finally:
        handle.set_progress_handler(None, 0)


def _missing_tables() -> list[str]:
    wanted = set(connection.introspection.django_table_names())
    return sorted(wanted - set(connection.introspection.table_names()))


def _ask_for_sqlite_lock() -> Check:
    started = time.monotonic()
    sqlite = cast(Any, connection)  # config/sqlite
    sqlite.patience = LOCK_SECONDS
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Of a file that may only be read SQLite gives the lock, and refuses the first write.
            cursor.execute("UPDATE django_migrations SET app = app WHERE id < 0")
    except Error as error:
        found = named(error)
        if found is None or found.code != "database_locked":
            raise
        holder = sqlite_writer(connection.settings_dict["NAME"])
        span = timedelta(seconds=time.monotonic() - started)
        return Check("locks", PROBLEM, "locks_sqlite", {"span": span, "holder": holder.words if holder else ""})
    finally:
        sqlite.patience = None
    return Check("locks", OK, "locks_free")
