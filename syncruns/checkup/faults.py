"""What the database's refusals mean: one true cause for each, by the codes of SQLite and PostgreSQL."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path
from typing import Any

from django.db import Error, connection

from connections.sdk.redaction import Redactor
from syncruns.checkup.check import PROBLEM, Check

REACH_SECONDS = 2.0
PRIMARY_CODE = 0xFF  # the part of SQLite's error codes that names the kind of error
OF_SQLITE = {
    sqlite3.SQLITE_CORRUPT: "database_damaged",
    sqlite3.SQLITE_NOTADB: "database_damaged",
    sqlite3.SQLITE_READONLY: "database_readonly",
    sqlite3.SQLITE_PERM: "database_readonly",
    sqlite3.SQLITE_CANTOPEN: "database_unopenable",
    sqlite3.SQLITE_BUSY: "database_locked",
    sqlite3.SQLITE_LOCKED: "database_locked",
    sqlite3.SQLITE_FULL: "database_full",
    sqlite3.SQLITE_IOERR: "database_io",
}
OF_POSTGRES = {
    "25006": "database_standby",
    "42501": "database_forbidden",
    "53100": "database_full",
    "53300": "database_crowded",
    "55P03": "database_locked",
    "57014": "database_slow_answer",
    "58030": "database_io",
    "XX001": "database_damaged",
    "XX002": "database_damaged",
}


def named(error: Error) -> Check | None:
    """Return the finding that an error of the database stands for; None when it tells no cause of its own."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        code = OF_SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & PRIMARY_CODE)
    else:
        code = OF_POSTGRES.get(getattr(cause, "pgcode", None) or "")
    return Check("database", PROBLEM, code, {"path": place()}) if code else None


def unreachable(error: Error) -> Check:
    """Return the finding for a database to which no connection could be made."""
    found = named(error)
    if found is not None:
        return found
    params: dict[str, Any] = {"kind": type(error).__name__, "place": place()}
    if connection.vendor != "postgresql" or not _listens():
        return Check("database", PROBLEM, "database_down", params)
    return Check("database", PROBLEM, "database_refuses", params | {"said": _said(error)})


def place() -> str:
    """Return where the database is, without its password."""
    values = connection.settings_dict
    if connection.vendor != "postgresql":
        return str(values["NAME"])
    return f"{values.get('HOST') or 'localhost'}:{values.get('PORT') or 5432}/{values['NAME']}"


def _listens() -> bool:
    values = connection.settings_dict
    host, port = values.get("HOST") or "localhost", int(values.get("PORT") or 5432)
    try:
        if host.startswith("/"):
            return Path(host, f".s.PGSQL.{port}").exists()
        with socket.create_connection((host, port), timeout=REACH_SECONDS):
            return True
    except OSError:
        return False


def _said(error: Error) -> str:
    """Return the server's own words, without the password."""
    text = " ".join(str(error).split()).rpartition("FATAL:")[2].strip()
    return Redactor([connection.settings_dict.get("PASSWORD") or ""])(text)[:200]
