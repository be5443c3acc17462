"""The services, in the order in which they are read."""

from __future__ import annotations

from connections.connectors.odoo.services.declare import Service, Source
from connections.connectors.odoo.services.masters import PARCEIROS, PRODUTOS
from connections.connectors.odoo.services.purchasing import (
    AGREEMENTS,
    ALOCACOES,
    PEDIDOS_COMPRA,
    REQUESTS,
    REQUISICOES,
)
from connections.connectors.odoo.services.sales import CARTEIRA, FATURAMENTO
from connections.connectors.odoo.services.stock import ENTRADAS
from connections.sdk.errors import SyncError

__all__ = [
    "AGREEMENTS", "MODULES", "REQUESTS", "SERVICES", "Service", "Source", "models_of", "service_called",
]  # fmt: skip

SERVICES = (FATURAMENTO, CARTEIRA, REQUISICOES, PEDIDOS_COMPRA, ALOCACOES, ENTRADAS, PARCEIROS, PRODUTOS)


def service_called(key: str) -> Service:
    """Return the service of a stream. Raises SyncError config_invalid."""
    for service in SERVICES:
        if service.key == key:
            return service
    raise SyncError("config_invalid", field="streams", stream=key)


def models_of(source: Source) -> tuple[str, ...]:
    """Return the model of a source and that of its lines."""
    return (source.model, source.lines.model) if source.lines else (source.model,)


# Model -> the Odoo module that brings it.
MODULES = {model: source.module for service in SERVICES for source in service.sources for model in models_of(source)}
MODULES |= {"stock.move": "stock"}  # on its own; purchase_stock only adds the link to purchase lines
