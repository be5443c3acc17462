"""The freight company that goes on by itself: every process is a generator, woken when its next thing is due.

Seed and clock decide everything, so a sandbox that is started again has the same rows, those changed by hand aside.
Its books begin at a moment that moves only every 8 weeks of business time; from then on all of it is played again.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random

from connections.sandbox.odoo.business import purchasing, registry
from connections.sandbox.odoo.business.sales import sale
from connections.sandbox.odoo.business.settling import Settling
from connections.sandbox.odoo.business.setup import CUSTOMERS, populate
from connections.sandbox.odoo.failures import OdooError
from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.store import Store

EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - naive UTC, as everything Odoo stores
ADMIN = 2
BOOKS = timedelta(weeks=8)
HISTORY = timedelta(days=20)  # at least so much is there when the books have just begun
IDS_PER_BOOK = 100_000
NUMBERS_PER_BOOK = 10_000
LONG_TRANSACTIONS = 0.06  # share of them that become visible later than their write_date
LONGEST = timedelta(seconds=45)

Process = Iterator[timedelta]
Begin = Callable[["Business", Random], Process]
STREAMS: tuple[tuple[str, float, Begin], ...] = (  # the module it needs, about how many minutes apart, what begins
    ("sale", 75, sale),
    ("purchase_request", 150, purchasing.request),
    ("purchase", 500, purchasing.restock),
    ("purchase_requisition", 2000, purchasing.blanket),
    ("", 300, registry.newcomer),
    ("", 240, registry.change_of_name),
    ("", 360, registry.price_list),
)


class Business:
    """What happens in a store by itself. going: false leaves it with its master data alone.

    broken_off: how many processes ended because someone had deleted what they were about.
    """

    def __init__(
        self, store: Store, now: datetime, *, seed: int, speed: float, going: bool, opening: datetime | None = None
    ) -> None:
        self.store = store
        self.seed = seed
        self.speed = speed
        self.settling = Settling(store)
        self._numbers: Counter[str] = Counter()
        self._due: list[tuple[datetime, int, datetime, Random, Process]] = []
        self._serial = count()
        book = 0 if opening else max(0, (now - EPOCH) // (BOOKS / speed))
        opening = opening or EPOCH + book * (BOOKS / speed) - HISTORY / speed
        self.broken_off = 0
        store.transaction(opening, opening, ADMIN)
        populate(store, seed)
        self.customers = [n for n, row in store.rows("res.partner").items() if row["vat"]][:CUSTOMERS]
        self.suppliers = [n for n, row in store.rows("res.partner").items() if row["vat"]][CUSTOMERS:]
        self._products = {row["default_code"]: row for row in store.rows("product.product").values()}
        self.bought = [row for row in self._products.values() if row["purchase_ok"]]
        store.skip_ids(book * IDS_PER_BOOK)
        self._first_number = book * NUMBERS_PER_BOOK
        if going:
            self._open(opening)

    def _open(self, opening: datetime) -> None:
        modules = self.store.schema.modules
        for module, every, begin in STREAMS:
            if not module or module in modules:
                self.start(begin.__name__, opening, self._arrivals(begin.__name__, every, begin))

    def advance(self, now: datetime) -> None:
        """Let everything happen that is visible by now, each under the moment its transaction began."""
        while self._due and self._due[0][0] <= now:
            visible, _serial, begun, random, process = heapq.heappop(self._due)
            self.store.transaction(begun, visible, ADMIN)
            try:
                self._wait(visible, next(process), random, process)
            except StopIteration:
                continue
            except (OdooError, KeyError, IndexError, ValueError):
                self.broken_off += 1

    def start(self, name: str, now: datetime, process: Process) -> None:
        random = Random(f"{self.seed}/{name}")  # noqa: S311 - sample data, no secret
        self._wait(now, timedelta(), random, process)

    def number(self, name: str) -> int:
        """Return the next number of a sequence."""
        self._numbers[name] += 1
        return self._first_number + self._numbers[name]

    def product(self, code: str) -> Row:
        return self._products[code]

    def unit(self, product_id: int) -> int:
        return int(self.store.rows("product.product")[product_id]["uom_id"])

    def _wait(self, now: datetime, wait: timedelta, random: Random, process: Process) -> None:
        span = wait / self.speed
        late = min(span, LONGEST * random.random()) if random.random() < LONG_TRANSACTIONS else timedelta()
        visible = now + span
        heapq.heappush(self._due, (visible, next(self._serial), visible - late, random, process))

    def _arrivals(self, name: str, every: float, begin: Begin) -> Process:
        """Begin one process after the other, about `every` minutes apart."""
        random = Random(f"{self.seed}/{name}")  # noqa: S311 - sample data, no secret
        for number in count(1):
            yield timedelta(minutes=every * random.uniform(0.3, 1.7))
            own = Random(f"{self.seed}/{name}/{self._first_number + number}")  # noqa: S311 - sample data, no secret
            self.start(f"{name}/{number}", self.store.moment, begin(self, own))
