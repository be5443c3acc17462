"""One sign-in to one Odoo server: who we are there, which companies we read, and every call to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from connections.connectors.odoo import errors
from connections.connectors.odoo.clock import ServerClock
from connections.connectors.odoo.errors import OdooError
from connections.connectors.odoo.json2 import Json2
from connections.connectors.odoo.jsonrpc import JsonRpc
from connections.connectors.odoo.services import MODULES
from connections.connectors.odoo.transport import Arguments, Asked, Server, Transport
from connections.connectors.odoo.version import Version
from connections.sdk import urls
from connections.sdk.context import Context, Rate
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 150.0, 300.0  # Odoo itself gives a request 120 s
PATIENCE_SECONDS = 20.0  # of a person
ONLINE = ".odoo.com"
ONLINE_GAP = 1.0  # seconds between two calls that Odoo Online tolerates
FIELD_FACTS = ["type", "relation", "store"]
# What people copy from their browser's address line: the client's own pages.
_PAGE = re.compile(r"/(web|odoo)([/?#].*)?$")


class Session:
    """Use it as a context manager, and sign_in() before any call. Everything raises SyncError."""

    version: Version
    uid: int
    companies: tuple[int, ...]

    def __init__(
        self, config: Mapping[str, Any], secrets: Mapping[str, str], context: Context, *, waiting: bool = False
    ) -> None:
        """waiting: somebody waits for the answer in front of a page."""
        self.config = config
        self._secrets = secrets
        self._context = context
        self._told: dict[str, tuple[frozenset[str], dict[str, dict[str, Any]]]] = {}
        self._has_renewed = False
        self.clock = ServerClock(context)
        base = server_address(config["url"])
        gap = gap_seconds(config, base)
        self._client = HttpClient(
            base, context, secrets=secrets.values(), judge=errors.judge(config.get("database") or ""),
            connect_timeout=CONNECT_SECONDS, read_timeout=PATIENCE_SECONDS if waiting else READ_SECONDS,
            total_timeout=TOTAL_SECONDS, tries=1 if waiting else 3,
            rate=Rate(f"odoo {urls.host(base)}", 1, gap) if gap else None,
        )  # fmt: skip
        self.server = Server(self._client, self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def sign_in(self) -> None:
        """Find the version, sign in once, and learn which companies are read."""
        self.version = self.server.version()
        self._transport = self._choose_transport()
        self.uid = self._transport.sign_in()
        self.companies = self._chosen_companies()

    def call(
        self, model: str, method: str, arguments: Arguments, *, companies: bool = True, retry: Asked = True
    ) -> Any:
        """Call a method of a model; companies=False asks beyond the chosen ones."""
        context: dict[str, Any] = {"active_test": False, "lang": self.config.get("language") or "pt_BR"}
        if companies:
            context["allowed_company_ids"] = list(self.companies)
        try:
            return self._call(model, method, arguments, context, retry)
        except OdooError as error:
            raise self._explained(error, model, method) from None

    def fields(self, model: str, names: Iterable[str], *, fresh: bool = False) -> dict[str, dict[str, Any]]:
        """Return what the server says of those fields that it has and shows us: once per session, or freshly."""
        asked, told = self._told.get(model, (frozenset[str](), {}))
        if fresh or not asked.issuperset(names):
            asked = asked.union(names)
            told = self.call(model, "fields_get", {"allfields": sorted(asked), "attributes": FIELD_FACTS})
            if not isinstance(told, dict):
                raise SyncError("contract_changed", reason=errors.QUESTION, detail=f"fields_get of {model}")
            self._told[model] = (asked, told)
        return {name: told[name] for name in names if name in told}

    def all_fields(self, model: str) -> dict[str, dict[str, Any]]:
        """Return what the server says of every field of a model."""
        told: dict[str, dict[str, Any]] = self.call(
            model, "fields_get", {"allfields": [], "attributes": FIELD_FACTS}, companies=False
        )
        return told

    def user(self) -> dict[str, Any]:
        """Return the user's own name and companies, [id, name] each."""
        me = self._me(["name", "company_ids"])
        domain = [["id", "in", sorted(me["company_ids"])]]
        found = self.call("res.company", "search_read", {"domain": domain, "fields": ["name"]}, companies=False)
        return {"name": me["name"], "companies": sorted([row["id"], row["name"]] for row in found)}

    def company_domain(self, *, shared: bool) -> list[Any]:
        """Return the condition that a record belongs to a chosen company; shared: or to none."""
        return [["company_id", "in", [*self.companies, *([False] if shared else [])]]]

    @property
    def protocol(self) -> str:
        return "JSON-2" if isinstance(self._transport, Json2) else "JSON-RPC"

    def _choose_transport(self) -> Transport:
        database, by_key = self.config["database"], self.config.get("auth") == "api_key"
        secret = self._secrets.get("api_key" if by_key else "password")
        if not secret:  # erased, because the address has changed since
            raise SyncError("config_invalid", field="api_key" if by_key else "password")
        if by_key and self.version.has_json2:
            return Json2(self.server, database, secret)
        if not self.version.has_jsonrpc:
            raise SyncError("config_invalid", field="auth", reason="api_key_needed")
        return JsonRpc(self.server, database, self.config["username"], secret)

    def _call(self, model: str, method: str, arguments: Arguments, context: Arguments, retry: Asked) -> Any:
        try:
            return self._transport.call(model, method, arguments, context, retry)
        except OdooError as error:
            if error.name not in (errors.MISSING, errors.SESSION_EXPIRED) or self._has_renewed:
                raise
        # The user was made anew, or a record went while it was read.
        self._has_renewed = True
        self.uid = self._transport.sign_in()
        return self._transport.call(model, method, arguments, context, retry)

    def _explained(self, error: OdooError, model: str, method: str) -> SyncError:
        """Return the failure of a call as one of its model: a module or right that is missing."""
        if method.startswith("_"):
            return SyncError("contract_changed", detail=error.detail, reason=errors.QUESTION)
        if error.name in (errors.USER_ERROR, errors.NOT_FOUND) and model in error.said and method not in error.said:
            module = MODULES.get(model, model)
            return SyncError("unavailable", detail=error.detail, reason="module", service=model, module=module)
        if error.name == errors.ACCESS_ERROR:
            return SyncError("unavailable", detail=error.detail, reason="right", service=model)
        return error

    def _me(self, fields: list[str]) -> dict[str, Any]:
        """Return the user's own record."""
        found = self.call("res.users", "read", {"ids": [self.uid], "fields": fields}, companies=False)
        if not isinstance(found, list) or not found or not isinstance(found[0].get("company_ids"), list):
            raise SyncError("contract_changed", path="res.users", expected="record", found=type(found).__name__)
        me: dict[str, Any] = found[0]
        return me

    def _chosen_companies(self) -> tuple[int, ...]:
        wanted: Sequence[str] = self.config.get("companies") or ()
        if not wanted or all(each.isdecimal() for each in wanted):
            own = {str(company): int(company) for company in self._me(["company_ids"])["company_ids"]}
        else:
            rows = self.user()["companies"]
            own = {key: company for company, name in rows for key in (str(company), name.strip().casefold())}
        chosen = set()
        for each in wanted or own:
            company = own.get(each.strip().casefold())
            if company is None:
                raise SyncError("config_invalid", field="companies", value=each)
            chosen.add(company)
        return tuple(sorted(chosen))


def server_address(url: str) -> str:
    """Return the address of the server itself, from what was copied from a browser. Raises SyncError."""
    return urls.checked_base(_PAGE.sub("", url.strip()))


def gap_seconds(config: Mapping[str, Any], base: str) -> float:
    """Return the seconds between two calls: as set, or what the server's kind tolerates."""
    gap = config.get("gap_seconds")
    if gap is not None:
        return float(gap)
    return ONLINE_GAP if urls.host(base).endswith(ONLINE) else 0.0
