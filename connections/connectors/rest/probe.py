"""What Test connection finds out: does the API answer, are we let in, is each stream where and what it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connections.connectors.rest.paging import Reading, Source
from connections.connectors.rest.paths import MISSING, find
from connections.connectors.rest.places import inside
from connections.connectors.rest.shape import Shape, records_checked
from connections.sdk.declare import Finding
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient
from connections.sdk.pagination import Got, link_to
from connections.sdk.text import gettext_noop as _

SERVER, CREDENTIALS = _("Server"), _("Sign-in")
OF_STREAM = ("permission_denied", "not_found", "request_refused", "bad_response", "contract_changed", "server_error")

WHY = {
    "permission_denied": _("These credentials may not read this (status %(status)s)."),
    "not_found": _("There is nothing at this path (status %(status)s)."),
    "request_refused": _("The API refused the request (status %(status)s): check path and parameters."),
    "server_error": _("The API failed (status %(status)s)."),
    "bad_response": _("The answer is not JSON. The path may lead to a web page."),
    "contract_changed": _("There are no records at “%(path)s” in the answer."),
}


# The same by the error's reason, where it says more.
REASONS = {
    "truncated": _("The answer broke off before its end."),
    "too_large": _("The answer is too large. Choose how the API pages it, or smaller pages."),
    "redirect": _("The API sends requests on to another address, and credentials are not sent there."),
    "elsewhere": _("There are no records at “%(path)s” in the answer; there are some at “%(place)s”."),
    "bare": _("There are no records at “%(path)s”: the answer itself is the list. Leave that field empty."),
}


def findings(client: HttpClient, config: Mapping[str, Any], shapes: Sequence[Shape]) -> Iterator[Finding]:
    """Yield one Finding for the server, one for the credentials, one or more for each stream.

    Raises SyncError when the server cannot be reached at all.
    """
    met = False
    for row, shape in zip(config["streams"], shapes, strict=True):
        label = shape.stream.label
        try:
            got = next(Reading(Source.of(row), client).forward())
        except SyncError as error:
            if error.code == "credentials_refused":
                if not met:
                    yield Finding(SERVER, "ok", _("It answers."))
                yield Finding(CREDENTIALS, "failed", _("The API refused the credentials (status 401)."))
                return
            if error.code not in OF_STREAM:
                raise
            text = REASONS.get(error.params.get("reason", ""), WHY[error.code])
            yield Finding(label, "failed", text, {"status": "?", "path": "", **error.params})
            continue
        if not met:
            met = True
            milliseconds = round(got.answer.seconds * 1000)
            yield Finding(SERVER, "ok", _("It answered in %(milliseconds)s ms."), {"milliseconds": milliseconds})
            if config.get("auth") in (None, "", "none"):
                yield Finding(CREDENTIALS, "not_checked", _("None are set, and none were asked for."))
            else:
                yield Finding(CREDENTIALS, "ok", _("Accepted."))
        yield from _of_stream(row, shape, got)


def _of_stream(row: Mapping[str, Any], shape: Shape, got: Got) -> Iterator[Finding]:
    label = shape.stream.label
    try:
        records = list(records_checked(got.records))
    except SyncError:
        yield Finding(label, "failed", _("What is in the list is not records with named fields."))
        return
    params = {"count": len(records), "columns": ", ".join(_missing(shape, records)), "path": _elsewhere(row, got)}
    if not records:
        yield Finding(label, "warning", _("The answer is understood, but has no records to check the columns with."))
    elif params["path"] and not shape.knows(records[0]):
        yield Finding(label, "failed", _("The records seem to be at “%(path)s”, not where the settings say."), params)
    elif not shape.knows(records[0]):
        yield Finding(label, "failed", _("The records have none of the columns. The answer may be an error message."))
    elif any(None in shape.key_of(record) for record in records):
        yield Finding(label, "failed", _("%(count)s records on the first page, not all with a key."), params)
    elif params["columns"]:
        yield Finding(label, "warning", _("%(count)s records on the first page, none with: %(columns)s."), params)
    else:
        yield Finding(label, "ok", _("%(count)s records on the first page; key and all columns are there."), params)
    source = Source.of(row)
    total = source.total_of(got)
    if total is not None and total < len(records):
        text = _("“%(path)s” is %(total)s, fewer than the records on the first page: it is not the total.")
        yield Finding(label, "failed", text, {"path": source.total, "total": total})
    if _has_more(row, got):
        yield Finding(label, "warning", _("There seem to be further pages, which these settings would not read."))


def _elsewhere(row: Mapping[str, Any], got: Got) -> str:
    """Return where the records seem to be when they are not where the settings say, "" otherwise."""
    found = inside(got.document, row.get("records") or "", str(row["name"]))
    return found[0].path if found else ""


def _missing(shape: Shape, records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns of the main table that no record has."""
    return [
        field.column.name for field in shape.fields if all(find(record, field.path) is MISSING for record in records)
    ]


def _has_more(row: Mapping[str, Any], got: Got) -> bool:
    """Say whether the answer names more than one page to settings that read but one."""
    source = Source.of(row)
    total = source.total_of(got)
    if row.get("pagination") in (None, "none"):
        link = link_to("next", got.answer.headers.get("Link", ""))
        return bool(link) or (total is not None and total > len(got.records))
    if row.get("pagination") in ("cursor", "next_link") and row.get("size_parameter"):
        place = row.get("next_cursor") or row.get("next_link")
        is_full = len(got.records) >= int(row.get("page_size") or 0) > 0
        return is_full and find(got.document, str(place)) is MISSING
    return False
