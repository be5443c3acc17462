"""Dotted paths into a JSON document: where records, values and lists of items are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LIST = "[]"


class Missing:
    """What find returns where nothing is, not even null."""


MISSING = Missing()


def find(document: Any, path: str) -> Any:
    """Return what is at path ("customer.name"), or MISSING; "" is the document itself.

    A name that has dots of its own is found when it ends the path, as in pagination.dig.
    """
    if not path:
        return document
    if not isinstance(document, Mapping):
        return MISSING
    if path in document:
        return document[path]
    head, dot, rest = path.partition(".")
    return find(document[head], rest) if dot and head in document else MISSING


@dataclass(frozen=True)
class ColumnPath:
    """Where a column's value is: at path in the record, or at path in each item of the list at list_path."""

    path: str
    list_path: str = ""


def column_path(text: str) -> ColumnPath:
    """Read "customer.name", "items[].sku" or "tags[]" (each item itself). Raises ValueError for anything else."""
    before, marker, after = text.strip().partition(LIST)
    if not marker:
        return ColumnPath(_plain(before))
    if after and (not after.startswith(".") or LIST in after):
        raise ValueError(text)
    return ColumnPath(_plain(after[1:]) if after else "", _plain(before))


def _plain(path: str) -> str:
    if not all(part.strip() for part in path.split(".")):
        raise ValueError(path)
    return path
