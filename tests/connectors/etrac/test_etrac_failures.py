"""Every failure of eTrac as it looks on the wire, the code it becomes, and whom it keeps from being read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connections.catalogue import explain
from connections.connectors.etrac.session import base_address
from connections.sandbox.etrac import Etrac
from connections.sandbox.server import Sandbox
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid
from tests.connectors.etrac.reader import NOW, At, connector, last_checkpoint, read, rows
from tests.sdk.source import Source, Step, reply, reset, running

CANARY = "canary-etrac-secret"
HTML = b"<!doctype html><title>Portal</title>"
HISTORY, TRIPS = "/monitoramento/ultimasposicoesterminal", "/monitoramento/resumoviagens"


@pytest.fixture
def source() -> Iterator[Source]:
    with running() as each:
        yield each


@pytest.fixture
def etrac() -> Etrac:
    return Etrac(seed=3, clock=lambda: NOW)


@pytest.fixture
def sandbox(etrac: Etrac) -> Iterator[Sandbox]:
    with Sandbox(etrac) as each:
        yield each


def erro(message: str, code: str, status: int = 200) -> Step:
    return reply(status, {"erro": message, "code_header": code})


@pytest.mark.parametrize(
    ("steps", "code", "reason"),
    [
        ([reply(401, {"erro": "Não autorizado"})], "credentials_refused", None),
        ([erro("Usuário ou chave inválidos", "401")], "credentials_refused", None),
        ([erro("Chave de API inválida", "")], "credentials_refused", None),
        ([reply(403, {"erro": "Proibido"})], "permission_denied", None),
        ([erro("Limite de requisições excedido", "429")] * 4, "rate_limited", None),
        ([reply(429, b"")] * 4, "rate_limited", None),
        ([erro("Erro interno", "500")] * 4, "server_error", None),
        ([reply(503, b"busy")] * 4, "server_error", None),
        ([erro("Parâmetro inválido", "400")], "request_refused", None),
        ([reply(400, {"erro": "Parâmetro inválido"})], "request_refused", None),
        ([reply(404, HTML)], "bad_response", "other_service"),
        ([reply(405, b"")], "bad_response", "other_service"),
        ([reply(200, [1])], "bad_response", "other_service"),
        ([reply(200, HTML)], "bad_response", "html"),
        ([reply(200, b"")], "bad_response", "empty"),
        ([reply(200, b"<br />Notice: Undefined index")], "bad_response", "not_json"),
        ([reply(200, {"data": []})], "contract_changed", None),  # rows under another name are none of ours
        ([reply(200, {"retorno": "nenhum"})], "contract_changed", None),
        ([reset] * 4, "connection_failed", "reset"),
        ([reply(302, b"", Location="http://example.com/")], "bad_response", "redirect"),
    ],
)
def test_failure_of_the_fleet_becomes_its_code(source: Source, steps: list[Step], code: str, reason: Any) -> None:
    source.then(*steps)
    with pytest.raises(SyncError) as caught:
        read(connector(source.url, api_key=CANARY), "positions")
    error = caught.value
    assert (error.code, error.params.get("reason")) == (code, reason)
    assert len(source.asked) == len(steps)
    assert {each.method for each in source.asked} == {"POST"}
    everything = f"{error} {error.detail} {error.params} {explain(error.code, error.params).sentence}"
    assert CANARY not in everything and "frota@example.com" not in everything


@pytest.mark.parametrize("fault", ["vendor-error,code=unknown-plate", "404", "error-body", "400"])
def test_day_that_one_vehicle_is_refused_is_noted_and_the_others_are_read(sandbox: Sandbox, fault: str) -> None:
    name, *options = fault.split(",")
    sandbox.faults.order(",".join([f"{name}:1", *options, f"path={HISTORY}", "after=1"]))
    context = At()
    pages = read(connector(sandbox.url), "positions", None, context)
    fetches = rows(pages, "position_fetch")
    assert sorted(row["status"] == "ok" for row in fetches) == [False] + [True] * 11
    assert [event for _level, event, _params in context.events].count("vehicle_day_failed") == 1
    assert "missed" not in last_checkpoint(pages)


@pytest.mark.parametrize("fault", ["500:4", "html:1", "truncate:4", "vendor-error:4,code=failure"])
def test_day_that_could_not_be_answered_is_asked_for_again_by_the_next_walk(sandbox: Sandbox, fault: str) -> None:
    sandbox.faults.order(f"{fault},path={TRIPS},after=1")
    session = connector(sandbox.url)
    first = read(session, "trips")
    state = last_checkpoint(first)
    assert [(plate, tries) for plate, _day, tries in state["missed"]] == [("BRA2E19", 1)]
    sandbox.faults.order("")
    later = NOW + timedelta(days=9)
    second = read(session, "trips", {**state, "walked_at": later.isoformat()}, At(later))
    held = {(row["plate_key"], row["day"].isoformat()) for row in rows(second, "trip_fetch") if row["status"] == "ok"}
    assert ("BRA2E19", state["missed"][0][1]) in held
    assert "missed" not in last_checkpoint(second)


def test_three_vehicles_in_a_row_that_fail_are_the_source_s_failure(sandbox: Sandbox) -> None:
    sandbox.faults.order(f"html,path={HISTORY},after=2")
    pages = []
    with pytest.raises(SyncError) as caught:
        session = connector(sandbox.url)
        for page in session.read(session.streams(session.config)[0], None, At()):
            pages.append(page)
    assert caught.value.code == "bad_response"
    assert last_checkpoint(pages)["walk"]["after"] == "GHI5J67"


def test_source_that_refuses_every_vehicle_moves_nothing(sandbox: Sandbox) -> None:
    sandbox.faults.order(f"vendor-error,code=unknown-plate,path={TRIPS}")
    session = connector(sandbox.url)
    pages = []
    with pytest.raises(SyncError) as caught:
        for page in session.read(session.streams(session.config)[1], None, At()):
            pages.append(page)
    assert (caught.value.code, caught.value.detail) == ("request_refused", "Veículo não encontrado")
    assert pages and not any(page.checkpoint for page in pages)


def test_range_with_a_day_that_could_not_be_answered_does_not_count_as_read(sandbox: Sandbox) -> None:
    sandbox.faults.order(f"500:4,path={TRIPS},after=1")
    span = {"since": NOW - timedelta(days=9), "until": NOW - timedelta(days=8)}
    with pytest.raises(SyncError):
        read(connector(sandbox.url), "trips", None, At(**span))


def test_refused_key_is_no_vehicle_s_failure(sandbox: Sandbox) -> None:
    sandbox.faults.order(f"401,path={TRIPS},after=1")
    with pytest.raises(SyncError) as caught:
        read(connector(sandbox.url), "trips")
    assert caught.value.code == "credentials_refused"


@pytest.mark.parametrize("empty", [{"retorno": None}, {"retorno": []}, {"retorno": {"data_inicio_conducao": ""}}])
def test_answer_of_one_object_or_of_none_is_read(source: Source, empty: dict[str, Any]) -> None:
    source.then(*[reply(200, empty)] * 2)
    pages = read(connector(source.url, plates=["ABC1D23"]), "trips")
    assert [row["rows"] for row in rows(pages, "trip_fetch")] == [len(empty["retorno"] or []) and 1] * 2


def test_calls_are_a_pause_apart(sandbox: Sandbox) -> None:
    context = At()
    read(connector(sandbox.url, pause_seconds="0.5"), "trips", None, context)
    assert context.waited == [0.5] * (len(sandbox.requests) - 1)


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("http://api.etrac.com.br/monitoramento", "https://api.etrac.com.br/monitoramento"),
        ("http://api.etrac.com.br:80/monitoramento/", "https://api.etrac.com.br/monitoramento"),
        ("api.etrac.com.br/monitoramento", "https://api.etrac.com.br/monitoramento"),
        ("http://10.0.0.7:8080/x", "https://10.0.0.7:8080/x"),
        ("http://127.0.0.1:9000/monitoramento", "http://127.0.0.1:9000/monitoramento"),
        ("http://localhost:9000", "http://localhost:9000"),
        ("http://localhost.example.com", "https://localhost.example.com"),
    ],
)
def test_key_travels_in_clear_nowhere_but_on_this_machine(written: str, called: str) -> None:
    assert base_address(written) == called


@pytest.mark.parametrize(
    "values",
    [{"api_url": "ftp://x"}, {"api_key": ""}, {"email": ""}, {"email": "a:b"}, {"time_zone": "Mars/Olympus"},
     {"keep_positions_days": 0}, {"history_hours": "1.5"}, {"fleet_path": "a/b"}, {"pause_seconds": -1}],
)  # fmt: skip
def test_setting_that_cannot_be_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid):
        connector("http://127.0.0.1:1", **values)
