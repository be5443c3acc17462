"""Keeps loaded rows of one kind: no change of a connection may mix two sources' rows, or make rows unfindable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.destination import table_name
from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.declare import Table, widest
from connections.sdk.settings import Invalid, Setting, SettingsInvalid
from connections.sdk.text import gettext_noop as _

OTHER_SOURCE = _("Rows were already loaded from here. Make it a new connection, or start over with the new source.")


class OtherSource(SettingsInvalid):
    """The settings name another source than the one whose rows are stored; a person must say what becomes of these."""


def other_identity(connection: Connection, connector: type[Connector], values: Mapping[str, Any]) -> list[Setting]:
    """Return the settings by which values name another source than the connection's own."""
    return [
        setting
        for setting in connector.settings
        if setting.identity and _named(setting, connection.config) != _named(setting, values)
    ]


def refuse_other_source(connection: Connection, connector: type[Connector], values: Mapping[str, Any]) -> None:
    """Raise OtherSource for changes that would mix two sources' rows; before anything asks for its secrets."""
    if changed := other_identity(connection, connector, values):
        raise OtherSource([Invalid((setting.name,), OTHER_SOURCE) for setting in changed])


def refuse_mixing(connection: Connection, connector: type[Connector], config: dict[str, Any]) -> None:
    """Raise SettingsInvalid for changes that loaded rows do not allow: of keys, or of types."""
    problems: list[Invalid] = []
    loaded = {table.name: table for part in connector.parts(connection.config) for table in part.tables}
    for number, stream in enumerate(connector.parts(config)):
        for table in stream.tables:
            if table.name in loaded:
                name = table_name(connector.schema, table.name)
                problems += _table_problems(loaded[table.name], table, name, ("streams", number, "columns"))
    if problems:
        raise SettingsInvalid(problems)


def _table_problems(loaded: Table, table: Table, name: str, path: tuple[str | int, ...]) -> list[Invalid]:
    """Return what of a table's new declaration rows that are there forbid: another key, types that do not hold both."""
    if table.key != loaded.key:
        text = _("The key of %(table)s cannot change once rows are loaded; give the stream another name.")
        return [Invalid(path, text, {"table": name})]
    before = {column.name: column for column in loaded.columns}
    text = _("The column %(column)s holds rows as %(type)s, which cannot become what is asked for.")
    return [
        Invalid(path, text, {"column": column.name, "type": before[column.name].type})
        for column in table.columns
        if column.name in before and widest(before[column.name], column) is None
    ]


def _named(setting: Setting, values: Mapping[str, Any]) -> str:
    """Return what values say of the source, spelled so that only what tells sources apart differs."""
    value = values.get(setting.name)
    text = "" if value is None else str(value).strip()
    text = text or ("" if setting.default is None else str(setting.default))
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}".lower() + f"{slash}{path}".rstrip("/")
