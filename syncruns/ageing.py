"""Loaded rows that are kept only so many days, such as where vehicles were: the old ones go, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from connections.connectors import connector_class
from connections.destination import table_name
from connections.models import Connection
from connections.sdk.declare import Table
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.engine.warehouse import warehouse

BATCH = 500  # rows of one transaction: on SQLite others wait for it to write


def remove_aged(now: datetime) -> bool:
    """Remove one batch of rows that are older than their table keeps them; say whether there may be more."""
    for connection, schema, table in _aging():
        limit = now - timedelta(days=table.retention_days or 0)
        with transaction.atomic():
            if warehouse().drop_older(schema, table, connection.pk, limit, BATCH) == BATCH:
                return True
    return False


def aging_tables() -> dict[str, set[int]]:
    """Return for how many days each table, named as in SQL, keeps its rows; one number per way a connection asks."""
    found: dict[str, set[int]] = {}
    for _connection, schema, table in _aging():
        found.setdefault(table_name(schema, table.name), set()).add(table.retention_days or 0)
    return found


def _aging() -> Iterator[tuple[Connection, str, Table]]:
    """Yield the tables that keep rows for days, by connection."""
    for connection in Connection.objects.filter(deletion="").order_by("pk").prefetch_related("stream_settings"):
        try:
            streams = streams_of(connection)
        except SyncError:  # of a kind, or with settings, that no longer say what is kept
            continue
        for selected in streams:
            for table in selected.stream.tables:
                if table.retention_days:
                    yield connection, connector_class(connection.kind).schema, table
