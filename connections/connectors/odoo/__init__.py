"""Odoo, over JSON-RPC and JSON-2 (docs/connectors/odoo.md)."""

from __future__ import annotations

from connections.connectors.odoo.connector import OdooConnector

__all__ = ["OdooConnector"]
