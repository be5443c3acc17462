"""The lives of tasks: what happens to each, and when. All of it follows from the seed and the task's number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

from connections.sandbox import people

Record = dict[str, Any]
SUNDAY = 6
ZERO_DAY = date(2025, 1, 1)
FIRST_ID = 81_000_000
PER_DAY = 100  # ids
LONGEST_MOVE, PLANNED_BEFORE = 4, 20  # days
CUSTOMERS, USERS, EQUIPMENTS, PRODUCTS, SERVICES = 120, 12, 90, 40, 10
TYPES = ("Preventiva", "Corretiva", "Instalação", "Vistoria", "Retirada", "Revisão", "Emergência")
GOODS = ("Filtro", "Correia", "Gás R410A", "Placa eletrônica", "Válvula", "Mangueira", "Sensor", "Compressor")
NEVER = "0001-01-01T00:00:00"


@dataclass(frozen=True)
class Event:
    """What changes in a task at a moment of local time. gone: it is deleted, "traced" or "silent"."""

    at: datetime
    values: Record
    gone: str = ""


def task_id(day: date, place: int) -> int:
    return FIRST_ID + (day - ZERO_DAY).days * PER_DAY + place


def planned_day(number: int) -> tuple[date, int]:
    """Return the day for which a task was planned at first, and its place among that day's."""
    days, place = divmod(number - FIRST_ID, PER_DAY)
    return ZERO_DAY + timedelta(days=days), place


def life(number: int, seed: int) -> list[Event]:
    """Return everything that happens to a task, in order."""
    random = Random(f"{seed}/task/{number}")  # noqa: S311 - sample data, no secret
    day, _place = planned_day(number)
    planned = datetime.combine(day, time(6)) + timedelta(minutes=random.randrange(0, 15 * 60))
    created = planned - timedelta(minutes=random.randrange(60, PLANNED_BEFORE * 24 * 60))
    events = [Event(created, {**_begun(number, random, created), "taskDate": _spelled(planned)})]
    fate = random.random()
    between = created + (planned - created) * random.random()
    if fate < 0.06:
        events.append(Event(between, {}, gone="silent" if fate < 0.01 else "traced"))
        return events
    if fate < 0.18:
        planned += timedelta(days=random.randrange(1, LONGEST_MOVE))
        if planned.weekday() == SUNDAY:
            planned += timedelta(days=1)
        events.append(Event(between, {"taskDate": _spelled(planned)}))
    if fate < 0.90:
        events += _visit(number, random, planned)
    return sorted(events, key=lambda event: event.at)


def _begun(number: int, random: Random, created: datetime) -> Record:
    customer = people.customer(random.randrange(1, CUSTOMERS + 1), 1)
    user, kind = random.randrange(1, USERS + 1), random.randrange(1, len(TYPES) + 1)
    return {
        "taskID": number, "externalId": f"OS-{number}" if number % 3 else "",
        "idUserFrom": 4100, "userFromName": "Central", "idUserTo": 4100 + user, "userToName": user_name(user),
        "customerId": 990_000 + customer["id"], "customerExternalId": f"C{customer['id']:04}",
        "customerDescription": customer["name"], "taskType": 30_000 + kind, "taskTypeDescription": TYPES[kind - 1],
        "creationDate": _spelled(created), "deliveredDate": "", "visualizedDate": None, "checkInDate": NEVER,
        "checkOutDate": NEVER, "displacementStart": "",
        "latitude": -15.6 + customer["id"] / 1000, "longitude": -56.09 - customer["id"] / 1000,
        "address": f"Rua {customer['id']}, 100 - Centro", "orientation": "Ligar antes\nde chegar", "report": "",
        "pendency": "", "reasonForPause": "", "priority": 2 if number % 2 else "3", "finished": False,
        "visualized": False, "checkIn": False, "checkOut": False, "deliveredOnSmarthPhone": False,
        "openedOnLocation": False, "sendSatisfactionSurvey": number % 5 == 0, "sendDigitalOs": True, "checkinType": 1,
        "inputedKm": 0, "adoptedKm": 0, "checkInDistance": 0, "checkOutDistance": 0, "duration": "",
        "durationDecimal": "", "estimatedDuration": "01:30:00", "expense": "0,00", "financialCategory": "",
        "ticketId": 0, "ticketTitle": "", "signatureUrl": "", "signatureName": "", "signatureDocument": "",
        "survey": "", "taskUrl": f"https://app.example.test/tarefa/{UUID(int=random.getrandbits(128))}",
        "taskStatus": 1, "keyWords": [7, 9] if number % 4 == 0 else [],
        "keyWordsDescriptions": ["Garantia", "Urgente"] if number % 4 == 0 else [],
        "equipmentsId": [551_000 + random.randrange(1, EQUIPMENTS + 1)], "attachments": [], "questionnaires": [],
        "products": [], "services": [], "additionalCosts": [], "summary": _summary([], [], []), "timeControl": [],
    }  # fmt: skip


def _visit(number: int, random: Random, planned: datetime) -> Iterator[Event]:
    """Yield a visit from setting out to its end, and at times a correction days later."""
    out = planned - timedelta(minutes=random.randrange(10, 40))
    arrived = planned + timedelta(minutes=random.randrange(-5, 45))
    left = arrived + timedelta(minutes=random.randrange(20, 180), seconds=random.randrange(60))
    yield Event(
        out, {"taskStatus": 2, "displacementStart": _spelled(out), "visualized": True, "visualizedDate": _spelled(out)}
    )
    yield Event(arrived, {"taskStatus": 3, "checkIn": True, "checkInDate": _spelled(arrived)})
    products = [_line("productId", random) for _each in range(random.randrange(0, 3))]
    services = [_line("id", random) for _each in range(random.randrange(0, 2))]
    costs = [{"additionalCostId": str(UUID(int=number)), "name": "Pedágio", "unitaryValue": "12,50",
              "totalValue": "12,50", "quantity": 1}] if number % 6 == 0 else []  # fmt: skip
    spent = (left - arrived).total_seconds()
    done = {
        "taskStatus": 5, "finished": True, "checkOut": True, "checkOutDate": _spelled(left),
        "duration": f"1.{_clock(spent)}" if number % 50 == 0 else _clock(spent),
        "durationDecimal": f"{spent / 3600:.16f}".rstrip("0").rstrip("."), "report": "Serviço concluído",
        "expense": f"{random.randrange(0, 3)}.{random.randrange(100, 999)},{random.randrange(10, 99)}",
        "inputedKm": random.randrange(0, 900) / 10, "products": products, "services": services,
        "additionalCosts": costs, "summary": _summary(products, services, costs),
        "signatureName": "Maria", "signatureDocument": people.cpf(random),
        "signatureUrl": f"https://storage.example.test/{UUID(int=random.getrandbits(128))}.png",
        "attachments": [{"id": number * 10 + 1, "url": f"https://storage.example.test/{number}.jpg",
                         "attachmentType": 1, "subtitle": "", "description": "Antes", "extension": "jpg"}],
        "questionnaires": [{
            "itemId": number, "questionnaireId": 21, "questionnaireDescription": "Checklist",
            "answers": [
                {"questionId": question, "questionDescription": f"Pergunta {question}", "replyId": number + question,
                 "reply": random.choice(("Sim", "Não", "1,5")), "replyDate": _spelled(left)}
                for question in (1, 2, 3)
            ],
        }],
    }  # fmt: skip
    yield Event(left, done)
    if random.random() < 0.15:
        fewer = products[:-1]
        changed = {"products": fewer, "summary": _summary(fewer, services, costs), "report": "Corrigido"}
        yield Event(left + timedelta(hours=random.randrange(2, 100)), changed)


def _line(name: str, random: Random) -> Record:
    number, quantity = random.randrange(1, PRODUCTS + 1), random.randrange(1, 5)
    price = random.randrange(500, 40_000) / 100
    return {
        name: guid("product", number), "code": str(number), "name": GOODS[number % len(GOODS)], "description": "",
        "quantity": float(quantity), "unitaryValue": price, "totalValue": round(price * quantity, 2),
        "userResponsible": "Central", "userResponsibleCode": 0, "dateRegister": NEVER, "dateEdit": NEVER,
        "discount": {"value": 0.0, "type": "Valor"},
    }  # fmt: skip


def _summary(products: list[Record], services: list[Record], costs: list[Record]) -> Record:
    totals = [round(sum(line["totalValue"] for line in lines), 2) for lines in (products, services)]
    totals.append(12.5 * len(costs))
    return {
        "totalProducts": totals[0], "totalServices": totals[1], "totalAdditionalCosts": totals[2],
        "totalValue": round(sum(totals), 2), "discount": {"value": 0.0, "type": "Valor"},
    }  # fmt: skip


def guid(kind: str, number: int) -> str:
    """Return the GUID of a numbered thing."""
    return str(UUID(int=Random(f"{kind}/{number}").getrandbits(128)))  # noqa: S311 - sample data, no secret


def user_name(number: int) -> str:
    """Return the name of user number."""
    last = people.LAST_NAMES[number * 3 % len(people.LAST_NAMES)]
    return f"{people.FIRST_NAMES[number % len(people.FIRST_NAMES)]} {last}"


def _spelled(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02}:{int(seconds) % 3600 // 60:02}:{int(seconds) % 60:02}"
