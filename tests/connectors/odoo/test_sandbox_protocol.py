"""The sandbox Odoo's ways in: who may, which failures it can play, and how quickly many rows go out."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connections.sandbox import SANDBOXES
from connections.sandbox.faults import parse
from connections.sandbox.odoo import Odoo, access
from connections.sandbox.server import Sandbox
from tests.connectors.odoo.calls import Clock, call, json2, post, service

EXPIRED = "sandbox-odoo-key-expired"


@pytest.fixture(scope="module")
def old() -> Iterator[Sandbox]:
    with Sandbox(Odoo(version=17, clock=Clock(), business=False)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def new() -> Iterator[Sandbox]:
    with Sandbox(Odoo(version=19, clock=Clock(), business=False)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("login", "secret", "answer"),
    [
        ("admin", access.PASSWORD, 2),
        ("admin", access.API_KEY, 2),
        ("admin", "not it", False),
        ("admin", EXPIRED, False),
        ("nobody", access.PASSWORD, False),
        ("seguro", access.PASSWORD, False),
        ("seguro", "sandbox-odoo-key-2fa", 10),
    ],
)
def test_a_wrong_secret_is_no_error_at_login(old: Sandbox, login: str, secret: str, answer: Any) -> None:
    assert service(old, "common", "login", "demo", login, secret) is answer or answer == service(
        old, "common", "authenticate", "demo", login, secret, {}
    )


def test_a_wrong_secret_is_one_at_a_call(old: Sandbox, new: Sandbox) -> None:
    assert call(old, "res.partner", "search_count", [], secret="not it") == "odoo.exceptions.AccessDenied"
    for key in ("not it", EXPIRED, access.PASSWORD):
        status, body = json2(new, "res.partner", "search_count", key=key, domain=[])
        assert (status, body["name"], body["message"]) == (401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")


def test_a_password_changed_while_someone_is_signed_in_is_refused_from_then_on() -> None:
    odoo = Odoo(clock=Clock(), business=False)
    with Sandbox(odoo) as sandbox:
        assert call(sandbox, "res.partner", "search_count", []) > 0
        odoo.users[0].password = "another"
        assert call(sandbox, "res.partner", "search_count", []) == "odoo.exceptions.AccessDenied"


def test_rights_differ_by_user(old: Sandbox) -> None:
    def may(uid: int, secret: str) -> set[str]:
        counts = {model: call(old, model, "search_count", [], uid=uid, secret=secret) for model in MODELS}
        return {model for model, count in counts.items() if count != "odoo.exceptions.AccessError"}

    assert may(2, access.API_KEY) == set(MODELS)
    assert may(8, access.API_KEY_LIMITED) == {"res.partner", "product.product"}
    assert may(9, access.API_KEY_STOCK) == set(MODELS) - {"account.move", "purchase.requisition"}


MODELS = ("res.partner", "product.product", "account.move", "sale.order", "purchase.order", "purchase.request",
          "purchase.requisition", "purchase.request.allocation", "stock.picking")  # fmt: skip


def test_a_user_sees_the_companies_asked_for_and_no_others(old: Sandbox) -> None:
    def companies(**named: Any) -> Any:
        found = call(old, "stock.picking.type", "search_read", [], ["company_id"], **named)
        return {row["company_id"][0] for row in found} if isinstance(found, list) else found

    assert companies() == {1, 2}
    assert companies(context={"allowed_company_ids": [2]}) == {2}
    assert companies(context={"allowed_company_ids": [3]}) == "odoo.exceptions.AccessError"
    assert companies(uid=9) == {1}
    assert [row["id"] for row in call(old, "res.company", "search_read", [], ["name"], uid=9)] == [1]


def test_the_older_version_has_neither_the_newer_protocol_nor_its_version_page(old: Sandbox) -> None:
    for path in ("/json/2/res.partner/search_count", "/web/version"):
        status, body = post(old, path, {})
        assert status == 404
        assert body.startswith("<!doctype html>")


def test_databases_may_be_hidden_and_unknown_ones_are_told_apart_by_protocol(new: Sandbox) -> None:
    assert service(new, "db", "list") == ["demo"]
    with Sandbox(Odoo(clock=Clock(), business=False, listing=False)) as hidden:
        assert service(hidden, "db", "list") == "odoo.exceptions.AccessDenied"
    assert service(new, "common", "login", "other", "admin", "x") == "psycopg2.OperationalError"
    status, body = json2(new, "res.partner", "search_count", database="other", domain=[])
    assert (status, "No database is selected" in body) == (404, True)


def test_errors_carry_the_tracebacks_that_nobody_should_be_shown(old: Sandbox) -> None:
    params = {"service": "object", "method": "execute_kw", "args": ["demo", 2, access.PASSWORD, "x", "search", [[]]]}
    _status, body = post(old, "/jsonrpc", {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params})
    assert "/opt/odoo/server/odoo/service/model.py" in body["error"]["data"]["debug"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("psycopg2.errors.SerializationFailure", 500),
        ("psycopg2.errors.LockNotAvailable", 500),
        ("odoo.exceptions.AccessError", 403),
        ("odoo.exceptions.ValidationError", 422),
        ("werkzeug.exceptions.Unauthorized", 401),
    ],
)
def test_any_of_odoos_errors_can_be_ordered_for_one_model(old: Sandbox, new: Sandbox, name: str, status: int) -> None:
    for sandbox, path in ((old, "/jsonrpc"), (new, "/json/2")):
        sandbox.faults.order(f"vendor-error:1,code={name},path={path}/stock.picking")
    assert call(old, "res.partner", "search_count", []) > 0
    assert [call(old, "stock.picking", "search_count", []) for _time in range(2)] == [name, 0]
    answers = [json2(new, "stock.picking", "search_count", domain=[]) for _time in range(2)]
    assert [(answers[0][0], answers[0][1]["name"]), answers[1]] == [(status, name), (200, 0)]


def test_a_vendor_error_has_to_say_which() -> None:
    with pytest.raises(ValueError, match="needs code=NAME"):
        parse("vendor-error:1")


def test_records_come_twice_without_id_or_not_at_all_on_demand(new: Sandbox) -> None:
    def ids() -> list[Any]:
        rows = json2(new, "res.partner", "search_read", domain=[], fields=["name"], order="id", limit=3)[1]
        return [row.get("id") for row in rows]

    new.faults.order("duplicate-ids:1;missing-id:1,after=1;empty-page:1,after=2,path=/json/2/res.partner")
    assert [ids() for _time in range(4)] == [[1, 1, 2, 4], [None, 2, 4], [], [1, 2, 4]]


def test_an_hour_passes_for_the_date_header_too() -> None:
    odoo = Odoo(clock=Clock(), business=False)
    with Sandbox(odoo) as sandbox:
        odoo.pass_time(timedelta(hours=1))
        connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=20)
        connection.request("GET", "/web/login")
        assert connection.getresponse().headers["Date"] == "Sun, 22 Nov 2026 14:10:00 GMT"
        connection.close()


@pytest.mark.parametrize("version", [17, 19])
def test_twenty_thousand_partners_are_read_in_pages_of_a_thousand_each_once(version: int) -> None:
    odoo = Odoo(version=version, clock=Clock(), business=False)
    made = odoo.bulk("res.partner", ({"name": f"Cliente {number}", "is_company": True} for number in range(20_000)))
    rows = odoo.rows("res.partner")
    assert len({rows[number]["write_date"] for number in made}) == 1
    window = [["write_date", ">=", "2026-11-22 13:00:00"], ["write_date", "<", "2026-11-22 13:10:01"]]

    found: list[int] = []
    with Sandbox(odoo) as sandbox:
        while True:
            domain = [*window, ["id", ">", found[-1] if found else 0]]
            page = call(
                sandbox, "res.partner", "search_read", domain, ["name", "write_date"], limit=1000, order="id asc"
            )
            found += [row["id"] for row in page]
            if len(page) < 1000:
                break
    assert found == made


@pytest.mark.parametrize(("kind", "version"), [("odoo", 17), ("odoo19", 19)])
def test_both_versions_are_sandboxes_of_their_own(kind: str, version: int) -> None:
    app = SANDBOXES[kind](1, 200.0)
    assert isinstance(app, Odoo)
    assert app.version == version
    assert app.sign_in == "database: demo  user: admin  password: sandbox-password  API key: sandbox-odoo-key"
