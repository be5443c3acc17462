"""Columns proposed for APIs never seen before, and what Test connection says about them."""

from __future__ import annotations

from typing import Any

import pytest

from connections.sdk.declare import Finding, Sample
from connections.sdk.errors import SyncError
from syncruns.engine.transform import to_rows
from tests.connectors.apis import ID, QuickContext, column, connector, read, serve

# A bare array, camelCase, UUIDs, deep objects, mixed values.
INVOICES = [
    {
        "invoiceUUID": f"6f1c{number}-41d0",
        "uuid": f"0b-{number}",
        "issuedAt": f"2026-11-0{number}T10:00:00-03:00",
        "dueDate": f"2026-12-0{number}",
        "grossTotal": 10 * number + 0.125,
        "isPaid": number % 2 == 0,
        "customer": {"displayName": "Inês", "fiscal": {"state": "SP"}},
        "note": None,
        "mixed": number if number > 1 else "x",
        "flag": True if number > 1 else "no",
        "tags": ["a"],
        "a.b": "dotted",
        "extra": {},
        "2fa": "y",
        "invoiceLines": [{"sku": "A", "qty": 1, "unit": {"price": 9.5}}, {"sku": "A", "qty": 2, "unit": {"price": 1}}],
    }
    for number in range(1, 4)
]

# Wrapped twice, accents, text numbers with commas, Brazilian dates, a code as the key.
PEDIDOS = {
    "retorno": {
        "registros": [
            {
                "Código": f"P-{number}", "Data de Emissão": "31/12/2026", "Atualizado Em": "31/12/2026 23:59:00",
                "Valor Líquido": "1.234,56", "CEP": "01310-100", "Situação": "", "Versão": "1.0",
                "Itens": [{"Sequência": line, "Descrição": "Tinta", "Preço": "19.90"} for line in (1, 2)],
            }
            for number in range(1, 4)
        ]
    },
    "total": 3,
}  # fmt: skip


def short(columns: list[dict[str, Any]]) -> dict[str, str]:
    return {
        found["path"]: f"{found['name']} {found['type']}"
        + (f"({found['precision']},{found['scale']})" if found["type"] == "decimal" else "")
        + (" key" if found["key"] else "")
        for found in columns
    }


def test_bare_array_of_camel_case_records_is_understood() -> None:
    with serve({"/invoices": lambda asked, environ: INVOICES}) as api:
        session = connector(api.url, {"name": "invoices"})
        columns = list(session.suggest("streams", 0, QuickContext()).columns)
        chosen = connector(api.url, {"name": "invoices", "columns": columns})
        typed = [to_rows(page, chosen.streams(chosen.config)[0]) for page in read(chosen)]
    assert short(columns) == {
        "invoiceUUID": "invoice_uuid text",
        "uuid": "uuid text key",
        "issuedAt": "issued_at timestamp",
        "dueDate": "due_date date",
        "grossTotal": "gross_total decimal(18,6)",
        "isPaid": "is_paid boolean",
        "customer.displayName": "customer_display_name text",
        "customer.fiscal": "customer_fiscal json",
        "note": "note text",
        "mixed": "mixed text",
        "flag": "flag json",
        "tags": "tags json",
        "a.b": "a_b text",
        "extra": "extra json",
        "2fa": "n2fa text",
        "invoiceLines[].sku": "sku text",
        "invoiceLines[].qty": "qty integer",
        "invoiceLines[].unit.price": "unit_price decimal(18,2)",
    }
    assert [page.rejects for page in typed] == [[], []]
    assert {name: len(found) for name, found in typed[0].rows.items()} == {
        "t_invoices": 3, "t_invoices_invoice_lines": 6,
    }  # fmt: skip


def test_wrapped_records_with_accents_and_commas_are_understood() -> None:
    with serve({"/pedidos": lambda asked, environ: PEDIDOS}) as api:
        stream = {"name": "pedidos", "records": "retorno.registros", "total": "total"}
        columns = list(connector(api.url, stream).suggest("streams", 0, QuickContext()).columns)
        session = connector(api.url, {**stream, "columns": columns}, time_zone="America/Sao_Paulo")
        page = read(session)[0]
        typed = to_rows(page, session.streams(session.config)[0])
        findings = list(session.test(QuickContext()))
    assert short(columns) == {
        "Código": "codigo text key",
        "Data de Emissão": "data_de_emissao date",
        "Atualizado Em": "atualizado_em timestamp",
        "Valor Líquido": "valor_liquido decimal(18,2)",
        "CEP": "cep text",
        "Situação": "situacao text",
        "Versão": "versao text",
        "Itens[].Sequência": "sequencia integer key",
        "Itens[].Descrição": "descricao text",
        "Itens[].Preço": "preco decimal(18,2)",
    }
    assert typed.rejects == []
    assert [(finding.label, finding.state) for finding in findings] == [
        ("Server", "ok"), ("Sign-in", "not_checked"), ("pedidos", "ok"),
    ]  # fmt: skip


def sample(body: Any, **stream: Any) -> Sample:
    with serve({"/things": lambda asked, environ: body}) as api:
        return connector(api.url, {"name": "things", "path": "things", **stream}).suggest("streams", 0, QuickContext())


def told(found: Sample) -> str:
    return " ".join(note.text % note.params for note in found.notes)


THING = {"id": 1, "cpf": "529.982.247-25"}


@pytest.mark.parametrize(
    ("body", "records", "place"),
    [
        ({"ok": True, "data": [THING]}, "", "data"),
        ({"code": 0, "msg": "ok", "data": {"page": {"total": 1}, "items": [THING]}}, "", "data.items"),
        ({"code": 0, "data": {"items": [THING]}}, "data", "data.items"),
        ({"retorno": {"status": "OK", "pagina": 1, "registros": {"thing": [THING]}}}, "", "retorno.registros.thing"),
        ({"id": "request-7", "result": {"facets": [{"n": 1}, {"n": 2}], "things": [THING]}}, "", "result.things"),
        ({"jsonrpc": "2.0", "id": 7, "result": {"items": [THING]}}, "", "result.items"),
        ({"errors": [{"code": 1}, {"code": 2}], "data": {"list": [THING]}}, "", "data.list"),
        ({"meta": {"links": [{"id": 1}]}, "a": {"b": {"c": {"d": [THING]}}}}, "", "a.b.c.d"),
    ],
)
def test_sample_finds_the_records_inside_an_envelope_and_says_where(body: Any, records: str, place: str) -> None:
    found = sample(body, records=records)
    assert short(list(found.columns)) == {"id": "id integer key", "cpf": "cpf text"}
    assert found.beside == {"records": place}
    assert f"“{place}”" in told(found)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"id": 7, "name": "x", "branches": [{"city": "A"}]}, "“branches”"),
        ({"numero": 7, "itens": [{"sku": "A"}]}, "“itens”"),
        ({"id": 7, "name": "x"}, ""),
    ],
)
def test_object_with_a_key_of_its_own_is_one_record(body: Any, hint: str) -> None:
    found = sample(body)
    assert not found.beside
    assert [column["name"] for column in found.columns if column["key"] and "[]" not in column["path"]] == [[*body][0]]
    assert hint in told(found)


def test_sample_names_the_other_lists_it_could_have_taken() -> None:
    found = sample({"data": {"left": [THING] * 3, "right": [THING]}})
    assert found.beside == {"records": "data.left"}
    assert "data.right" in told(found)


@pytest.mark.parametrize("body", [[], {"data": {"total": 0, "items": []}}])
def test_sample_without_records_says_so_and_proposes_nothing(body: Any) -> None:
    found = sample(body)
    assert not found.columns
    assert "no records" in told(found)


def test_sample_without_an_evident_key_asks_for_one() -> None:
    assert "mark the key" in told(sample([{"a": 1}, {"a": 1}]))


@pytest.mark.parametrize(
    ("body", "reason", "place"),
    [({"rows": [THING]}, "elsewhere", "rows"), ([THING], "bare", ""), ({"message": "no"}, "records", "")],
)
def test_wrong_path_is_refused_with_the_place_where_the_records_are(body: Any, reason: str, place: str) -> None:
    with pytest.raises(SyncError) as caught:
        sample(body, records="items")
    assert caught.value.code == "contract_changed"
    assert (caught.value.params["reason"], caught.value.params["place"]) == (reason, place)


def test_key_inside_an_object_around_each_record_is_found() -> None:
    edges = [{"node": {"id": n, "name": "x"}} for n in (1, 2)]
    found = sample({"data": {"things": {"edges": edges}}})
    assert found.beside == {"records": "data.things.edges"}
    assert short(list(found.columns)) == {"node.id": "node_id integer key", "node.name": "node_name text"}


def test_obviously_personal_columns_are_proposed_as_such() -> None:
    record = {
        "id": 1, "CPF": "x", "contact": {"e-mail": "x", "phones": [{"number": "1"}]}, "dataNascimento": "2000-01-01",
        "fullName": "x", "name": "x", "cnpj": "x", "subscription": 1, "rgb": "x",
    }  # fmt: skip
    columns = sample([record]).columns
    assert [column["name"] for column in columns if column["personal"]] == [
        "cpf", "contact_e_mail", "number", "data_nascimento", "full_name",
    ]  # fmt: skip


def test_key_is_not_proposed_where_it_repeats() -> None:
    with serve({"/things": lambda asked, environ: [{"id": 1}, {"id": 1}]}) as api:
        columns = connector(api.url, {"name": "things"}).suggest("streams", 0, QuickContext()).columns
    assert short(list(columns)) == {"id": "id integer"}


def test_names_are_unique_and_leave_room_for_the_parents_key() -> None:
    record = {"id": 1, "fooBar": 1, "foo_bar": 2, "x" * 80: 3, "lines": [{"position": 7, "ordersId": 1}]}
    with serve({"/orders": lambda asked, environ: [record]}) as api:
        columns = list(connector(api.url, {"name": "orders"}).suggest("streams", 0, QuickContext()).columns)
        session = connector(api.url, {"name": "orders", "columns": columns})
    assert [found["name"] for found in columns] == [
        "id", "foo_bar", "foo_bar_2", "x" * 60, "position_2", "orders_id_2",
    ]  # fmt: skip
    assert len(session.streams(session.config)[0].tables) == 2


def found(routes: dict[str, Any], *streams: dict[str, Any], faults: str = "", **values: Any) -> list[Finding]:
    with serve(routes) as api:
        api.faults.order(faults)
        return list(connector(api.url, *streams, **values).test(QuickContext()))


THINGS: dict[str, Any] = {"/things": lambda asked, environ: {"data": [{"id": 1}], "total": 5}}


@pytest.mark.parametrize(
    ("stream", "faults", "state", "text"),
    [
        ({"records": "data", "pagination": "page"}, "", "ok", "1 records on the first page"),
        ({"records": "items"}, "", "failed", "no records at “items” in the answer; there are some at “data”"),
        ({}, "", "failed", "seem to be at “data”"),
        ({"path": "nowhere", "records": "data"}, "", "failed", "nothing at this path (status 404)"),
        ({"records": "data"}, "html", "failed", "not JSON"),
        ({"records": "data"}, "truncate", "failed", "broke off"),
        ({"records": "data"}, "redirect", "failed", "sends requests on to another address"),
        ({"records": "data"}, "403", "failed", "may not read this (status 403)"),
        ({"records": "data", "columns": [ID, column("gone")]}, "", "warning", "none with: gone"),
        ({"records": "data", "columns": [column("code", key=True)]}, "", "failed", "none of the columns"),
        ({"records": "data", "columns": [ID, column("code", key=True)]}, "", "failed", "not all with a key"),
        ({"records": "data", "total": "total"}, "", "warning", "further pages"),
    ],
)
def test_connection_test_says_what_is_wrong_with_a_stream(
    stream: dict[str, Any], faults: str, state: str, text: str
) -> None:
    last = found(THINGS, {"name": "things", **stream}, faults=faults)[-1]
    assert (last.label, last.state) == ("things", state)
    assert text in last.text % last.params


def test_refused_credentials_end_the_test() -> None:
    findings = found(THINGS, {"name": "things"}, {"name": "others"}, faults="401", auth="bearer", token="t")
    assert [(finding.label, finding.state) for finding in findings] == [("Server", "ok"), ("Sign-in", "failed")]


def test_unreachable_server_is_raised() -> None:
    with serve(THINGS) as api:
        session = connector(api.url, {"name": "things"})
    with pytest.raises(SyncError) as caught:
        list(session.test(QuickContext()))
    assert caught.value.code == "connection_failed"
