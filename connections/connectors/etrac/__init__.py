"""eTrac, vehicle tracking, over its Web Service 1.1 (docs/connectors/etrac.md). Beta: little of it is documented."""

from __future__ import annotations

from connections.connectors.etrac.connector import EtracConnector

__all__ = ["EtracConnector"]
