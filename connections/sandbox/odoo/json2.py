"""POST /json/2/<model>/<method>, from 19 on: a bearer key, named arguments, real statuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from connections.sandbox.odoo.access import User
from connections.sandbox.odoo.answers import Answer, incompatible, json_answer, no_database
from connections.sandbox.odoo.environment import Environment
from connections.sandbox.odoo.failures import OdooError, named, not_found, unauthorized
from connections.sandbox.odoo.fields import Row
from connections.sandbox.odoo.methods import call_named

if TYPE_CHECKING:
    from connections.sandbox.odoo.app import Odoo

PATH = "/json/2"


def answer(
    odoo: Odoo, http_method: str, path: str, content_type: str, body: bytes, *, authorization: str, database: str
) -> Answer:
    """Answer one request below /json/2."""
    if not (database in odoo.databases or (not database and len(odoo.databases) == 1)):
        return no_database()
    parts = path.removeprefix(PATH).strip("/").split("/")
    try:
        if http_method != "POST" or len(parts) != 2:
            raise not_found("Did you mean POST /json/2/<model>/<method>?")
        if not content_type.startswith("application/json"):
            return incompatible(
                415, "Unsupported Media Type", "http", f"{PATH}/&lt;__model__&gt;/&lt;__method__&gt;", "json2"
            )
        user = bearer(odoo, authorization)
        given = _arguments(body)
        odoo.fail_on_order(path)
        return json_answer(odoo.disturb(path, _call(odoo, user, parts[0], parts[1], given)))
    except Exception as error:  # noqa: BLE001 - a server answers whatever went wrong, by the name of its class
        failure = named(error)
        headers = {"WWW-Authenticate": "Bearer "} if failure.status == 401 else {}
        return json_answer(failure.data(), failure.status, headers)


def _arguments(body: bytes) -> Row:
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise OdooError("werkzeug.exceptions.BadRequest", f"could not parse the body as json: {error}") from None
    return given if isinstance(given, dict) else {}


def bearer(odoo: Odoo, authorization: str) -> User:
    """Return the user of a bearer key; a password is none, an expired key looks like a wrong one."""
    scheme, _space, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise unauthorized("User not authenticated, use an API Key with a Bearer Authorization header.")
    user = next((user for user in odoo.users if key.strip() in user.keys), None)
    if user is None:
        raise unauthorized("Invalid apikey")
    return user


def _call(odoo: Odoo, user: User, model: str, method: str, given: Row) -> object:
    if not odoo.store.has(model):
        raise not_found(f"the model '{model}' does not exist")
    environment = Environment.open(odoo.business, user, given.pop("context", None) or {}, model)
    odoo.store.uid = user.uid
    return call_named(environment, model, method, given)
