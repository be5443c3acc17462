"""Whole HTTP answers of an Odoo server, the HTML pages among them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=False).encode(), headers=headers or {})


def html_answer(status: int, title: str, *paragraphs: str) -> Answer:
    """Return one of the plain pages that a server shows before Odoo itself has a say."""
    text = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
    return Answer(
        status,
        f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n{text}".encode(),
        HTML,
    )


def unknown_address() -> Answer:
    return html_answer(
        404, "Not Found",
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling and "
        "try again.",
    )  # fmt: skip


def no_database() -> Answer:
    return html_answer(
        404, "Not Found",
        "No database is selected and the requested URL was not found in the server-wide controllers.",
        "Please verify the hostname, <a href=/web/login>login</a> and try again.",
    )  # fmt: skip


def incompatible(status: int, title: str, given: str, path: str, wanted: str) -> Answer:
    said = (
        f"Request inferred type is compatible with [&#39;{given}&#39;] but &#39;{path}&#39; is type=&#39;{wanted}&#39;."
    )
    more = "<br><br>Please verify the Content-Type request header and try again." if status == 415 else ""
    return html_answer(status, title, said + more)


def redirect(to: str) -> Answer:
    return Answer(303, b"", HTML, {"Location": to})
