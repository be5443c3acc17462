"""The address of the page of one row: its key is the last step of the path, as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.utils import quote, unquote
from django.urls import reverse

MARK = "_"  # before a part that is empty or only dots, which browsers take for a way up; quote() spells others "_5F"


def record_url(slug: str, stream: str, table: str, key: Sequence[Any]) -> str:
    """Return the address of the page of one row."""
    return reverse("record", args=[slug, stream, table, ",".join(map(_step, key))])


def key_parts(step: str) -> list[str]:
    """Return the parts of the key that the last step of an address spells."""
    return [part.removeprefix(MARK) if _is_marked(part) else unquote(part) for part in step.split(",")]


def _step(part: Any) -> str:
    text = quote(str(part))
    return text if text.strip(".") else MARK + text


def _is_marked(part: str) -> bool:
    return part.startswith(MARK) and not part.removeprefix(MARK).strip(".")
