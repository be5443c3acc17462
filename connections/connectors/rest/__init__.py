"""Any JSON API over HTTP (docs/connectors/rest.md)."""

from __future__ import annotations

from connections.connectors.rest.connector import RestConnector

__all__ = ["RestConnector"]
