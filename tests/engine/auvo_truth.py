"""What the destination should hold of a sandbox Auvo, worked out from its own records without the connector's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.engine.whole import Rows

Record = Mapping[str, Any]
ZONE = ZoneInfo("America/Sao_Paulo")


def when(text: str | None) -> datetime | None:
    if not text or text.startswith(("0001", "1900")):
        return None
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def money(value: Any, places: str = "0.01") -> Decimal:
    text = str(value)
    if "," in text:
        text = text.replace(".", "").replace(",", ".")
    return Decimal(text).quantize(Decimal(places))


def fine(value: Any) -> Decimal:
    return money(value, "0.0001")


def seconds(text: str) -> int | None:
    if not text:
        return None
    days, _dot, clock = text.rpartition(".")
    hours, minutes, rest = map(int, clock.split(":"))
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + rest


def task(each: Record) -> dict[str, Any]:
    return {
        "task_id": each["taskID"], "external_id": each["externalId"] or None, "user_id": each["idUserTo"],
        "user_name": each["userToName"], "customer_id": each["customerId"], "task_type_id": each["taskType"],
        "customer_name": each["customerDescription"], "created_at": when(each["creationDate"]),
        "task_date": when(each["taskDate"]), "last_update_at": when(each["dateLastUpdate"]),
        "check_in_at": when(each["checkInDate"]), "check_out_at": when(each["checkOutDate"]),
        "status": each["taskStatus"], "priority": int(each["priority"]), "finished": each["finished"],
        "duration": seconds(each["duration"]), "expense": money(each["expense"]), "report": each["report"] or None,
        "total_value": money(each["summary"]["totalValue"]), "ticket_id": None, "task_url": each["taskUrl"],
    }  # fmt: skip


def lines(name: str) -> Callable[[Record], list[dict[str, Any]]]:
    return lambda each: [
        {"task_id": each["taskID"], "line": place, "name": line["name"], "unit_value": fine(line["unitaryValue"]),
         "total_value": money(line["totalValue"])}
        for place, line in enumerate(each[name], start=1)
    ]  # fmt: skip


# Table of a task's own, with the part of its key below the task's, and its rows in a task.
OF_TASK: dict[str, tuple[tuple[str, ...], Callable[[Record], list[dict[str, Any]]]]] = {
    "task": ((), lambda each: [task(each)]),
    "task_product": (("line",), lines("products")),
    "task_service": (("line",), lines("services")),
    "task_cost": (("line",), lines("additionalCosts")),
    "task_equipment": (
        ("equipment_id",), lambda each: [
            {"task_id": each["taskID"], "equipment_id": one} for one in each["equipmentsId"]
        ],
    ),
    "task_attachment": (
        ("attachment_id",),
        lambda each: [{"task_id": each["taskID"], "attachment_id": str(one["id"]), "url": one["url"]}
                      for one in each["attachments"]],
    ),
    "task_answer": (
        ("question_id",),
        lambda each: [
            {"task_id": each["taskID"], "question_id": answer["questionId"], "reply": answer["reply"],
             "item_id": form["itemId"], "replied_at": when(answer["replyDate"])}
            for form in each["questionnaires"] for answer in form["answers"]
        ],
    ),
}  # fmt: skip


def of_tasks(tasks: list[dict[str, Any]], table: str) -> Rows:
    """Return the rows of a table that these tasks make, by key."""
    parts, make = OF_TASK[table]
    return {tuple(row[name] for name in ("task_id", *parts)): row for each in tasks for row in make(each)}


# Path, table, key and row of the other lists.
OTHERS: tuple[tuple[str, str, str, Callable[[Record], dict[str, Any]]], ...] = (
    ("customers", "customer", "customer_id", lambda each: {
        "customer_id": each["id"], "name": each["description"], "note": each["note"], "active": each["active"],
        "document": "".join(filter(str.isdigit, each["cpfCnpj"])), "segment_id": each["segmentId"] or None,
        "last_update_at": when(each["dateLastUpdate"]),
    }),
    ("users", "user", "user_id", lambda each: {
        "user_id": each.get("userId") or each["userID"], "name": each["name"], "type_id": 1,
        "phone": each["smartphoneNumber"], "hour_value": money(each["hourValue"]),
    }),
    ("products", "product", "product_id", lambda each: {
        "product_id": each["productId"], "unit_value": fine(each["unitaryValue"]),
        "unit_cost": fine(each["unitaryCost"]),
    }),
    ("services", "service", "service_id", lambda each: {"service_id": each["id"], "price": fine(each["price"])}),
    ("equipments", "equipment", "equipment_id", lambda each: {
        "equipment_id": each["id"], "customer_id": each["associatedCustomerId"], "parent_id": None, "expires_at": None,
    }),
    ("tasktypes", "task_type", "task_type_id", lambda each: {
        "task_type_id": each["id"], "name": each["description"], "standard_time": seconds(each["standartTime"]),
    }),
    ("segments", "segment", "segment_id", lambda each: {"segment_id": each["id"], "name": each["description"]}),
)  # fmt: skip


def day_of(text: str) -> date:
    return date.fromisoformat(text[:10])
