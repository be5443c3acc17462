"""Every kind of source the console can read, listed by hand: what is not here does not exist."""

from __future__ import annotations

from connections.connectors.auvo import AuvoConnector
from connections.connectors.etrac import EtracConnector
from connections.connectors.odoo import OdooConnector
from connections.connectors.rest import RestConnector
from connections.sdk.connector import Connector
from connections.sdk.errors import SyncError

REGISTRY: tuple[type[Connector], ...] = (AuvoConnector, EtracConnector, OdooConnector, RestConnector)


def connector_class(kind: str) -> type[Connector]:
    """Return the connector of a kind. Raises SyncError("config_invalid") when there is none."""
    for connector in REGISTRY:
        if connector.kind == kind:
            return connector
    raise SyncError("config_invalid", field="kind", value=kind)
