"""The models the sandbox knows, grouped as Odoo's modules group them."""

from __future__ import annotations

from connections.sandbox.odoo.fields import Model
from connections.sandbox.odoo.models import accounting, base, purchase, requests, sales, stock

MODELS: tuple[Model, ...] = (
    *base.MODELS,
    *accounting.MODELS,
    *sales.MODELS,
    *purchase.MODELS,
    *requests.MODELS,
    *stock.MODELS,
)
