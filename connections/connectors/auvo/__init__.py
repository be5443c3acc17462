"""Auvo, field service management, over its API version 2 (docs/connectors/auvo.md)."""

from __future__ import annotations

from connections.connectors.auvo.connector import AuvoConnector

__all__ = ["AuvoConnector"]
