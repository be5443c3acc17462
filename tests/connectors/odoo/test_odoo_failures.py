"""Every failure as it looks on the wire: the code it becomes, whether it is tried again, and what may be read of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connections.catalogue import explain
from connections.connectors.odoo.session import Session
from connections.connectors.odoo.version import Version
from connections.sdk.errors import SyncError
from tests.connectors.apis import QuickContext
from tests.connectors.odoo.reader import connector, read
from tests.connectors.odoo.recorded import Exchange, exchanges
from tests.sdk.source import Source, Step, reply, reset, running

CANARY = "canary-odoo-secret"
SIGNED_IN = 2
# A question of the same kind again would be as wrong: our defect, or one of the server's.
DEFECT = "contract_changed"

# Recorded failure -> code, reason. Those of a call are met by a call, those of signing in by signing in.
JSONRPC: dict[str, tuple[str, Any]] = {
    "login unknown database": ("config_invalid", None),
    "execute_kw wrong password": ("credentials_refused", None),
    "execute_kw wrong uid": ("server_error", None),
    "execute_kw unknown database": ("config_invalid", None),
    "unknown model": ("unavailable", "module"),
    "unknown method": (DEFECT, "question"),
    "private method": (DEFECT, "question"),
    "unknown field in fields": (DEFECT, "question"),
    "unknown field in domain": (DEFECT, "question"),
    "unknown field in order": (DEFECT, "question"),
    "malformed domain": (DEFECT, "question"),
    "bad operator": (DEFECT, "question"),
    "bad datetime": (DEFECT, "question"),
    "AccessError: model not allowed": ("unavailable", "right"),
    "AccessError: field restricted to a group": ("unavailable", "right"),
    "AccessError: purchase order not allowed": ("unavailable", "right"),
    "AccessError: company not allowed": ("unavailable", "right"),
    "write on a deleted id: MissingError": ("server_error", None),
    "UserError from business code (delete a posted invoice)": ("request_refused", None),
    "missing positional argument": (DEFECT, "question"),
    "unexpected keyword": (DEFECT, "question"),
    "unknown service": (DEFECT, "question"),
    "body is not JSON": ("request_refused", None),
    "content type is not JSON": ("request_refused", None),
    "GET on the endpoint": ("request_refused", None),
    "read_group on a field that is not stored": (DEFECT, "question"),
    "call_kw without a session": ("server_error", None),
    "authenticate wrong password": ("credentials_refused", None),
    "authenticate wrong database": ("unavailable", "right"),
    "web session wrong #1": ("credentials_refused", None),
    "web session wrong #11": ("credentials_refused", None),
    "web session right during the cooldown": ("credentials_refused", None),
}
JSON2: dict[str, tuple[str, Any]] = {
    "no Authorization header": ("credentials_refused", None),
    "wrong key": ("credentials_refused", None),
    "expired key": ("credentials_refused", None),
    "password as bearer": ("credentials_refused", None),
    "unknown database": ("config_invalid", None),
    "unknown model": ("unavailable", "module"),
    "unknown method": (DEFECT, "question"),
    "private method": (DEFECT, "question"),
    "missing argument": (DEFECT, "question"),
    "unexpected argument": (DEFECT, "question"),
    "positional arguments are not possible": (DEFECT, "question"),
    "ids on a model method": (DEFECT, "question"),
    "unknown field in fields": (DEFECT, "question"),
    "unknown field in domain": (DEFECT, "question"),
    "bad datetime": (DEFECT, "question"),
    "datetime with Z": (DEFECT, "question"),
    "access denied on the model": ("unavailable", "right"),
    "company not allowed": ("unavailable", "right"),
    "write on a deleted id": ("server_error", None),
    "business rule": ("request_refused", None),
    "body is not JSON": (DEFECT, "question"),
    "wrong content type": ("request_refused", None),
    "GET instead of POST": (DEFECT, "question"),
    "path without a method": (DEFECT, "question"),
}


def failed(exchange: Exchange) -> bool:
    body = exchange.response["body"]
    return exchange.response["status"] >= 400 or (isinstance(body, dict) and "error" in body)


def recorded(version: int) -> list[Exchange]:
    """Return the failures of JSON-RPC (17) or JSON-2 (19)."""
    return [each for each in exchanges(version) if failed(each) and "/xmlrpc" not in each.request["path"]]


def as_sent(exchange: Exchange) -> Step:
    """Send the recorded answer as it came, with a secret that a careless server might echo."""
    body = copy.deepcopy(exchange.response["body"])
    if isinstance(body, str):
        content = body.encode()
    else:
        told = body.get("error", body)
        told = told.get("data", told)
        told["debug"] = f'Traceback\n  File "/opt/odoo/http.py", line 1, in _serve\n{CANARY}'
        content = json.dumps(body).encode()
    kind = exchange.response["headers"]["Content-Type"]
    return reply(exchange.response["status"], content, Content_Type=kind)


def asked(exchange: Exchange) -> tuple[str, str]:
    """Return the model and method of the recorded question."""
    path, body = exchange.request["path"], exchange.request.get("body")
    if path.startswith("/json/2/"):
        model, _slash, method = path.removeprefix("/json/2/").partition("/")
        return model, method or "search_count"
    arguments = body["params"].get("args", []) if isinstance(body, dict) else []
    is_call = len(arguments) > 4 and isinstance(body, dict) and body["params"].get("method") == "execute_kw"
    return (arguments[3], arguments[4]) if is_call else ("res.partner", "search_count")


@pytest.fixture
def source() -> Iterator[Source]:
    with running() as each:
        yield each


@pytest.fixture
def session(source: Source) -> Iterator[Callable[..., Session]]:
    """Return a function that opens a session as if signed in, without asking the source."""
    opened: list[Session] = []

    def open_session(version: int, context: QuickContext | None = None, database: str = "no_such_db") -> Session:
        secret = {"password": CANARY} if version == 17 else {"api_key": CANARY}
        kind = connector(source.url, version=version, database=database, **secret)
        each = Session(kind.config, kind.secrets, context or QuickContext())
        opened.append(each)
        each.version, each.uid, each.companies = Version(version), SIGNED_IN, (1,)
        each._transport = each._choose_transport()
        return each

    yield open_session
    for each in opened:
        each.__exit__(None, None, None)


def ask(session: Session, model: str, method: str) -> SyncError:
    """Ask a question with the arguments that it takes, and return the failure."""
    arguments = {"ids": [], "fields": [], "domain": [], "allfields": [], "attributes": []}
    with pytest.raises(SyncError) as caught:
        session.call(model, method, arguments)
    return caught.value


@pytest.mark.parametrize("exchange", recorded(17), ids=lambda each: each.name)
def test_jsonrpc_failure_becomes_its_code_and_shows_nothing_of_the_server(
    source: Source, session: Callable[..., Session], exchange: Exchange
) -> None:
    check(source, session(17), exchange, JSONRPC)


@pytest.mark.parametrize("exchange", recorded(19), ids=lambda each: each.name)
def test_json2_failure_becomes_its_code_and_shows_nothing_of_the_server(
    source: Source, session: Callable[..., Session], exchange: Exchange
) -> None:
    check(source, session(19), exchange, JSON2)


def check(source: Source, session: Session, exchange: Exchange, expected: dict[str, tuple[str, Any]]) -> None:
    code, reason = expected[exchange.name]
    body = exchange.response["body"]
    name = body.get("error", {}).get("data", body).get("name", "") if isinstance(body, dict) else ""
    source.then(as_sent(exchange))
    if code == "server_error":  # the user may be another one now: signs in again and asks once more
        source.then(reply(200, {"jsonrpc": "2.0", "result": 2, "uid": 2}), as_sent(exchange))
    error = ask(session, *asked(exchange))
    assert (error.code, error.params.get("reason")) == (code, reason)
    assert code != DEFECT or name in error.detail
    everything = f"{error!r} {error} {error.detail} {error.params} {explain(error.code, error.params).sentence}"
    for forbidden in (CANARY, "Traceback", "/opt/", ".py", "\n", "5432", "127.0.0.1:", "SELECT"):
        assert forbidden not in everything, forbidden


# What real servers were not recorded with, or what stands before them


def rpc_error(name: str, message: str = "said") -> Step:
    return reply(200, {"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "data": {"name": name, "message": message}}})


HTML = b"<!doctype html><title>Sign in</title>"
COUNTED = reply(200, {"jsonrpc": "2.0", "id": 1, "result": 7})


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (rpc_error("psycopg2.errors.SerializationFailure"), "server_error"),
        (rpc_error("psycopg2.errors.LockNotAvailable"), "server_error"),
        (rpc_error("psycopg2.OperationalError", "sorry, too many clients already"), "server_error"),
        (rpc_error("psycopg2.OperationalError", 'too many connections for database "no_such_db"'), "server_error"),
        (rpc_error("some.addon.OwnError"), "server_error"),
        (reply(502, HTML, Content_Type="text/html"), "server_error"),
        (reply(503, HTML, Content_Type="text/html"), "server_error"),
        (reply(504, HTML, Content_Type="text/html"), "server_error"),
        (reply(429), "rate_limited"),
        (reply(200, HTML, Content_Type="text/html"), "bad_response"),
        (reply(200, b"<html>Em manuten\xc3\xa7\xc3\xa3o</html>", Content_Type="text/html"), "maintenance"),
        (reply(200, b""), "bad_response"),
        (reply(200, {"error": "something went wrong"}), "bad_response"),
        (reset, "connection_failed"),
    ],
)
def test_what_may_pass_is_tried_three_times(
    source: Source, session: Callable[..., Session], step: Step, code: str
) -> None:
    source.then(step, step, COUNTED)
    assert session(17).call("res.partner", "search_count", {"domain": []}) == 7
    source.then(step, step, step)
    assert ask(session(17), "res.partner", "search_count").code == code


@pytest.mark.parametrize("status", [301, 303])
def test_redirect_to_the_sign_in_page_is_not_followed(
    source: Source, session: Callable[..., Session], status: int
) -> None:
    source.then(reply(status, Location="/web/login"))
    error = ask(session(17), "res.partner", "search_count")
    assert (error.code, error.params["reason"]) == ("bad_response", "redirect")


def test_json2_failure_of_the_server_itself_is_tried_again(source: Source, session: Callable[..., Session]) -> None:
    busy = reply(500, {"name": "psycopg2.errors.SerializationFailure", "message": "busy", "debug": CANARY})
    source.then(busy, reply(200, 7))
    assert session(19).call("res.partner", "search_count", {"domain": []}) == 7


def test_user_made_anew_is_signed_in_again_once(source: Source, session: Callable[..., Session]) -> None:
    gone = rpc_error("odoo.exceptions.MissingError", "(Record: res.users(2,), User: 2)")
    source.then(gone, reply(200, {"jsonrpc": "2.0", "result": 9}), COUNTED)
    opened = session(17)
    assert opened.call("res.partner", "search_count", {"domain": []}) == 7
    assert opened.uid == 9
    assert json.loads(source.asked[2].body)["params"]["args"][1] == 9


@pytest.mark.parametrize("version", [17, 19])
def test_wrong_password_is_tried_once_and_never_again(source: Source, version: int) -> None:
    told = {"jsonrpc": "2.0", "id": 1, "result": {"server_version": f"{version}.0"}}
    refused = reply(200, {"jsonrpc": "2.0", "id": 2, "result": False}) if version == 17 else \
        reply(401, {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"})  # fmt: skip
    source.then(reply(200, told), refused)
    with pytest.raises(SyncError) as caught:
        read(connector(source.url, version=version), "carteira")
    assert caught.value.code == "credentials_refused"
    assert len(source.asked) == 2


def test_another_site_is_no_odoo(source: Source) -> None:
    source.then(reply(404, HTML), reply(200, {"version": "none"}))
    with pytest.raises(SyncError) as caught:
        read(connector(source.url), "carteira")
    assert (caught.value.code, caught.value.params["expected"]) == ("bad_response", "Odoo")


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ({"server_version": "17.0-20240709", "server_serie": "17.0"}, (17, 0)),
        ({"server_version": "saas~18.4+e"}, (18, 4)),
        ({"version": "19.0", "version_info": [19, 0]}, (19, 0)),
        ({"server_version": "14.0"}, (14, 0)),
    ],
)
def test_version_is_read_from_its_numbers(told: dict[str, Any], version: tuple[int, int]) -> None:
    assert Version.of(told) == Version(*version)
