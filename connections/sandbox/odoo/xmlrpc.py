"""POST /xmlrpc/2/<service>, the older way in: faults carry a number; /xmlrpc/<service> faults carry a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, dumps, loads

from connections.sandbox.odoo.answers import Answer
from connections.sandbox.odoo.failures import named
from connections.sandbox.odoo.jsonrpc import dispatch

if TYPE_CHECKING:
    from connections.sandbox.odoo.app import Odoo

PATHS = ("/xmlrpc/2/", "/xmlrpc/")
NUMBERS = {
    "odoo.exceptions.AccessDenied": 3,
    "odoo.exceptions.AccessError": 4,
    "odoo.exceptions.MissingError": 2,
    "odoo.exceptions.UserError": 2,
    "odoo.exceptions.ValidationError": 2,
}
TEXTS = {"odoo.exceptions.AccessDenied": "AccessDenied", "odoo.exceptions.AccessError": "AccessError"}


def answer(odoo: Odoo, path: str, body: bytes) -> Answer:
    """Answer one call, 200 whatever happens."""
    args, method = loads(body)
    modern = path.startswith(PATHS[0])
    try:
        result: Any = dispatch(odoo, path.rsplit("/", 1)[1], str(method), list(args))
        reply = dumps((False if result is None else result,), methodresponse=True)
    except Exception as error:  # noqa: BLE001 - a server answers whatever went wrong, by the name of its class
        failure = named(error)
        number = NUMBERS.get(failure.name, 1)
        text = failure.message if number > 1 else failure.data()["debug"]
        code: Any = number if modern else TEXTS.get(failure.name, f"warning -- {failure.name}")
        reply = dumps(Fault(code, text), methodresponse=True)
    return Answer(200, reply.encode(), "text/xml; charset=utf-8")
