"""A small shop's JSON API: products, customers, and orders with items that appear and change as time passes.

Everything follows from the seed and the clock, so a restarted shop goes on where it was.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Any

from connections.sandbox import people
from connections.sandbox.faults import Faults
from connections.sandbox.server import Environ, StartResponse, answer_json, query
from connections.sdk.text import gettext_noop as _

TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's published token
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS_BETWEEN_ORDERS = 60  # at speed 1
ORDERS_KEPT = 600  # the API answers with the newest ones only, as many real ones do
CUSTOMERS = 150
PRODUCTS = 60
LARGEST_PAGE = 100

GOODS = ("Cabo flexível", "Disjuntor", "Inversor", "Lâmpada LED", "Módulo solar", "Parafuso", "Tinta", "Tomada")
LOOKS = ("10 A", "220 V", "550 W", "azul", "branco", "grande", "inox", "pequeno")

Record = dict[str, Any]


def system_clock() -> datetime:
    """Return the current moment, aware, UTC."""
    return datetime.now(UTC)


class Shop:
    """The API as a WSGI app. speed: how many times faster than the clock orders appear and change."""

    def __init__(
        self, *, seed: int = 1, speed: float = 1.0, token: str = TOKEN, clock: Callable[[], datetime] = system_clock
    ) -> None:
        self.seed = seed
        self.speed = speed
        self.token = token
        self.clock = clock
        self.faults = Faults()
        self._placed = lru_cache(maxsize=2 * ORDERS_KEPT)(self._place)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_AUTHORIZATION") != f"Bearer {self.token}":
            return answer_json(start_response, 401, {"error": "invalid_token", "message": "The token is not valid."})
        path, asked = str(environ.get("PATH_INFO", "/")).rstrip("/"), query(environ)
        pages = {"/products": self._product_page, "/customers": self._customer_page, "/orders": self._order_page}
        if path not in pages:
            return answer_json(start_response, 404, {"error": "not_found", "message": f"There is no {path}."})
        try:
            return answer_json(start_response, 200, pages[path](asked))
        except ValueError as error:
            return answer_json(start_response, 400, {"error": "bad_request", "message": str(error)})

    # Records

    def products(self) -> list[Record]:
        """Return every product; a price changes about once an hour."""
        return [self._product(number) for number in range(1, PRODUCTS + 1)]

    def customers(self) -> list[Record]:
        """Return every customer; one of them moves or changes the phone every few minutes."""
        return [self._customer(number) for number in range(1, CUSTOMERS + 1)]

    def orders(self) -> list[Record]:
        """Return the orders still kept, oldest change first."""
        newest = int((self.clock() - EPOCH).total_seconds() * self.speed // SECONDS_BETWEEN_ORDERS)
        orders = (self._order(number) for number in range(max(1, newest - ORDERS_KEPT + 1), newest + 1))
        return sorted(orders, key=lambda order: (order["updated_at"], order["id"]))

    def _product(self, number: int) -> Record:
        random = Random(f"{self.seed}/product/{number}")  # noqa: S311 - sample data, no secret
        base = Decimal(random.randrange(300, 90_000)) / 100
        version, changed = self._version(random, hours=PRODUCTS)
        price = (base * (100 + version % 7) / 100).quantize(Decimal("0.01"))
        return {
            "id": number,
            "sku": f"SKU-{number:04}",
            "name": f"{random.choice(GOODS)} {random.choice(LOOKS)}",
            "price": float(price),
            "unit": random.choice(("un", "m", "cx")),
            "active": number % 17 != 0,
            "updated_at": _iso(changed),
        }

    def _customer(self, number: int) -> Record:
        random = Random(f"{self.seed}/address/{number}")  # noqa: S311 - sample data, no secret
        version, changed = self._version(random, hours=10)
        moves = Random(f"{self.seed}/address/{number}/{version}")  # noqa: S311 - sample data, no secret
        city, state = moves.choice(people.CITIES)
        return {
            **people.customer(number, self.seed),
            "phone": f"({moves.randrange(11, 99)}) 9{moves.randrange(10**7, 10**8)}",
            "address": {"city": city, "state": state, "zip": f"{moves.randrange(10**7, 10**8)}"},
            "credit_limit": float(moves.randrange(5, 200) * 100),
            "since": (EPOCH - timedelta(days=number * 7)).date().isoformat(),
            "updated_at": _iso(changed),
        }

    def _version(self, random: Random, *, hours: float) -> tuple[int, datetime]:
        """Return how often something has changed that changes every `hours`, and when it last did."""
        period = timedelta(hours=hours) / self.speed
        shift = period * random.random()
        version = (self.clock() - EPOCH + shift) // period
        return version, max(EPOCH, EPOCH + version * period - shift)

    def _order(self, number: int) -> Record:
        now, placed = self.clock(), self._placed(number)
        happened = [(status, at) for status, at in placed["history"] if at <= now]
        status, updated = happened[-1]
        paid = dict(happened).get("paid")
        shown = {key: value for key, value in placed.items() if key != "history"}
        return {**shown, "status": status, "paid_at": paid and _iso(paid), "updated_at": _iso(updated)}

    def _place(self, number: int) -> Record:
        """Return order number with all that will happen to it, at its moments, in "history"."""
        random = Random(f"{self.seed}/order/{number}")  # noqa: S311 - sample data, no secret
        created = EPOCH + timedelta(seconds=number * SECONDS_BETWEEN_ORDERS) / self.speed
        buyer = people.customer(random.randrange(1, CUSTOMERS + 1), self.seed)
        items: list[Record] = []
        for line in range(1, random.randrange(1, 5) + 1):
            product = random.randrange(1, PRODUCTS + 1)
            price = Decimal(random.randrange(300, 90_000)) / 100
            quantity = random.randrange(1, 6)
            items.append(
                {"line": line, "product_id": product, "sku": f"SKU-{product:04}", "quantity": quantity,
                 "unit_price": float(price)}
            )  # fmt: skip
        history = [("new", created)]
        steps = ("cancelled",) if random.random() < 0.08 else ("paid", "shipped", "delivered")
        for status in steps:
            history.append((status, history[-1][1] + timedelta(minutes=random.uniform(1, 90)) / self.speed))
        total = sum((Decimal(str(item["unit_price"])) * item["quantity"] for item in items), Decimal())
        return {
            "id": number,
            "number": f"PED-{number:06}",
            "customer": {"id": buyer["id"], "name": buyer["name"]},
            "total": f"{total:.2f}",
            "items": items,
            "created_at": _iso(created),
            "history": history,
        }

    # Pages

    def _product_page(self, asked: dict[str, str]) -> Record:
        page, size = _number(asked, "page", 1, 1), _size(asked, "per_page")
        found, total = self._slice("/products", self.products(), (page - 1) * size, size)
        return {"data": found, "page": page, "per_page": size, "total": total}

    def _customer_page(self, asked: dict[str, str]) -> Record:
        offset, size = _number(asked, "offset", 0, 0), _size(asked, "limit")
        found, total = self._slice("/customers", self.customers(), offset, size)
        return {"customers": found, "meta": {"offset": offset, "limit": size, "count": total}}

    def _order_page(self, asked: dict[str, str]) -> Record:
        size = _size(asked, "limit")
        since = asked.get("updated_since", "")
        if since:
            since = _iso(_moment(since))
        position = _read_cursor(asked.get("cursor", ""))
        waiting = [
            order for order in self.orders()
            if order["updated_at"] >= since and (order["updated_at"], order["id"]) > position
        ]  # fmt: skip
        following = _write_cursor(waiting[size - 1]) if len(waiting) > size else None
        found = self.faults.disturb("/orders", waiting[:size])
        return {"orders": found, "next_cursor": following}

    def _slice(self, path: str, records: list[Record], start: int, size: int) -> tuple[list[Record], int]:
        """Return one page of records and how many there are in all."""
        if self.faults.record("vanished-record", path):
            records = records[1:]
        if self.faults.record("half-gone", path):
            records = records[::2]
        if self.faults.record("duplicate-ids", path):
            records = [records[0], *records]
        if start and self.faults.record("shifting-pages", path):
            records = [records[start - 1], *records]  # what an insertion in front does to all later pages
        return self.faults.disturb(path, records[start : start + size], counted=True), len(records)


def sample_connection(base_url: str) -> dict[str, Any]:
    """Return a connection to a shop at base_url, ready to sync: {"kind", "name", "values" (secrets included)}."""
    products = {
        "name": "products", "label": _("Products"), "path": "products", "records": "data", "total": "total",
        "pagination": "page", "page_parameter": "page", "size_parameter": "per_page", "page_size": 50,
        "columns": [
            _column("id", "integer", key=True), _column("sku"), _column("name"), _column("price", "decimal", 12, 2),
            _column("unit"), _column("active", "boolean"), _column("updated_at", "timestamp"),
        ],
    }  # fmt: skip
    customers = {
        "name": "customers", "label": _("Customers"), "path": "customers", "records": "customers",
        "total": "meta.count", "pagination": "offset", "offset_parameter": "offset", "size_parameter": "limit",
        "page_size": 50,
        "columns": [
            _column("id", "integer", key=True), _column("name"), _column("kind"), _column("document"),
            _column("email"), _column("phone"), _column("address.city", name="city"),
            _column("address.state", name="state"), _column("address.zip", name="zip"),
            _column("credit_limit", "decimal", 12, 2), _column("since", "date"), _column("updated_at", "timestamp"),
        ],
    }  # fmt: skip
    orders = {
        "name": "orders", "label": _("Orders"), "path": "orders", "records": "orders", "pagination": "cursor",
        "cursor_parameter": "cursor", "next_cursor": "next_cursor", "size_parameter": "limit", "page_size": 100,
        "incremental": True, "since_parameter": "updated_since", "change_field": "updated_at",
        "columns": [
            _column("id", "integer", key=True), _column("number"), _column("status"),
            _column("customer.id", "integer", name="customer_id"), _column("customer.name", name="customer_name"),
            _column("total", "decimal", 12, 2), _column("created_at", "timestamp"), _column("paid_at", "timestamp"),
            _column("updated_at", "timestamp"), _column("items[].line", "integer", key=True),
            _column("items[].product_id", "integer"), _column("items[].sku"),
            _column("items[].quantity", "integer"), _column("items[].unit_price", "decimal", 12, 2),
        ],
    }  # fmt: skip
    return {
        "kind": "rest",
        "name": _("Sample shop"),
        "values": {
            "base_url": base_url, "table_prefix": "shop", "auth": "bearer", "token": TOKEN,
            "allow_private_addresses": True,
            "streams": [products, customers, orders],
        },
    }  # fmt: skip


def _column(
    path: str, type: str = "text", precision: int | None = None, scale: int | None = None, *,
    name: str = "", key: bool = False,
) -> Record:  # fmt: skip
    column: Record = {"path": path, "name": name or path.rpartition("[].")[2], "type": type, "key": key}
    return {**column, "precision": precision, "scale": scale} if type == "decimal" else column


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("updated_since must be an ISO 8601 moment.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(asked: dict[str, str], name: str, default: int, minimum: int) -> int:
    text = asked.get(name, str(default))
    if not text.isdigit() or int(text) < minimum:
        raise ValueError(f"{name} must be a whole number from {minimum} on.")
    return int(text)


def _size(asked: dict[str, str], name: str) -> int:
    return min(_number(asked, name, 20, 1), LARGEST_PAGE)


def _write_cursor(order: Record) -> str:
    return base64.urlsafe_b64encode(f"{order['updated_at']} {order['id']}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[str, int]:
    if not cursor:
        return "", 0
    try:
        updated, _space, number = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        return updated, int(number)
    except (ValueError, binascii.Error):
        raise ValueError("cursor is not one of ours.") from None
