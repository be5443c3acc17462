"""What is asked for, offered and spent: tickets, service orders, quotations, expenses; and where users were."""

from __future__ import annotations

from connections.connectors.auvo.declare import (
    ITEM,
    Period,
    Resource,
    child,
    integer,
    moment,
    number,
    person,
    reference,
    shape,
    text,
)
from connections.sdk.declare import Column
from connections.sdk.text import gettext_noop as _

TICKET_ID = Column("ticket_id", "integer")
ORDER_ID = Column("service_order_id", "text")
QUOTATION_ID = Column("quotation_id", "text")
FINE = (14, 4)

TICKETS = Resource(
    "tickets", _("Tickets"), "tickets/",
    shape(
        "ticket", "ticket_id",
        integer("ticket_id", "id"), moment("created_at", "creationDate"), moment("ended_at", "endDate"), text("title"),
        text("description"), text("priority"), text("status", "statusDescription"), text("status_type"),
        text("request_type", "requestTypeDescription"), reference("team_id"), text("team_name"),
        reference("creator_id", "userCreatorId"), person("creator_name", "userCreatorName"),
        reference("responsible_id", "userResponsableId"), person("responsible_name", "userResponsableName"),
        reference("customer_id"), person("customer_name"), person("customer_email"),
        person("customer_phone", "customerPhoneNumber"), reference("equipment_id"), person("requester_email"),
        person("requester_name"),
        children=(
            child("ticket_task", "ticket", TICKET_ID, "taskIDs", ("task_id",), integer("task_id", ITEM, "id")),
            child("ticket_attachment", "ticket", TICKET_ID, "urlAttachments", ("line",), person("url", ITEM, "url")),
            child(
                "ticket_status", "ticket", TICKET_ID, "statusAlterations", ("line",),
                text("status_id", "id"), text("description", "descripton", "description"),
                moment("check_in_at", "checkIn"), moment("check_out_at", "checkOut"),
            ),
            child(
                "ticket_change", "ticket", TICKET_ID, "alterations", ("line",),
                text("change_id", "id"), text("description", "descripton", "description"),
                reference("user_id", "userId"), person("user_name", "userName", "user"),
                moment("changed_at", "date", "creationDate", "alterationDate"),
            ),
            child(
                "ticket_interaction", "ticket", TICKET_ID, "interactions", ("line",),
                text("interaction_id", "id"), person("description", "descripton", "description", "message"),
                reference("user_id", "userId"), person("user_name", "userName", "user"),
                moment("made_at", "date", "creationDate", "interactionDate"),
            ),
            child(
                "ticket_custom_field", "ticket", TICKET_ID, "customFields", ("line",),
                text("field_id", "id"), text("name", "name", "description", "descripton", "label"),
                person("value", "value", "answer"),
            ),
        ),
    ),
    filters={
        "SearchTasks": True, "SearchModifications": True, "SearchInteractions": True, "SearchCustomFields": True
    },
    period=Period("startDate", "endDate"), window_days=90,
)  # fmt: skip

SERVICE_ORDERS = Resource(
    "service_orders", _("Service orders"), "serviceorders",
    shape(
        "service_order", "service_order_id",
        text("service_order_id", "id"), integer("project_code"), text("external_code"), text("description"),
        text("status_id"), text("status", "statusDescription", "status.description"),
        reference("customer_id", "customerId", "clientCode", "clientId"),
        person("customer_name", "customerName", "clientName", "customerDescription"),
        moment("starts_at", "startDateDuration", "startDate"), moment("ends_at", "endDateDuration", "endDate"),
        moment("created_at", "creationDate"), moment("last_update_at", "dateLastUpdate"),
        children=(
            child(
                "service_order_visit", "service_order", ORDER_ID, "visits", ("line",),
                text("visit_id", "id"), reference("task_id", "taskID"), moment("starts_at", "startDate", "date"),
                moment("ends_at", "endDate"), reference("user_id", "userId"), text("description"),
            ),
        ),
    ),
    period=Period("StartDateDuration", "EndDateDuration", form="day"), window_days=90, default_enabled=False,
)  # fmt: skip

_LINE = (
    text("code"), text("name"), text("description"), number("quantity", "quantity", "amout", digits=FINE),
    number("unit_value", "unitaryValue", "price", digits=FINE), number("total_value", "totalValue"),
    number("discount_value", "descount.value", "discount.value", "descount", digits=FINE),
    text("discount_type", "descount.type", "discount.type"),
)  # fmt: skip

QUOTATIONS = Resource(
    "quotations", _("Quotations"), "quotations/",
    shape(
        "quotation", "quotation_id",
        text("quotation_id", "publicId"), text("number", "id", "code"), text("title"), text("description"),
        text("stage", "currentStage.description", "currentStage"), reference("customer_id"), person("customer_name"),
        reference("user_id"), person("user_name"), moment("requested_at", "requestDate"),
        moment("expires_at", "expirationDate"), moment("created_at", "creationDate"),
        moment("last_update_at", "dateLastUpdate"),
        number("total_products", "summary.totalProducts"), number("total_services", "summary.totalServices"),
        number("total_costs", "summary.totalAdditionalCosts", "summary.totalAditionalCosts"),
        number("total_value", "summary.totalValue"),
        number("discount_value", "summary.descount.value", "summary.discount.value", digits=FINE),
        children=(
            child(
                "quotation_product", "quotation", QUOTATION_ID, "products", ("line",),
                text("product_id", "productId", "id"), *_LINE,
            ),
            child(
                "quotation_service", "quotation", QUOTATION_ID, "services", ("line",),
                text("service_id", "serviceId", "id"), *_LINE,
            ),
            child(
                "quotation_cost", "quotation", QUOTATION_ID, ("aditionalCosts", "additionalCosts"), ("line",),
                text("cost_id", "additionalCostId", "id"), *_LINE,
            ),
        ),
    ),
    period=Period("requestStartDate", "requestEndDate"), window_days=90,
)  # fmt: skip

EXPENSES = Resource(
    "expenses", _("Expenses"), "expenses/",
    shape(
        "expense", "expense_id",
        integer("expense_id", "id"), reference("type_id", "typeId"), text("type_name"),
        reference("user_id", "userToId", "userId"), person("user_name", "userToName", "userName"),
        moment("spent_at", "date"), number("amount"),
        text("description"), person("attachment_url"), reference("task_id", "taskID"),
    ),
    period=Period("startDate", "endDate"), window_days=90,
)  # fmt: skip

EXPENSE_TYPES = Resource(
    "expense_types", _("Expense types"), "expenseTypes/",
    shape(
        "expense_type", "expense_type_id", integer("expense_type_id", "id"), text("name", "description", "name"),
        reference("creator_id"), moment("created_at", "creationDate"),
    ),
)  # fmt: skip

GPS = Resource(
    "gps", _("GPS positions"), "gps/",
    shape(
        "gps_position", ("user_id", "position_at"),
        integer("user_id"), moment("position_at", "positionDate"),
        number("latitude", digits=(9, 6), personal=True), number("longitude", digits=(9, 6), personal=True),
        number("accuracy", digits=(14, 3)), number("battery_level", digits=(9, 3)),
        text("network", "networkOperatorName"), indexes=("position_at",),
    ),
    period=Period("date", "date", days=1, form="day"), window_days=2, default_enabled=False,
)  # fmt: skip
