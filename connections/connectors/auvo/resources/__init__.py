"""The streams, in the order in which they are read."""

from __future__ import annotations

from connections.connectors.auvo.declare import Resource
from connections.connectors.auvo.resources.goods import (
    EQUIPMENT_CATEGORIES,
    EQUIPMENTS,
    PRODUCT_CATEGORIES,
    PRODUCTS,
    QUESTIONNAIRES,
    SERVICES,
)
from connections.connectors.auvo.resources.people import (
    CUSTOMER_GROUPS,
    CUSTOMERS,
    KEYWORDS,
    SEGMENTS,
    TASK_TYPES,
    TEAMS,
    USERS,
)
from connections.connectors.auvo.resources.requests import (
    EXPENSE_TYPES,
    EXPENSES,
    GPS,
    QUOTATIONS,
    SERVICE_ORDERS,
    TICKETS,
)
from connections.connectors.auvo.resources.tasks import TASKS
from connections.sdk.errors import SyncError

__all__ = ["RESOURCES", "Resource", "resource_called"]

RESOURCES = (
    TASKS, CUSTOMERS, USERS, TEAMS, TASK_TYPES, EQUIPMENTS, EQUIPMENT_CATEGORIES, PRODUCTS, PRODUCT_CATEGORIES,
    SERVICES, TICKETS, QUOTATIONS, EXPENSES, EXPENSE_TYPES, QUESTIONNAIRES, CUSTOMER_GROUPS, SEGMENTS, KEYWORDS,
    SERVICE_ORDERS, GPS,
)  # fmt: skip


def resource_called(key: str) -> Resource:
    """Return what a stream reads. Raises SyncError config_invalid."""
    for resource in RESOURCES:
        if resource.key == key:
            return resource
    raise SyncError("config_invalid", field="streams", stream=key)
