"""What must stand before the first process starts: tables, static files, an administrator, the schedule."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
from collections.abc import Iterator

from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection

from syncruns import dispatch


class StartError(Exception):
    """Why Sincro cannot start, in one line for a person."""


def check_address(host: str, port: int) -> None:
    """Raise StartError when the web could not listen there."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {port} on {host} is in use. Stop what uses it, or choose another: make run PORT={port + 1}"
            ) from None
        raise StartError(f"Cannot listen on HOST {host}, PORT {port}: {error.strerror}.") from None
    except UnicodeError:
        raise StartError(f"HOST {host} is neither an address nor a name.") from None


def prepare(*, for_web: bool) -> None:
    """Bring the database, and for the web its static files, up to date. Raises StartError when it cannot be used."""
    try:
        with _alone():
            call_command("migrate", interactive=False, verbosity=0)
            call_command("create_first_admin")
            dispatch.ensure_schedule()
    except Error as error:
        reason = " ".join(str(error).split())
        raise StartError(f"The database cannot be used: {reason}") from None
    if for_web:
        call_command("collectstatic", interactive=False, verbosity=0)
    connection.close()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time prepare: on this data directory, and on PostgreSQL among all hosts."""
    with (settings.DATA_DIR / "run" / "start").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not settings.IS_POSTGRES:
            yield
            return
        with connection.cursor() as cursor:
            # Waiting for another host's migration, or migrating a large table, may take long.
            cursor.execute(
                "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock(hashtext('sincro'))"
            )
        try:
            yield
        finally:
            connection.close()  # which gives the lock back
