"""Where a row stands, and where a page of rows ended, as addresses say it: readable, or sealed when it is personal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from connections.sdk.declare import Key, Table
from connections.sdk.errors import SyncError
from connections.secrets import decrypt, encrypt
from syncruns.browser.tables import Browsed
from syncruns.engine.corrections import kept_value
from syncruns.engine.transform import typed_keys
from syncruns.engine.warehouse.browse import Position, StoredRow


def seal(order: str, position: Position) -> str:
    """Return a text from which only Sincro reads where a page ended, for the same order again."""
    return encrypt({"order": order, "position": json.dumps(position)})


def unseal(order: str, text: str) -> Position | None:
    """Return the position that was sealed; None for anything else."""
    sealed = _opened(text)
    if sealed.get("order") != order or "position" not in sealed:
        return None
    position: Position = json.loads(sealed["position"])
    return position


def row_url(browsed: Browsed, table: Table, row: StoredRow) -> str:
    """Return the address of a row's page."""
    values = dict(zip((column.name for column in table.columns), row.values, strict=True))
    return key_url(browsed, table, row.connection_id, [values[name] for name in table.key])


def key_url(browsed: Browsed, table: Table, connection_id: int, key: Sequence[Any]) -> str:
    """Return the address of the page of the row with a typed key."""
    return kept_key_url(browsed.schema, table, connection_id, [kept_value(part) for part in key])


def kept_key_url(schema: str, table: Table, connection_id: int, kept: Sequence[Any]) -> str:
    """Return the address of the page of the row with a key as it is kept in JSON."""
    text = str(kept[0]) if len(kept) == 1 else json.dumps(kept, ensure_ascii=False)
    if table.has_personal_key:
        text = encrypt({"key": json.dumps(kept)})
    query = urlencode({"of": connection_id, "key": text})
    return f"{reverse('data_row', args=[schema, table.name])}?{query}"


def asked_row(table: Table, given: Mapping[str, str], *, sees_key: bool) -> tuple[int, Key] | None:
    """Return connection id and typed key that an address names; a personal key only sealed, or to who sees it."""
    of, text = given.get("of", ""), given.get("key", "")
    if not (of.isascii() and of.isdecimal() and len(of) < 19) or not text:
        return None
    sealed = _opened(text)
    try:
        if "key" in sealed:
            parts = json.loads(sealed["key"])
        elif table.has_personal_key and not sees_key:
            return None  # or one could try keys out
        else:
            parts = [text] if len(table.key) == 1 else json.loads(text)
    except ValueError:
        return None
    if not isinstance(parts, list) or len(parts) != len(table.key):
        return None
    keys = typed_keys(table, [tuple(parts)])
    return (int(of), keys[0]) if keys else None


def _opened(text: str) -> dict[str, str]:
    try:
        return decrypt(text)
    except SyncError:
        return {}
