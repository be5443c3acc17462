"""The API as a WSGI app: signing in, the limit, filters, pages and the many ways in which a list can end."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from connections.sandbox.auvo.lists import answers, lists, members
from connections.sandbox.auvo.lives import (
    LONGEST_MOVE,
    PER_DAY,
    PLANNED_BEFORE,
    SUNDAY,
    Event,
    life,
    planned_day,
    task_id,
)
from connections.sandbox.faults import Faults
from connections.sandbox.server import Environ, StartResponse, answer, answer_json, query
from connections.sdk.text import gettext_noop as _

API_KEY, API_TOKEN = "sandbox-auvo-key", "sandbox-auvo-token"  # noqa: S105 - the sandbox's published pair
ZONE = ZoneInfo("America/Sao_Paulo")
TOKEN_LASTS = timedelta(minutes=30)
LIMIT = 400  # calls a minute
TASKS_PER_DAY = 14
LARGEST_PAGE = 100
KEYS = ("taskID", "id", "userID", "userId", "productId", "publicId")
UNPAGED = ("expenses", "customergroups")  # lists without the block that counts
DATED = {"tickets": "creationDate", "quotations": "requestDate", "expenses": "date", "serviceorders": "date"}
DATES = {
    "quotations": ("requestStartDate", "requestEndDate"),
    "serviceorders": ("StartDateDuration", "EndDateDuration"),
}

Record = dict[str, Any]
# The vendor's own errors by the name a fault orders them with.
ERRORS: dict[str, tuple[int, Record]] = {
    "limit": (403, {"error": "Rate limit temporarily exceeded"}),
    "forbidden": (403, {"message": "User is not allowed to access this resource"}),
    "expired": (401, {"message": "Authorization has been denied for this request."}),
    "missing": (404, {"message": "No records found"}),
    "bad-filter": (400, {"paramFilter": ["paramFilter is malformed"]}),
}


class Refused(Exception):
    """An answer that is none of the data."""

    def __init__(self, name: str) -> None:
        self.status, self.body = ERRORS[name]
        super().__init__(name)


class Auvo:
    """One account. speed: how many times more tasks a day; limit: calls a minute."""

    def __init__(
        self, *, seed: int = 1, speed: float = 1.0, limit: int = LIMIT, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.seed = seed
        self.faults = Faults()
        self.token = API_TOKEN
        self.sign_in = f"API key: {API_KEY}  API token: {API_TOKEN}  (below /v2)"
        self.logins = 0
        self._limit = limit
        self._per_day = min(PER_DAY - 1, max(1, round(TASKS_PER_DAY * speed)))
        self._clock = clock or (lambda: datetime.now(UTC))
        self._passed = timedelta()
        self._tokens: dict[str, datetime] = {}
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()
        self._edits: dict[int, list[Event]] = {}
        self._removed: dict[str, set[Any]] = {}
        self._life = lru_cache(maxsize=50_000)(life)

    # What tests and demonstrations do to it

    @property
    def now(self) -> datetime:
        """The moment in the account's zone, without offset, as Auvo writes it."""
        return (self._clock() + self._passed).astimezone(ZONE).replace(tzinfo=None, microsecond=0)

    def pass_time(self, length: timedelta) -> None:
        """Let time pass at once."""
        self._passed += length

    def change(self, number: int, **values: Any) -> None:
        """Change a task by hand."""
        self._edits.setdefault(number, []).append(Event(self.now, values))

    def delete(self, number: int, *, traced: bool = True) -> None:
        """Delete a task; without a trace, no list of deleted tasks shows it."""
        self._edits.setdefault(number, []).append(Event(self.now, {}, gone="traced" if traced else "silent"))

    def remove(self, path: str, key: Any) -> None:
        """Take a record out of another list."""
        self._removed.setdefault(path, set()).add(key)

    def expire_tokens(self) -> None:
        """End every token given out."""
        self._tokens.clear()

    # Records

    def tasks(self, first: date, last: date, *, deleted: bool = False) -> list[Record]:
        """Return the tasks planned for some days; the deleted ones that left a trace instead."""
        found = []
        day = first - timedelta(days=LONGEST_MOVE)
        while day <= last:
            for place in range(self._per_day if day.weekday() != SUNDAY else 0):
                found.append(self._task(task_id(day, place), deleted=deleted))
            day += timedelta(days=1)
        by_hand = [
            number
            for number in self._edits
            if not first - timedelta(days=LONGEST_MOVE) <= planned_day(number)[0] <= last
        ]
        found += [self._task(number, deleted=deleted) for number in by_hand]
        return [task for task in found if task and str(first) <= task["taskDate"][:10] <= str(last)]

    def records(self, path: str) -> list[Record]:
        """Return another list as it is now, by its path in small letters."""
        gone = self._removed.get(path, ())
        return [record for record in lists(self.now, self.seed)[path]() if _key(record) not in gone]

    def surveys(self, number: int) -> list[Record]:
        """Return what the customer answered after a task, if he did."""
        task = self._task(number, deleted=False)
        if task is None or not task["finished"] or not task["sendSatisfactionSurvey"]:
            return []
        return answers(task)

    def _task(self, number: int, *, deleted: bool) -> Record | None:
        events = [
            event for event in (*self._life(number, self.seed), *self._edits.get(number, ())) if event.at <= self.now
        ]
        if not events:
            return None
        task: Record = {}
        for event in sorted(events, key=lambda event: event.at):
            if event.gone:
                return task if deleted and event.gone == "traced" else None
            task = {**task, **event.values, "dateLastUpdate": event.at.strftime("%Y-%m-%dT%H:%M:%S")}
        return None if deleted else task

    # HTTP

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", "/"))
        try:
            if not path.startswith("/v2/"):
                raise Refused("missing")
            self._count()
            name = self.faults.vendor_error(path)
            if name in ERRORS:
                raise Refused(str(name))
            own = path.removeprefix("/v2/").strip("/").lower()
            if own == "login":
                return self._login(environ, start_response)
            self._check_token(environ)
            return answer_json(start_response, 200, {"result": self._list(path, own, query(environ))})
        except Refused as refused:
            return answer_json(start_response, refused.status, refused.body)

    def _count(self) -> None:
        moment = time.monotonic()
        with self._lock:
            while self._calls and self._calls[0] <= moment - 60:
                self._calls.popleft()
            if len(self._calls) >= self._limit:
                raise Refused("limit")
            self._calls.append(moment)

    def _login(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        asked = {name.lower(): value for name, value in query(environ).items()}
        if environ["REQUEST_METHOD"] == "POST":
            if "json" not in str(environ.get("CONTENT_TYPE", "")):
                return answer(start_response, 415, b"", "text/plain")
            body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
            asked = {name.lower(): value for name, value in body.items()}
        if not asked.get("apikey") or not asked.get("apitoken"):
            return answer_json(start_response, 400, {"apiKey": ["apiKey is required"]})
        if asked["apikey"] != API_KEY:
            return answer_json(start_response, 404, {"message": "User not found"})
        if asked["apitoken"] != API_TOKEN:
            result: Record = {"authenticated": False, "message": "Invalid token", "accessToken": ""}
            return answer_json(start_response, 200, {"result": result})
        token, ends = secrets.token_urlsafe(24), self.now + TOKEN_LASTS
        self._tokens[token] = ends
        self.logins += 1
        result = {"authenticated": True, "created": str(self.now), "expiration": str(ends), "accessToken": token,
                  "message": "OK"}  # fmt: skip
        return answer_json(start_response, 200, {"result": result})

    def _check_token(self, environ: Environ) -> None:
        token = str(environ.get("HTTP_AUTHORIZATION", "")).removeprefix("Bearer ")
        ends = self._tokens.get(token)
        if ends is None or ends <= self.now:
            raise Refused("expired")

    def _list(self, path: str, own: str, asked: dict[str, str]) -> Record:
        asked = {name.lower(): value for name, value in asked.items()}
        filters = _filter(asked)
        size = min(int(asked.get("pagesize") or 10), LARGEST_PAGE)
        page = int(asked.get("page") or 1)
        records = self._found(own, filters)
        start = (page - 1) * size
        found, total = self._faulty(path, records, start, size)
        if not found and own != "tasks/getdeletedtasks":
            raise Refused("missing")
        if self.faults.record("empty-page", path):
            found = []
        result: Record = {"entityList": found, "links": []}
        if own not in UNPAGED:
            result["pagedSearchReturnData"] = {"order": 0, "pageSize": size, "page": page, "totalItems": total}
        return result

    def _found(self, own: str, filters: Record) -> list[Record]:
        head, _slash, rest = own.partition("/")
        if head == "tasks":
            return self._tasks_found(filters, deleted=rest == "getdeletedtasks")
        if head == "satisfactionsurveys":
            return [each for number in filters.get("taskid", ()) for each in self.surveys(int(number))]
        if head == "teams" and rest.endswith("/users"):
            return members(int(rest.partition("/")[0]))
        if rest or head not in lists(self.now, self.seed):
            raise Refused("missing")
        records = self.records(head)
        changed = filters.get("datelastupdate")
        if changed:
            records = [record for record in records if record["dateLastUpdate"] >= changed]
        if head == "gps":
            return [record for record in records if record["positionDate"][:10] == _day(filters, "date")]
        if head in DATED:
            first, last = (_day(filters, name) for name in DATES.get(head, ("startDate", "endDate")))
            records = [record for record in records if first <= record[DATED[head]][:10] <= last]
        return records

    def _tasks_found(self, filters: Record, *, deleted: bool) -> list[Record]:
        first, last = (date.fromisoformat(_day(filters, name)) for name in ("startDate", "endDate"))
        records = self.tasks(first, last, deleted=deleted)
        changed = filters.get("datelastupdate")
        return [record for record in records if not changed or record["dateLastUpdate"] >= changed]

    def _faulty(self, path: str, records: list[Record], start: int, size: int) -> tuple[list[Record], int]:
        """Return one page and how many records there are, with the faults on records played."""
        if self.faults.record("vanished-record", path):
            records = records[1:]
        if self.faults.record("half-gone", path):
            records = records[::2]
        if records and self.faults.record("duplicate-ids", path):
            records = [records[0], *records]
        if start and self.faults.record("shifting-pages", path):
            records = [records[start - 1], *records]
        found = records[start : start + size]
        if found and self.faults.record("repeated-page", path):
            found = records[:size]
        if found and self.faults.record("missing-id", path):
            found = [{name: value for name, value in found[0].items() if name not in KEYS}, *found[1:]]
        return found, len(records)


def _filter(asked: dict[str, str]) -> Record:
    try:
        filters = json.loads(asked.get("paramfilter", ""))
        return {name.lower(): value for name, value in filters.items()}
    except (ValueError, AttributeError):
        raise Refused("bad-filter") from None


def _day(filters: Record, name: str) -> str:
    """Return the day of a date that must be given."""
    try:
        return str(date.fromisoformat(str(filters[name.lower()])[:10]))
    except (KeyError, ValueError):
        raise Refused("bad-filter") from None


def _key(record: Record) -> Any:
    return next((record[name] for name in KEYS if name in record), None)


def sample_connection(url: str) -> dict[str, Any]:
    """Return a connection to a sandbox Auvo at url: {"kind", "name", "values" (secrets included)}."""
    return {
        "kind": "auvo",
        "name": _("Sample Auvo"),
        "values": {
            "api_url": f"{url}/v2", "api_key": API_KEY, "api_token": API_TOKEN,
            "look_ahead_days": PLANNED_BEFORE + LONGEST_MOVE, "allow_private_addresses": True,
        },
    }  # fmt: skip
