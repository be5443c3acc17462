"""The other lists of the account: people, goods, and what is asked, offered and spent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from connections.sandbox import people
from connections.sandbox.auvo.lives import (
    CUSTOMERS,
    EQUIPMENTS,
    GOODS,
    NEVER,
    PRODUCTS,
    SERVICES,
    TYPES,
    USERS,
    guid,
    user_name,
)

Record = dict[str, Any]
GROUPS = ("Ouro", "Prata", "Bronze", "Contrato", "Avulso", "Garantia", "Rede", "Público")
SEGMENTS = ("Padarias", "Hospitais", "Escolas", "Hotéis", "Mercados", "Bancos", "Clínicas", "Indústrias")
TEAMS = ("Norte", "Sul", "Leste", "Oeste", "Centro", "Noite", "Obras", "Plantão")
KEYWORDS = ("Garantia", "Contrato", "Urgente", "Retorno", "Noturno", "Altura", "Orçar", "Peça")  # from number 7 on
KINDS = ("Ar condicionado", "Câmara fria", "Balcão", "Chiller", "Bebedouro", "Freezer", "Exaustor")
PARTS = ("Peças", "Gases", "Filtros", "Elétrica", "Tubos", "Consumo", "Ferramentas")
SPENDINGS = ("Combustível", "Pedágio", "Refeição", "Hotel", "Estacionamento", "Material", "Outras")
BEGAN = datetime(2025, 1, 1)  # noqa: DTZ001 - Auvo's times are local
TICKET_HOURS, QUOTATION_HOURS, EXPENSE_HOURS, ORDER_HOURS = 7, 9, 5, 8  # between two
KEPT = 120  # days of them


def lists(now: datetime, seed: int) -> dict[str, Callable[[], list[Record]]]:
    """Return the lists by path, as they are at a moment of local time."""
    return {
        "customers": lambda: [_customer(number, now, seed) for number in range(1, CUSTOMERS + 1)],
        "users": lambda: [_user(number) for number in range(1, USERS + 1)],
        "teams": lambda: _named(60, TEAMS),
        "tasktypes": lambda: [_task_type(place, name) for place, name in enumerate(TYPES, start=1)],
        "equipments": lambda: [_equipment(number) for number in range(1, EQUIPMENTS + 1)],
        "equipmentcategories": lambda: _named(1, KINDS),
        "products": lambda: [_product(number, now) for number in range(1, PRODUCTS + 1)],
        "productcategories": lambda: _named(5, PARTS),
        "services": lambda: [
            {"id": guid("service", number), "title": f"Serviço {number}", "description": "",
             "price": f"{number * 10}.50", "active": True, "fiscalServiceId": ""}
            for number in range(1, SERVICES + 1)
        ],
        "tickets": lambda: [_ticket(number, at, now) for number, at in _past(now, TICKET_HOURS)],
        "quotations": lambda: [_quotation(number, at) for number, at in _past(now, QUOTATION_HOURS)],
        "expenses": lambda: [_expense(number, at) for number, at in _past(now, EXPENSE_HOURS)],
        "expensetypes": lambda: _named(1, SPENDINGS),
        "questionnaires": lambda: [{
            "id": place, "description": name, "header": "", "footer": "", "creationDate": "2025-01-01T08:00:00",
            "questions": [{"id": number, "answerType": 1, "description": f"Pergunta {number}", "subTitle": "",
                           "requiredAnswer": number == 1, "creationDate": NEVER} for number in (1, 2, 3)],
        } for place, name in enumerate(("Checklist", *TYPES, "Entrega"), start=21)],
        "customergroups": lambda: _named(12, GROUPS),
        "segments": lambda: _named(3, SEGMENTS),
        "keywords": lambda: _named(7, KEYWORDS),
        "serviceorders": lambda: [_order(number, at) for number, at in _past(now, ORDER_HOURS)],
        "gps": lambda: [_position(number, at) for number, at in _past(now, 1)],
    }  # fmt: skip


def _named(first: int, names: tuple[str, ...]) -> list[Record]:
    return [{"id": first + place, "description": name} for place, name in enumerate(names)]


def members(team: int) -> list[Record]:
    """Return the users of a team; the last team has none."""
    if team >= 60 + len(TEAMS) - 1:
        return []
    return [
        {"userId": 4100 + number, "name": user_name(number)} for number in range(1, USERS + 1) if number % 2 == team % 2
    ]


def answers(task: Record) -> list[Record]:
    """Return the answers to the survey about a task: two, or none from every third customer."""
    number = task["taskID"]
    if number // 5 % 3 == 0:
        return []
    return [
        {"id": 400_000 + number, "taskID": number, "itemId": item, "questionDescription": question,
         "answerDescription": str(5 - number // 5 % 2), "answerDate": task["checkOutDate"], "email": "quem@example.com",
         "answersItemQuantity": 1, "scoreSum": 5 - number // 5 % 2, "totalResponse": 1, "totalSubmitted": 1}
        for item, question in enumerate(("Foi pontual?", "Resolveu?"), start=1)
    ]  # fmt: skip


def _past(now: datetime, hours: int) -> list[tuple[int, datetime]]:
    newest = int((now - BEGAN) / timedelta(hours=hours))
    kept = KEPT * 24 // hours
    return [(number, BEGAN + timedelta(hours=number * hours)) for number in range(max(1, newest - kept), newest + 1)]


def _customer(number: int, now: datetime, seed: int) -> Record:
    person = people.customer(number, 1)
    random = Random(f"{seed}/moves/{number}")  # noqa: S311 - sample data, no secret
    period = timedelta(hours=40)
    shift = period * random.random()
    version = int((now - BEGAN + shift) / period)
    changed = max(BEGAN, BEGAN + version * period - shift)
    return {
        "id": 990_000 + number, "externalId": f"C{number:04}", "description": person["name"],
        "cpfCnpj": person["document"] if number % 2 else "".join(filter(str.isdigit, person["document"])),
        "phoneNumber": [f"55659{number:08}", f"5565{version % 10**8:08}"][: 1 + number % 2],
        "email": [person["email"]], "manager": "", "managerJobPosition": "", "note": f"Versão {version}",
        "address": f"Rua {number}, {version % 900} - Centro", "adressComplement": "", "latitude": -15.6 - number / 1000,
        "longitude": -56.09, "maximumVisitTime": 60, "unitMaximumTime": 1, "groupsId": [12 + number % len(GROUPS)],
        "managerTeamsId": [60], "managersId": [], "segmentId": 3 + number % len(SEGMENTS) if number % 5 else 0,
        "active": number % 17 != 0,
        "contacts": [{"id": number, "name": "Recepção", "jobPosition": "", "email": "", "phone": "6530000000"}]
        if number % 3 == 0 else [],
        "uriAnexos": [f"https://storage.example.test/c{number}.pdf"] if number % 10 == 0 else [],
        "creationDate": "2025-01-01T08:00:00", "dateLastUpdate": _spelled(changed),
    }  # fmt: skip


def _user(number: int) -> Record:
    """Spell the key as the documentation has it, and as real answers have it."""
    return {
        "userID" if number % 2 else "userId": 4100 + number, "externalId": "", "name": user_name(number),
        "smartphoneNumber": f"659{number:08}", "login": f"tecnico{number}", "email": f"tecnico{number}@example.com",
        "culture": "pt-BR", "jobPosition": "Técnico", "userType": {"userTypeId": 1, "description": "Usuário"},
        "workDaysOfWeek": [2, 3, 4, 5, 6], "startWorkHour": "08:00:00", "endWorkHour": "18:00:00",
        "startLunchHour": "12:00:00", "endLunchHour": "13:00:00", "hourValue": 25.5 + number,
        "pictureUrl": "", "BasePoint": {"address": "Base", "latitude": -15.6, "longitude": -56.1}, "gpsFrequency": 300,
    }  # fmt: skip


def _task_type(number: int, name: str) -> Record:
    return {
        "id": 30_000 + number, "description": name, "creatorId": 4100, "creationDate": "2025-01-01T08:00:00",
        "standartQuestionnaireId": 21 if number == 1 else 0,
        "standartTime": "1.02:00:00" if number == 3 else "01:30:00",
        "toleranceTime": 15, "active": True, "sendSatisfactionSurvey": False,
        "requirements": {"fillReport": True, "getSignature": True, "fillRolledKilometer": False, "emailTheTask": False,
                         "minimumNumberOfPhotos": 1, "requiredQuestionnaires": [21]},
    }  # fmt: skip


def _equipment(number: int) -> Record:
    return {
        "id": 551_000 + number, "externalId": "", "parentEquipmentId": 0,
        "associatedCustomerId": 990_000 + 1 + number % CUSTOMERS, "associatedUserId": 0, "categoryId": 1 + number % 2,
        "name": f"Split {number}", "identifier": f"SN{number:06}", "description": "", "urlImage": "", "uriAnexos": [],
        "active": True, "creationDate": "2025-01-01T08:00:00", "expirationDate": NEVER,
        "warrantyStartDate": "1900-01-01T00:00:00", "warrantyEndDate": None,
        "equipmentSpecifications": [{"name": "BTU", "specification": str(9000 + number)}] if number % 2 else [],
    }  # fmt: skip


def _product(number: int, now: datetime) -> Record:
    price = 1000 + number * 37 + (now - BEGAN).days % 5
    return {
        "productId": guid("product", number), "code": str(number), "externalId": "", "name": GOODS[number % len(GOODS)],
        "categoryId": 5, "unitaryValue": f"{price // 1000}.{price % 1000:03},50", "unitaryCost": f"{number},00",
        "totalStock": 10.0, "minimumStock": "2,00", "active": True, "uriAnexos": [], "productSpecifications": [],
        "employeesStock": [{"id": number, "userId": 4101, "amount": 3.0, "lastStockMovement": {}}],
    }  # fmt: skip


def _ticket(number: int, at: datetime, now: datetime) -> Record:
    ended = at + timedelta(days=2)
    return {
        "id": 70_000 + number, "creationDate": _spelled(at), "endDate": _spelled(ended) if ended <= now else NEVER,
        "title": f"Chamado {number}", "description": "Não gela", "priority": "Média",
        "statusDescription": "Fechado" if ended <= now else "Aberto", "statusType": 5 if ended <= now else 1,
        "requestTypeDescription": "Suporte", "teamId": 60, "teamName": TEAMS[0], "userCreatorId": 4101,
        "userCreatorName": user_name(1), "userResponsableId": 0, "userResponsableName": "",
        "customerId": 990_000 + 1 + number % CUSTOMERS, "customerName": "", "customerEmail": "",
        "customerPhoneNumber": "", "equipmentId": 0, "requesterEmail": "quem@example.com", "requesterName": "Quem",
        "taskIDs": [81_000_000 + number], "urlAttachments": [], "customFields": [], "alterations": [],
        "interactions": [],
        "statusAlterations": [{"id": 1, "descripton": "Aberto", "checkIn": _spelled(at), "checkOut": NEVER}],
    }  # fmt: skip


def _quotation(number: int, at: datetime) -> Record:
    line = {"code": "1", "name": "Filtro", "quantity": 2, "unitaryValue": "35.50", "totalValue": "71.00",
            "descount": {"value": "0.00", "type": "Valor"}}  # fmt: skip
    return {
        "publicId": guid("quotation", number), "id": number, "title": f"Orçamento {number}",
        "requestDate": _spelled(at),
        "CurrentStage": "Enviado", "customerId": 990_000 + 1 + number % CUSTOMERS, "userId": 4101,
        "products": [{"productId": guid("product", 1), **line}], "services": [],
        "aditionalCosts": [{"name": "Frete", "amout": 1, "totalValue": "10.00"}],
        "summary": {"totalProducts": 71.0, "totalServices": 0.0, "totalAdditionalCosts": 10.0, "totalValue": 81.0},
    }  # fmt: skip


def _expense(number: int, at: datetime) -> Record:
    return {
        "id": 5000 + number, "typeId": 1, "typeName": "Combustível", "userToId": 4101, "userToName": user_name(1),
        "date": _spelled(at), "attachmentUrl": f"https://storage.example.test/e{number}.jpg", "description": "",
        "amount": 100 + number % 50,
    }  # fmt: skip


def _order(number: int, at: datetime) -> Record:
    return {
        "id": guid("order", number), "projectCode": number, "externalCode": "", "description": f"Projeto {number}",
        "statusId": guid("status", 1), "startDateDuration": at.strftime("%d/%m/%Y"), "endDateDuration": "01/01/0001",
        "visits": [{"id": number, "taskID": 0, "startDate": at.strftime("%d/%m/%Y %H:%M"), "endDate": "01/01/0001"}],
        "products": [1], "services": [], "date": _spelled(at),
    }  # fmt: skip


def _position(number: int, at: datetime) -> Record:
    return {
        "userId": 4101 + number % USERS, "positionDate": _spelled(at).replace("T", " "), "latitude": -15.6,
        "longitude": -56.09, "accuracy": 12.5, "batteryLevel": 80, "networkOperatorName": "Vivo",
    }  # fmt: skip


def _spelled(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
