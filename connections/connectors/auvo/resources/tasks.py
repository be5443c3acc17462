"""Tasks: the visits themselves, with everything that is inside them."""

from __future__ import annotations

from typing import Any

from connections.connectors.auvo.declare import (
    ITEM,
    Child,
    Field,
    Period,
    Record,
    Resource,
    child,
    duration,
    flag,
    integer,
    moment,
    number,
    person,
    reference,
    shape,
    text,
    tree,
)
from connections.connectors.auvo.values import find, items
from connections.sdk.declare import Column
from connections.sdk.text import gettext_noop as _

TASK_ID = Column("task_id", "integer")
FINE = (14, 4)  # quantities and unit prices


def lines(name: str, list_name: str, guid: str, *names: str) -> Child:
    """Declare the products, services or costs of a task."""
    return child(
        name, "task", TASK_ID, list_name, ("line",),
        text(guid, *names), text("code"), text("name"), text("description"), number("quantity", digits=FINE),
        number("unit_value", "unitaryValue", digits=FINE), number("total_value", "totalValue"),
        number("discount_value", "discount.value", digits=FINE), text("discount_type", "discount.type"),
        person("responsible_name", "userResponsible"), reference("responsible_id", "userResponsibleCode"),
        moment("registered_at", "dateRegister"), moment("edited_at", "dateEdit"),
    )  # fmt: skip


def answers(task: Record) -> list[Any]:
    """Return the answers of all questionnaires of a task, each with its questionnaire."""
    return [
        {**answer, "questionnaire": form}
        for form in items(find(task, "questionnaires")) if isinstance(form, dict)
        for answer in items(find(form, "answers")) if isinstance(answer, dict)
    ]  # fmt: skip


def keywords(task: Record) -> list[Any]:
    """Return the keywords of a task, each with its description, which Auvo lists apart."""
    names = items(find(task, "keyWordsDescriptions"))
    found = []
    for place, entry in enumerate(items(find(task, "keyWords"))):
        told = entry if isinstance(entry, dict) else {"id": entry}
        found.append({"description": names[place] if place < len(names) else None, **told})
    return found


FIELDS: tuple[Field, ...] = (
    integer("task_id", "taskID"), text("external_id"),
    reference("created_by_id", "idUserFrom"), person("created_by_name", "userFromName"),
    reference("user_id", "idUserTo"), person("user_name", "userToName"),
    reference("customer_id"), text("customer_external_id"), person("customer_name", "customerDescription"),
    reference("task_type_id", "taskType"), text("task_type_name", "taskTypeDescription"),
    moment("created_at", "creationDate"), moment("task_date"), moment("last_update_at", "dateLastUpdate"),
    moment("delivered_at", "deliveredDate"), moment("viewed_at", "visualizedDate"),
    moment("check_in_at", "checkInDate"), moment("check_out_at", "checkOutDate"),
    moment("displacement_start_at", "displacementStart"),
    number("latitude", digits=(9, 6), personal=True), number("longitude", digits=(9, 6), personal=True),
    person("address"), text("orientation"), text("report"), text("pendency"), text("pause_reason", "reasonForPause"),
    integer("priority"), integer("status", "taskStatus"), integer("check_in_type", "checkinType"),
    flag("finished"), flag("viewed", "visualized"), flag("checked_in", "checkIn"), flag("checked_out", "checkOut"),
    flag("delivered", "deliveredOnSmarthPhone"), flag("opened_on_location", "openedOnLocation"),
    flag("send_satisfaction_survey"), flag("send_digital_os"),
    number("informed_km", "inputedKm", digits=(14, 3)), number("adopted_km", digits=(14, 3)),
    number("check_in_distance", digits=(14, 3)), number("check_out_distance", digits=(14, 3)),
    duration("duration"), number("duration_hours", "durationDecimal", digits=(14, 6)),
    duration("estimated_duration"), number("expense"), text("financial_category"),
    reference("ticket_id"), text("ticket_title"),
    person("signature_url"), person("signature_name"), person("signature_document", form="digits"),
    text("survey"), person("task_url"),
    number("total_products", "summary.totalProducts"), number("total_services", "summary.totalServices"),
    number("total_costs", "summary.totalAdditionalCosts"), number("total_value", "summary.totalValue"),
    number("discount_value", "summary.discount.value", digits=FINE), text("discount_type", "summary.discount.type"),
    tree("time_control", "timeControl"),
)  # fmt: skip

TASKS = Resource(
    "tasks", _("Tasks"), "tasks/",
    shape(
        "task", "task_id", *FIELDS, indexes=("task_date", "last_update_at"),
        children=(
            lines("task_product", "products", "product_id"),
            lines("task_service", "services", "service_id", "id", "serviceId"),
            lines("task_cost", "additionalCosts", "cost_id", "additionalCostId", "id"),
            child(
                "task_answer", "task", TASK_ID, "questionnaires", ("item_id", "question_id", "reply_id"),
                integer("item_id", "questionnaire.itemId"), integer("question_id"), text("reply_id"),
                reference("questionnaire_id", "questionnaire.questionnaireId"),
                text("questionnaire_title", "questionnaire.questionnaireDescription"),
                text("question", "questionDescription"), person("reply"), moment("replied_at", "replyDate"),
                expand=answers,
            ),
            child(
                "task_equipment", "task", TASK_ID, "equipmentsId", ("equipment_id",),
                integer("equipment_id", ITEM, "id", "equipmentId"),
            ),
            child(
                "task_keyword", "task", TASK_ID, "keyWords", ("keyword_id",),
                text("keyword_id", "id"), text("description"), expand=keywords,
            ),
            child(
                "task_attachment", "task", TASK_ID, "attachments", ("attachment_id",),
                text("attachment_id", "id"), person("url"), text("type", "attachmentType"), text("subtitle"),
                text("description"), text("extension"),
            ),
        ),
    ),
    filters={"status": 4},  # of all states
    updated="dateLastUpdate", period=Period("startDate", "endDate", days=1), scheduled="task_date",
    deleted_path="tasks/GetDeletedTasks", window_days=90, window_env="AUVO_LOOK_BACK_DAYS",
)  # fmt: skip
