"""POST /xmlrpc/2/<service>, the older way in: faults carry a number; /xmlrpc/<service> faults carry a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, dumps, loads

from connections.sandbox.odoo.answers import Answer
from connections.sandbox.odoo.failures import OdooError
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
    except OdooError as error:
        number = NUMBERS.get(error.name, 1)
        text = error.message if number > 1 else error.data()["debug"]
        code: Any = number if modern else TEXTS.get(error.name, f"warning -- {error.name}")
        reply = dumps(Fault(code, text), methodresponse=True)
    return Answer(200, f"<?xml version='1.0'?>\n{reply}".encode(), "text/xml; charset=utf-8")
