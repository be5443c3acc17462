"""POST /jsonrpc: the services common, db and object, which answer 200 whatever happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connections.sandbox.odoo.access import User
from connections.sandbox.odoo.answers import HTML, Answer, incompatible, json_answer
from connections.sandbox.odoo.environment import Environment
from connections.sandbox.odoo.failures import (
    OdooError,
    access_denied,
    missing_record,
    named,
    no_such_database,
    rpc_error,
    user_error,
)
from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.methods import call_positional

if TYPE_CHECKING:
    from connections.sandbox.odoo.app import Odoo

PATH = "/jsonrpc"


def answer(odoo: Odoo, http_method: str, content_type: str, body: bytes) -> Answer:
    """Answer one request to /jsonrpc."""
    if http_method != "POST" or not content_type.startswith("application/json"):
        return incompatible(400, "Bad Request", "http", PATH, "json")
    try:
        asked = json.loads(body)
    except ValueError:
        return Answer(400, b"Invalid JSON data", HTML)
    envelope: Row = {"jsonrpc": "2.0", "id": asked.get("id")}
    try:
        params = asked.get("params") or {}
        result = dispatch(odoo, str(params.get("service")), str(params.get("method")), list(params.get("args") or ()))
    except Exception as error:  # noqa: BLE001 - a server answers whatever went wrong, by the name of its class
        return json_answer({**envelope, "error": rpc_error(named(error))})
    return json_answer(envelope if result is None else {**envelope, "result": result})


def dispatch(odoo: Odoo, service: str, method: str, args: list[Any]) -> Any:
    """Call a service's method; JSON-RPC and XML-RPC both lead here."""
    match service, method:
        case "common", "version":
            return odoo.version_info()
        case "common", ("login" | "authenticate"):
            odoo.fail_on_order(f"{PATH}/common/{method}")
            return sign_in(odoo, *args[:3])
        case "db", "list":
            if not odoo.listing:
                raise access_denied()
            return list(odoo.databases)
        case "db", "db_exist":
            return args[:1] and args[0] in odoo.databases
        case "object", ("execute_kw" | "execute"):
            if method == "execute":
                args = [*args[:5], list(args[5:]), {}]
            return execute(odoo, *args)
        case (("common" | "db" | "object"), _):
            raise OdooError("builtins.Exception", f"Method not found: {method}")
    raise OdooError("builtins.KeyError", str(service))


def sign_in(odoo: Odoo, database: str, login: str, secret: str) -> int | bool:
    """Return the user's id; false, not an error, for a wrong login or secret."""
    if database not in odoo.databases:
        raise no_such_database(database)
    user = next((user for user in odoo.users if user.login == login), None)
    return user.uid if user and user.accepts(secret) else False


def execute(
    odoo: Odoo, database: str, uid: int, secret: str, model: str, method: str, args: Any = (), kwargs: Row | None = None
) -> Any:
    """Check the caller, then call a model's method."""
    if database not in odoo.databases:
        raise no_such_database(database)
    user = known_user(odoo, uid)
    if not user.accepts(secret):
        raise access_denied()
    return call_model(odoo, user, model, method, args, kwargs)


def call_model(odoo: Odoo, user: User, model: str, method: str, args: Any, kwargs: Row | None) -> Any:
    """Call a model's method for a user who is known by now."""
    path = f"{PATH}/{model}/{method}"
    odoo.fail_on_order(path)
    if not odoo.store.has(model):
        raise user_error(f"Object {model} doesn't exist")
    given = dict(kwargs or {})
    environment = Environment.open(odoo.business, user, given.pop("context", None) or {}, model)
    odoo.store.uid = user.uid
    return odoo.disturb(path, call_positional(environment, model, method, list(args), given))


def known_user(odoo: Odoo, uid: int) -> User:
    user = next((user for user in odoo.users if user.uid == uid), None)
    if user is None:
        raise missing_record("res.users", uid, uid)
    return user
