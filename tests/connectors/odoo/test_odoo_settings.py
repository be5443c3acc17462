"""What a person may say of an Odoo, what the console makes of it, and what a test of the connection tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors import connector_class
from connections.connectors.odoo import OdooConnector
from connections.connectors.odoo.services import SERVICES
from connections.connectors.odoo.session import gap_seconds, server_address
from connections.connectors.odoo.values import decimal_reader, reader
from connections.sandbox.odoo import Odoo, access
from connections.sandbox.server import Sandbox
from connections.sdk.context import Rate
from connections.sdk.declare import Column, Finding
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid, check_settings
from tests.connectors.apis import QuickContext
from tests.connectors.odoo.reader import connector, read, rows, stream_of
from tests.connectors.odoo.replay import PASSWORD, Replay

VALUES = {"url": "https://rotasul.odoo.com", "database": "rotasul", "username": "sync@rotasul", "password": "x"}


@pytest.fixture(scope="module")
def odoo() -> Iterator[tuple[Odoo, str]]:
    server = Odoo(version=19, business=False)
    with Sandbox(server) as sandbox:
        yield server, sandbox.url


def problems(**values: Any) -> dict[str, str]:
    with pytest.raises(SettingsInvalid) as caught:
        check_settings(OdooConnector.settings, {**VALUES, **values})
    return {str(problem.path[0]): problem.text for problem in caught.value.problems}


def test_it_is_registered_and_its_streams_come_in_order_with_their_windows() -> None:
    assert connector_class("odoo") is OdooConnector
    streams = OdooConnector.streams(check_settings(OdooConnector.settings, VALUES))
    assert [(stream.key, stream.window_minutes, stream.default_enabled) for stream in streams] == [
        ("faturamento", 5760, True), ("carteira", 40, True), ("requisicoes", 90, True), ("pedidos_compra", 90, True),
        ("alocacoes", 90, True), ("entradas", 10080, True), ("parceiros", 90, False), ("produtos", 90, False),
    ]  # fmt: skip
    assert OdooConnector.default_schedule.every_minutes == 30


def test_names_of_the_older_system_give_the_defaults() -> None:
    streams = OdooConnector.streams(check_settings(OdooConnector.settings, VALUES))
    windows = {stream.window_env: stream.window_env_unit for stream in streams if stream.window_env}
    assert windows == {
        "STATUS_FATURAMENTO": "minutes", "JANELA_CARTEIRA": "minutes", "JANELA_REQUISICOES": "minutes",
        "JANELA_PEDIDOS": "minutes", "JANELA_ALOCACOES": "minutes", "DIAS_ENTRADAS": "days",
    }  # fmt: skip
    settings = {setting.env: setting.name for setting in OdooConnector.settings if setting.env}
    assert settings == {
        "ODOO_URL": "url", "ODOO_DB": "database", "ODOO_USERNAME": "username", "ODOO_PASSWORD": "password",
        "MAX_RETRIES": "max_retries", "RETRY_DELAY": "retry_delay",
    }  # fmt: skip
    assert OdooConnector.default_schedule.every_env == "SYNC_INTERVAL_MINUTES"


def test_every_line_table_belongs_to_its_record_and_every_table_has_its_own_columns() -> None:
    for service in SERVICES:
        assert service.table.columns[-1].name == "odoo_write_date"
        assert {source.model for source in service.sources}
        if service.items is not None:
            assert service.items.key == (*service.items.parent_key, "id")
        for source in service.sources:
            assert set(source.fields) <= {column.name for column in service.table.columns}


def test_names_of_people_are_personal() -> None:
    personal = {
        f"{table.name}.{column.name}"
        for stream in OdooConnector.streams(check_settings(OdooConnector.settings, VALUES))
        for table in stream.tables
        for column in table.columns
        if column.personal
    }
    assert {"carteira.vendedor_nome", "requisicao.solicitante_nome", "pedido_compra.comprador_nome", "parceiro.email",
            "parceiro.cpf_cnpj", "faturamento.cliente_nome", "entrada.fornecedor_nome"} <= personal  # fmt: skip


@pytest.mark.parametrize(
    "typed",
    ["https://rotasul.odoo.com", "https://rotasul.odoo.com/", "https://rotasul.odoo.com/web#action=menu&cids=1",
     "https://rotasul.odoo.com/odoo/sales/12?view=list", "https://rotasul.odoo.com/web/login"],
)  # fmt: skip
def test_address_may_be_copied_from_the_browser(typed: str) -> None:
    assert server_address(check_settings(OdooConnector.settings, {**VALUES, "url": typed})["url"]) == VALUES["url"]


@pytest.mark.parametrize(
    "wrong",
    [{"url": "rotasul.odoo.com"}, {"database": ""}, {"language": "português"}, {"auth": "api_key", "api_key": "chavé"},
     {"sweep_hours": 0}, {"api_key_ends": "soon", "auth": "api_key", "api_key": "k"}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    given = {name: value for name, value in VALUES.items() if name != "password" or "auth" not in wrong}
    with pytest.raises(SettingsInvalid) as caught:
        check_settings(OdooConnector.settings, {**given, **wrong})
    assert {problem.path[0] for problem in caught.value.problems} <= set(wrong)


def test_odoo_online_gets_a_second_between_calls_that_all_workers_share(odoo: tuple[Odoo, str]) -> None:
    assert gap_seconds({}, "https://rotasul.odoo.com") == 1
    assert gap_seconds({}, "https://odoo.rotasul.com.br") == 0
    assert gap_seconds({"gap_seconds": "0.5"}, "https://rotasul.odoo.com") == 0.5

    class Counting(QuickContext):
        def take_permit(self, rate: Rate) -> None:
            permits.append(rate)

    permits: list[Rate] = []
    read(connector(odoo[1], version=19, gap_seconds="0.5"), "carteira", context=Counting())
    assert set(permits) == {Rate("odoo 127.0.0.1", 1, 0.5)}
    assert len(permits) > 4


# Added fields


def extra(model: str, *columns: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [{"model": model, "columns": [{"path": path, "name": name, "type": kind} for path, name, kind in columns]}]


def test_added_fields_become_columns_of_their_own(odoo: tuple[Odoo, str]) -> None:
    server, url = odoo
    fields = extra(
        "sale.order",
        ("partner_id", "x_cliente", "text"), ("partner_id", "x_cliente_id", "integer"),
        ("locked", "x_travado", "boolean"), ("order_line", "x_linhas", "json"), ("no_such_field", "x_nada", "text"),
    )  # fmt: skip
    session = connector(url, version=19, extra_fields=fields)
    line = [0, 0, {"product_id": 1, "name": "a", "product_uom_qty": 1.0, "price_unit": 1.0}]
    number = server.create("sale.order", {"partner_id": 10, "company_id": 1, "order_line": [line, line]})
    context = QuickContext()
    row = next(row for row in rows(read(session, "carteira", context=context), "carteira") if row["id"] == number)
    name = server.rows("res.partner")[10]["name"]
    assert (row["x_cliente"], row["x_cliente_id"], row["x_travado"], len(row["x_linhas"])) == (name, 10, False, 2)
    assert [params["fields"] for _level, event, params in context.events if event == "fields_missing"] == [
        ["no_such_field"]
    ]  # fmt: skip
    assert stream_of(session, "carteira").table("carteira").column("x_linhas").type == "json"


@pytest.mark.parametrize(
    "rows_given",
    [
        extra("sale.order", ("x_a", "numero", "text")),
        extra("sale.order", ("x_a", "x_a", "text")) + extra("sale.order", ("x_b", "x_a", "text")),
        [{"model": "sale.order", "columns": [{"path": "x_a", "name": "x_a", "type": "text", "key": True}]}],
    ],
)
def test_column_name_that_is_taken_and_another_key_are_refused(rows_given: list[dict[str, Any]]) -> None:
    assert set(problems(extra_fields=rows_given)) == {"extra_fields"}


def test_sample_proposes_what_a_company_added_typed_as_odoo_has_it() -> None:
    told = {
        "name": {"type": "char"}, "x_studio_placa": {"type": "char"},
        "x_motorista_id": {"type": "many2one", "relation": "res.partner"},
        "l10n_br_peso": {"type": "float"}, "x_frete": {"type": "monetary"}, "x_foto": {"type": "binary"},
    }  # fmt: skip
    server = Replay(17)
    server.fields["account.move"] = told
    with Sandbox(server) as sandbox:
        session = connector(sandbox.url, password=PASSWORD, extra_fields=extra("account.move"))
        proposed = list(session.suggest("extra_fields", 0, QuickContext()).columns)
        server.fields["account.move"] = {"name": {"type": "char"}}
        nothing = session.suggest("extra_fields", 0, QuickContext())
    assert (nothing.columns, [note.state for note in nothing.notes]) == ([], ["warning"])
    assert [column["name"] for column in proposed if column["personal"]] == ["x_motorista_nome"]
    assert [(column["path"], column["name"], column["type"], column.get("scale")) for column in proposed] == [
        ("l10n_br_peso", "l10n_br_peso", "decimal", 6),
        ("x_frete", "x_frete", "decimal", 2),
        ("x_motorista_id", "x_motorista_id", "integer", None),
        ("x_motorista_id", "x_motorista_nome", "text", None),
        ("x_studio_placa", "x_studio_placa", "text", None),
    ]
    checked = check_settings(
        OdooConnector.settings, {**VALUES, "extra_fields": [{"model": "account.move", "columns": proposed}]}
    )
    assert OdooConnector.streams(checked)[0].table("faturamento").column("x_frete").scale == 2


# Values


@pytest.mark.parametrize(
    ("column", "odoo_type", "value", "expected"),
    [
        (Column("a"), "char", False, None),
        (Column("a", "boolean"), "boolean", False, False),
        (Column("a", "date"), "date", False, None),
        (Column("a", "date"), "datetime", "2026-11-22 23:30:00", "2026-11-22"),
        (Column("a", "timestamp"), "date", "2026-11-22", "2026-11-22 00:00:00"),
        (Column("a", "integer"), "many2one", [7, "Seven"], 7),
        (Column("a"), "many2one", [7, "Seven"], "Seven"),
        (Column("a"), "many2one", False, None),
        (Column("a", "integer"), "many2one", 7, 7),
        (Column("a", "json"), "many2many", [3, 1, 2], [1, 2, 3]),
        (Column("a"), "one2many", [3, 1], "[1, 3]"),
        (Column("a", "decimal", 18, 2), "monetary", Decimal("955.6500000000001"), Decimal("955.65")),
        (Column("a", "decimal", 20, 6), "float", Decimal("0.30000000000000004"), Decimal("0.300000")),
        (Column("a", "decimal", 18, 2), "monetary", False, None),
        (Column("a", "decimal", 18, 2), "monetary", 0, Decimal("0.00")),
        (Column("a", "integer"), "integer", 0, 0),
    ],
)
def test_value_is_read_by_its_odoo_type(column: Column, odoo_type: str, value: Any, expected: Any) -> None:
    found = reader(column, odoo_type)(value)
    assert (found, type(found)) == (expected, type(expected))


def test_number_is_rounded_half_up() -> None:
    assert decimal_reader(Column("a", "decimal", 18, 2))(Decimal("2.675")) == Decimal("2.68")


# Test connection


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.label: finding.state for finding in findings}


@pytest.mark.parametrize("version", [17, 19])
def test_connection_test_tells_server_user_companies_and_every_service(version: int) -> None:
    server = Odoo(version=version, business=False, lacking={"purchase_request", "purchase_requisition"})
    with Sandbox(server) as sandbox:
        findings = list(connector(sandbox.url, version=version).test(QuickContext()))
        server.pass_time(timedelta(minutes=5))
        clock = next(
            each for each in connector(sandbox.url, version=version).test(QuickContext()) if each.label == "Clock"
        )
    found = states(findings)
    told = {finding.label: finding.text % dict(finding.params) for finding in findings}
    assert f"Odoo {version}.0 answered" in told["Server"]
    assert told["Sign-in"].startswith(f"Helena Prado, database demo, over {'JSON-RPC' if version == 17 else 'JSON-2'}")
    assert told["Companies"] == "Rota Sul Transportes Ltda, Rota Sul Logística Ltda"
    assert (found["Clock"], clock.state) == ("ok", "warning")
    assert found["Purchase requests"] == "warning" and "purchase_request" in told["Purchase requests"]
    assert [label for label, state in found.items() if state != "ok"] == ["Purchase requests"]
    assert access.PASSWORD not in str(findings) and access.API_KEY not in str(findings)


def test_connection_test_warns_before_the_key_ends(odoo: tuple[Odoo, str]) -> None:
    context = QuickContext()
    soon = (context.now() + timedelta(days=5)).date().isoformat()
    findings = connector(odoo[1], version=19, api_key_ends=soon).test(context)
    assert any(finding.params.get("days") == 5 for finding in findings if finding.state == "warning")


def test_connection_test_tells_a_right_that_is_missing(odoo: tuple[Odoo, str]) -> None:
    findings = list(connector(odoo[1], version=19, api_key=access.API_KEY_LIMITED).test(QuickContext()))
    assert states(findings)["Invoicing"] == "warning"
    assert any(finding.params.get("service") == "account.move" for finding in findings)


def test_refused_sign_in_ends_the_test_after_one_try(odoo: tuple[Odoo, str]) -> None:
    with pytest.raises(SyncError) as caught:
        list(connector(odoo[1], version=19, api_key="wrong-key").test(QuickContext()))
    assert caught.value.code == "credentials_refused"


@pytest.mark.parametrize("version", [17, 19])
def test_server_offers_its_databases_and_the_user_s_companies(version: int) -> None:
    with Sandbox(Odoo(version=version, business=False, databases=("demo", "teste"))) as sandbox:
        session = connector(sandbox.url, version=version)
        assert session.offer("database", QuickContext()) == [("demo", "demo"), ("teste", "teste")]
        assert session.offer("companies", QuickContext()) == [
            ("1", "Rota Sul Transportes Ltda"), ("2", "Rota Sul Logística Ltda")
        ]  # fmt: skip
    with Sandbox(Odoo(version=version, business=False, listing=False)) as sandbox:
        assert connector(sandbox.url, version=version).offer("database", QuickContext()) == []
