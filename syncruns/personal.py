"""Records that could not be loaded, as one reader may see them: personal values are masked for those who only view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from connections.connectors import connector_class
from connections.destination import table_name
from connections.models import Connection
from connections.people.roles import may_see_personal
from connections.sdk.declare import MASK, Table
from connections.sdk.errors import SyncError
from syncruns.models import QuarantinedRecord


@dataclass(frozen=True)
class RecordShown:
    """table: its name in the database; reasons: column -> {"code", "params"}."""

    key: str
    table: str
    reasons: dict[str, Any]


def records_shown(
    connection: Connection, records: Iterable[QuarantinedRecord], reader: User | AnonymousUser
) -> list[RecordShown]:
    """Return the connection's records for the reader. What is no longer declared counts as personal."""
    sees_all = may_see_personal(reader)
    tables = _tables(connection)
    return [
        RecordShown(
            key=record.record_key if sees_all or not _has_personal_key(tables.get(record.table)) else MASK,
            table=shown_table(connection, record.table),
            reasons=record.reasons,
        )
        for record in records
    ]


def shown_table(connection: Connection, name: str) -> str:
    """Return the name of a table of the connection in the database; as it is when the kind is no longer known."""
    try:
        return table_name(connector_class(connection.kind).schema, name)
    except SyncError:
        return name


def _has_personal_key(table: Table | None) -> bool:
    return table is None or table.has_personal_key


def _tables(connection: Connection) -> dict[str, Table]:
    try:
        streams = connector_class(connection.kind).streams(connection.config)
    except SyncError:
        return {}
    return {table.name: table for stream in streams for table in stream.tables}
