"""The one database: which it is, and the options under which many processes share it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ

from config.environment import stop, text

POSTGRES = "django.db.backends.postgresql"
SQLITE = "config.sqlite"

# A session that stands still inside a transaction is ended after 30 s: a frozen worker's, which holds its run's rows.
# The longest honest pause, between two statements of a load, is about 3 s for 300,000 rows; an answer holds 50 MB.
POSTGRES_OPTIONS = {
    "options": "-c statement_timeout=60000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
# Write-ahead log alone is not enough: a transaction that reads and then writes must ask for the lock at its beginning.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY",
}


def database(env: environ.Env, data_dir: Path) -> dict[str, Any]:
    """Return Django's settings of the database at DATABASE_URL, or of a SQLite file in data_dir, or stop."""
    url = text(env, "DATABASE_URL")
    config: dict[str, Any] = _parsed(url) if url else {"ENGINE": SQLITE, "NAME": str(data_dir / "sincro.sqlite3")}
    options = config.get("OPTIONS", {})
    if config["ENGINE"] == POSTGRES:
        # Only the web keeps connections: one inherited by a worker's fork hung once.
        age = 60 if env.str("SINCRO_PROCESS", default="") == "web" else 0
        config |= {"OPTIONS": options | POSTGRES_OPTIONS, "CONN_MAX_AGE": age, "CONN_HEALTH_CHECKS": True}
    else:
        # Tests use a file as well: workers and threads see one database.
        test = {"NAME": str(data_dir / "test.sqlite3")}
        config |= {"ENGINE": SQLITE, "OPTIONS": options | SQLITE_OPTIONS, "TEST": test}
    return config | {"ATOMIC_REQUESTS": False}


def _parsed(url: str) -> dict[str, Any]:
    if not url.startswith(("postgresql://", "postgres://", "sqlite:///")):
        stop("DATABASE_URL must start with postgresql:// or sqlite:///.")
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url)
    except (ValueError, environ.ImproperlyConfigured):
        stop("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    if not config["NAME"] or config["NAME"] == ":memory:":
        stop("DATABASE_URL must name a database, and not one in memory: several processes share it.")
    return config
