"""`manage.py warehouse_migrate`: destination tables made in advance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import connection as database

from connections.connectors.etrac import EtracConnector
from connections.connectors.odoo import OdooConnector
from connections.defaults import fixed_streams
from connections.destination import table_name
from connections.models import Connection
from connections.services import streams_of, update_connection
from syncruns.engine.warehouse import warehouse
from tests.cli.conftest import Result

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_tables(transactional_db: None) -> None:
    """Remove destination tables that other tests left behind: they would stand already."""
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("DROP SCHEMA IF EXISTS rest, odoo, e_track CASCADE")
            return
        for name in database.introspection.table_names(cursor):
            if name.startswith(("rest_", "odoo_", "e_track_")):
                cursor.execute(f'DROP TABLE "{name}"')


def test_tables_of_every_connection_are_made_and_then_stand(command: Command, loja: Connection) -> None:
    made = command("warehouse_migrate", "--json").document
    assert made["errors"] == []
    assert {change["action"] for change in made["changes"]} == {"created"}
    declared = [table for selected in streams_of(loja) for table in selected.stream.tables]
    assert [change["table"] for change in made["changes"]] == [table_name("rest", table.name) for table in declared]
    assert [warehouse().count("rest", table, loja.pk) for table in declared] == [0] * len(declared)
    again = command("warehouse_migrate")
    assert (again.code, again.out) == (0, "Every table stands as it is declared.\n")


def test_table_that_lacks_a_column_is_widened(command: Command, loja: Connection) -> None:
    command("warehouse_migrate")
    streams = [dict(stream) for stream in loja.config["streams"]]
    streams[0]["columns"] = [
        *streams[0]["columns"],
        {"path": "barcode", "name": "barcode", "type": "text", "key": False},
    ]
    update_connection(loja, values={"streams": streams})
    widened = command("warehouse_migrate")
    assert widened.code == 0
    assert widened.out.endswith(": column barcode added\n")


def test_kind_without_a_connection_gets_its_tables_when_asked(command: Command, transactional_db: None) -> None:
    made = command("warehouse_migrate", "--kind", "odoo", "--json").document
    declared = [table.name for stream in fixed_streams(OdooConnector) for table in stream.tables]
    assert len(made["changes"]) == len(set(declared)) > 5
    assert command("warehouse_migrate", "--kind", "odoo").out == "Every table stands as it is declared.\n"


def test_table_that_cannot_be_made_to_fit_is_told_and_the_others_are_made(command: Command, loja: Connection) -> None:
    command("warehouse_migrate")
    streams = [dict(stream) for stream in loja.config["streams"]]
    columns = [dict(column) for column in streams[0]["columns"]]
    for column in columns:
        column["key"] = column["name"] == "name"
    streams[0]["columns"] = columns
    Connection.objects.filter(pk=loja.pk).update(config={**loja.config, "streams": streams})
    refused = command("warehouse_migrate", "--json")
    assert refused.code == 4
    assert [error["code"] for error in refused.document["errors"]] == ["key_changed"]


@pytest.mark.django_db
def test_unknown_kind_is_refused(command: Command) -> None:
    assert command("warehouse_migrate", "--kind", "nix").code == 2


def test_declared_index_is_made_with_its_table_and_in_one_that_stands_without(
    command: Command, transactional_db: None
) -> None:
    (position,) = (table for table in EtracConnector.streams({})[0].tables if table.name == "position")
    warehouse().prepare("e_track", [replace(position, indexes=())])
    assert indexes() == set()
    command("warehouse_migrate", "--kind", "etrac")
    assert indexes() == {"position_transmitted_at", "trip_started_at", "vehicle_tracker_serial"}
    again = command("warehouse_migrate", "--kind", "etrac")
    assert (again.code, again.out) == (0, "Every table stands as it is declared.\n")


def indexes() -> set[str]:
    """Return the indexes of the tables of eTrac, besides those of keys."""
    if database.vendor == "postgresql":
        sql = "SELECT indexname FROM pg_indexes WHERE schemaname = 'e_track' AND indexname NOT LIKE '%_pkey'"
    else:
        sql = "SELECT substr(name, 9) FROM sqlite_master WHERE type = 'index' AND name LIKE 'e_track_%'"
    with database.cursor() as cursor:
        cursor.execute(sql)
        return {row[0] for row in cursor.fetchall()}
