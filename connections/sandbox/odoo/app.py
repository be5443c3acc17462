"""The sandbox server: addresses, clock, and the explicit changes tests make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from wsgiref.handlers import format_date_time

from connections.sandbox.faults import Faults
from connections.sandbox.odoo import access, buttons, grouping, json2, jsonrpc, websession, xmlrpc
from connections.sandbox.odoo.answers import Answer, html_answer, json_answer, redirect, unknown_address
from connections.sandbox.odoo.business import Business
from connections.sandbox.odoo.failures import SESSION_EXPIRED, STATUSES, OdooError
from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.schema import Schema
from connections.sandbox.odoo.store import Store
from connections.sandbox.server import Environ, StartResponse

ADMIN = 2
DATABASE = "demo"
CALLABLE = (buttons, grouping)  # imported so that their methods can be called
NEVER_WHOLE = timedelta(microseconds=417_263)  # a real transaction does not begin on the second
VENDOR_ERRORS = (
    *STATUSES, SESSION_EXPIRED, "odoo.exceptions.RedirectWarning", "werkzeug.exceptions.TooManyRequests",
    "psycopg2.errors.SerializationFailure", "psycopg2.errors.QueryCanceled", "psycopg2.OperationalError",
    "psycopg2.ProgrammingError", "builtins.ValueError", "builtins.KeyError", "odoo.addons.custom.SomethingOfItsOwn",
)  # fmt: skip
VERSIONS = {17: "17.0-20240709", 19: "19.0"}


def system_clock() -> datetime:
    """Return the current moment, aware, UTC."""
    return datetime.now(UTC)


class Odoo:
    """An Odoo server as a WSGI app. speed: how many times faster than the clock its business goes.

    lacking: modules that are not installed. business: whether anything happens by itself. opened: since when it has,
    aware; see business when None. listing: whether the names of the databases are given to anyone who asks. What has
    happened so far is played at the first request, not here.
    """

    def __init__(
        self, *, version: int = 17, seed: int = 1, speed: float = 1.0, clock: Callable[[], datetime] = system_clock,
        databases: Collection[str] = (DATABASE,), lacking: Collection[str] = (), business: bool = True,
        opened: datetime | None = None, listing: bool = True,
    ) -> None:  # fmt: skip
        if version not in VERSIONS:
            raise ValueError(f"the sandbox speaks Odoo 17 and 19, not {version}")
        self.version = version
        self.clock = clock
        self.databases = tuple(databases)
        self.listing = listing
        self.users = access.users()
        self.token = access.API_KEY
        self.sign_in = f"database: {self.databases[0]}  user: admin  password: {access.PASSWORD}  API key: {self.token}"
        self.faults = Faults()
        self.vendor_errors = VENDOR_ERRORS
        self.sessions = websession.Sessions()
        self.lock = threading.RLock()
        self._ahead = timedelta()
        self.store = Store(Schema(version, lacking), self.now)
        opening = None if opened is None else opened.astimezone(UTC).replace(tzinfo=None)
        self.business = Business(self.store, self.now, seed=seed, speed=speed, going=business, opening=opening)

    # HTTP

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self.lock:
            self.advance()
            answer = self._answer(environ, body)
            date = format_date_time(self.now.replace(tzinfo=UTC).timestamp())
        headers = {"Content-Length": str(len(answer.body)), "Content-Type": answer.content_type, **answer.headers}
        start_response(f"{answer.status} -", [*headers.items(), ("Date", date)])
        return [answer.body]

    def _answer(self, environ: Environ, body: bytes) -> Answer:
        path, method = str(environ.get("PATH_INFO", "/")), str(environ["REQUEST_METHOD"])
        content_type = str(environ.get("CONTENT_TYPE", ""))
        if path == jsonrpc.PATH:
            return jsonrpc.answer(self, method, content_type, body)
        if method == "POST" and path.startswith(xmlrpc.PATHS):
            return xmlrpc.answer(self, path, body)
        if method == "POST" and path.startswith((websession.AUTHENTICATE, websession.CALL)):
            cookie, address = str(environ.get("HTTP_COOKIE", "")), str(environ.get("REMOTE_ADDR", ""))
            return self.sessions.answer(self, path, content_type, body, cookie, address)
        if self.version >= 19 and path.startswith(f"{json2.PATH}/"):
            return json2.answer(
                self, method, path, content_type, body,
                authorization=str(environ.get("HTTP_AUTHORIZATION", "")),
                database=str(environ.get("HTTP_X_ODOO_DATABASE", "")),
            )  # fmt: skip
        if method == "GET":
            return self._page(path)
        return unknown_address()

    def _page(self, path: str) -> Answer:
        if path == "/web/version" and self.version >= 19:
            info = self.version_info()
            version = {"version_info": info["server_version_info"], "version": info["server_version"]}
            return json_answer(version, headers={"Set-Cookie": websession.cookie_of(websession.new_session())})
        if path in ("/", "/web", "/odoo"):
            return redirect("/web/login")
        if path == "/web/login":
            return html_answer(200, "Odoo", "Log in")
        return unknown_address()

    def version_info(self) -> Row:
        return {
            "server_version": VERSIONS[self.version],
            "server_version_info": [self.version, 0, 0, "final", 0, ""],
            "server_serie": f"{self.version}.0",
            "protocol_version": 1,
        }

    def fail_on_order(self, path: str) -> None:
        """Raise the failure that a fault orders for this address, if one does."""
        name = self.faults.vendor_error(path)
        if name:
            raise OdooError(name, "The sandbox was told to fail.")

    def disturb(self, path: str, result: Any) -> Any:
        """Return a list of records as faults on records want it; anything else as it is."""
        if not path.endswith("/search_read") or not result:
            return result
        return self.faults.disturb(path, result)

    # Time

    @property
    def now(self) -> datetime:
        """The server's clock: naive UTC, as everything it stores."""
        return self.clock().astimezone(UTC).replace(tzinfo=None) + self._ahead

    def pass_time(self, span: timedelta) -> None:
        """Move the server's clock, its Date header included, ahead of the real one."""
        with self.lock:
            self._ahead += span
            self.advance()

    def advance(self) -> None:
        """Let happen what the business does until now, and begin a transaction."""
        now = self.now
        self.business.advance(now)
        begun = now if now.microsecond else now + NEVER_WHOLE
        self.store.transaction(begun, begun, ADMIN)

    # Changes by hand, each a transaction of its own

    def create(self, model: str, values: Row) -> int:
        """Add one row and return its id."""
        with self.lock:
            self.advance()
            return self.store.create(model, values)

    def write(self, model: str, ids: int | Iterable[int], values: Row) -> None:
        """Change rows; {"active": False} archives them."""
        with self.lock:
            self.advance()
            self.store.write(model, [ids] if isinstance(ids, int) else ids, values)

    def unlink(self, model: str, ids: int | Iterable[int]) -> None:
        """Delete rows without a trace, their lines with them."""
        with self.lock:
            self.advance()
            self.store.unlink(model, [ids] if isinstance(ids, int) else ids)

    def bulk(self, model: str, rows: Iterable[Row]) -> list[int]:
        """Add many rows in one transaction, as an import does: all share one write_date."""
        with self.lock:
            self.advance()
            return [self.store.create(model, values) for values in rows]

    def begin(self) -> Transaction:
        """Begin a transaction now whose changes nobody sees before commit()."""
        with self.lock:
            self.advance()
            return Transaction(self, self.store.moment)

    def rows(self, model: str) -> dict[int, Any]:
        """Return the rows as stored, by id: what a reader should have found."""
        with self.lock:
            self.advance()
            return {number: dict(row) for number, row in self.store.rows(model).items()}


class Transaction:
    """Changes that carry the moment they were begun and become visible, all at once, later."""

    def __init__(self, odoo: Odoo, begun: datetime) -> None:
        self._odoo = odoo
        self._begun = begun
        self._changes: list[Callable[[Store], object]] = []

    def create(self, model: str, values: Row) -> None:
        self._changes.append(lambda store: store.create(model, values))

    def write(self, model: str, ids: Iterable[int], values: Row) -> None:
        self._changes.append(lambda store: store.write(model, ids, values))

    def unlink(self, model: str, ids: Iterable[int]) -> None:
        self._changes.append(lambda store: store.unlink(model, ids))

    def commit(self) -> None:
        """Let everyone see the changes, with the write_date of the transaction's begin."""
        with self._odoo.lock:
            self._odoo.advance()
            self._odoo.store.transaction(self._begun, self._odoo.store.moment, ADMIN)
            for change in self._changes:
                change(self._odoo.store)
            self._changes.clear()
