"""What the settings of a JSON API refuse, and where they say so."""

from __future__ import annotations

from typing import Any

import pytest

from connections.connectors import REGISTRY, connector_class
from connections.connectors.rest import RestConnector
from connections.sandbox.shop import sample_connection
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid, check_settings
from tests.connectors.apis import ID, column

PLAIN: dict[str, Any] = {"name": "things", "path": "things", "columns": [ID]}
VALUES: dict[str, Any] = {"base_url": "https://api.example.com/v1", "table_prefix": "shop", "streams": [PLAIN]}


def problems(**values: Any) -> list[tuple[str | int, ...]]:
    with pytest.raises(SettingsInvalid) as caught:
        check_settings(RestConnector.settings, {**VALUES, **values})
    for problem in caught.value.problems:
        assert problem.text % problem.params
    return [problem.path for problem in caught.value.problems]


def stream_problems(**values: Any) -> list[tuple[str | int, ...]]:
    return problems(streams=[{**PLAIN, **values}])


def test_simplest_api_needs_name_path_key_and_columns_only() -> None:
    checked = check_settings(RestConnector.settings, VALUES)
    (stream,) = RestConnector.streams(checked)
    assert (stream.key, stream.label, stream.changed_since) == ("things", "things", False)
    assert [(table.name, table.key) for table in stream.tables] == [("shop_things", ("id",))]


def test_personal_column_stays_so_in_the_tables_of_its_lists() -> None:
    columns = [{**column("cpf", key=True), "personal": "sim"}, column("id"), column("items[].sku")]
    checked = check_settings(RestConnector.settings, {**VALUES, "streams": [{**PLAIN, "columns": columns}]})
    assert checked["streams"][0]["columns"][1]["personal"] is False
    parent, child = RestConnector.streams(checked)[0].tables
    assert [one.name for one in parent.columns if one.personal] == ["cpf"]
    assert [one.name for one in child.columns if one.personal] == ["things_cpf"]
    assert parent.has_personal_key and child.has_personal_key


@pytest.mark.parametrize("wrong", [{"persnal": True}, {"personal": "perhaps"}, {"key": "perhaps"}])
def test_flag_of_a_column_that_is_unknown_or_no_flag_is_refused_where_it_stands(wrong: dict[str, Any]) -> None:
    assert stream_problems(columns=[{**ID, **wrong}])[0] == ("streams", 0, "columns", 0, *wrong)


def test_sample_connection_is_complete() -> None:
    definition = sample_connection("http://127.0.0.1:1")
    connector = connector_class(definition["kind"])
    checked = check_settings(connector.settings, definition["values"])
    assert [stream.key for stream in connector.streams(checked)] == ["products", "customers", "orders"]


@pytest.mark.parametrize(
    "address",
    ["api.example.com", "ftp://example.com", "https://", "https://ana:pw@example.com", "https://example.com?key=1"],
)
def test_base_address_must_be_plain(address: str) -> None:
    assert problems(base_url=address) == [("base_url",)]


@pytest.mark.parametrize("prefix", ["Shop", "1shop", "a-b", "a" * 31])
def test_table_prefix_must_be_a_name(prefix: str) -> None:
    assert problems(table_prefix=prefix) == [("table_prefix",)]


@pytest.mark.parametrize(
    "header",
    ["Authorization: Bearer x", "X-Api-Key: 1", "Cookie: a=b", "X-Auth-Token: 1", "Host: other", "no colon", "Ação: 1"],
)
def test_headers_that_belong_elsewhere_are_refused(header: str) -> None:
    assert problems(headers=["Accept-Language: pt-BR", header]) == [("headers",)]


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"auth": "basic"}, [("username",), ("password",)]),
        ({"auth": "bearer"}, [("token",)]),
        ({"auth": "query"}, [("api_key",)]),
        ({"auth": "bearer", "token": "téken"}, [("token",)]),
        ({"auth": "other"}, [("auth",)]),
        ({"requests_per_minute": "1.5"}, [("requests_per_minute",)]),
        ({"time_zone": "Mars/Phobos"}, [("time_zone",)]),
        ({"streams": []}, [("streams",)]),
    ],
)
def test_incomplete_settings_are_refused(values: dict[str, Any], missing: list[tuple[str]]) -> None:
    assert problems(**values) == missing


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"name": "Things"}, "name"),
        ({"path": "https://other.example.com/things"}, "path"),
        ({"path": "//other.example.com"}, "path"),
        ({"records": "a..b"}, "records"),
        ({"pagination": "cursor"}, "next_cursor"),
        ({"pagination": "next_link"}, "next_link"),
        ({"columns": []}, "columns"),
        ({"columns": [column("id")]}, "columns"),
        ({"columns": [column("items[].id", key=True)]}, "columns"),
    ],
)
def test_stream_says_which_field_is_wrong(values: dict[str, Any], where: str) -> None:
    assert stream_problems(**values) == [("streams", 0, where)]


def test_incremental_stream_needs_parameter_and_field() -> None:
    assert stream_problems(incremental=True) == [("streams", 0, "since_parameter"), ("streams", 0, "change_field")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (column("a[].b[].c", name="c"), "path"),
        (column("a..b", name="c"), "path"),
        (column("[].b", name="c"), "path"),
        (column("items[].x", name="things_id"), "name"),
        (column("items[].x", name="position"), "name"),
    ],
)
def test_column_says_which_part_is_wrong(wrong: dict[str, Any], field: str) -> None:
    assert stream_problems(columns=[ID, wrong]) == [("streams", 0, "columns", 1, field)]


def test_two_streams_cannot_share_a_table() -> None:
    items = {**PLAIN, "name": "orders", "columns": [ID, column("items[].sku")]}
    assert problems(streams=[items, {**PLAIN, "name": "orders_items"}]) == [("streams", 1, "name")]
    assert problems(streams=[PLAIN, PLAIN]) == [("streams", 1, "name")]


def test_streams_of_a_config_that_was_not_checked_raise_config_invalid() -> None:
    with pytest.raises(SyncError) as caught:
        RestConnector.streams({**VALUES, "streams": [{**PLAIN, "columns": [column("id")]}]})
    assert caught.value.code == "config_invalid"
    assert caught.value.params["path"] == ["streams", 0, "columns"]


def test_stream_without_columns_is_told_by_name() -> None:
    with pytest.raises(SyncError) as caught:
        RestConnector.streams({**VALUES, "streams": [{**PLAIN, "columns": []}]})
    params = caught.value.params
    assert (caught.value.code, params["reason"], params["stream"]) == ("config_invalid", "no_columns", "things")


def test_long_names_are_cut_without_meeting_each_other() -> None:
    columns = [ID, column(f"{'x' * 70}a[].v"), column(f"{'x' * 70}b[].v")]
    config = {**VALUES, "table_prefix": "p" * 30, "streams": [{**PLAIN, "name": "n" * 30, "columns": columns}]}
    (stream,) = RestConnector.streams(check_settings(RestConnector.settings, config))
    names = [table.name for table in stream.tables]
    assert len(set(names)) == 3
    assert max(map(len, names)) <= 63


def test_unknown_kind_is_a_wrong_setting() -> None:
    assert connector_class("rest") is RestConnector
    with pytest.raises(SyncError) as caught:
        connector_class("fax")
    assert (caught.value.code, caught.value.params["field"]) == ("config_invalid", "kind")


def test_kinds_are_unique() -> None:
    assert len({connector.kind for connector in REGISTRY}) == len(REGISTRY)
