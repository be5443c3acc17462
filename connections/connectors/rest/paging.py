"""Asks a stream's pages one after the other, in the style its settings name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connections.connectors.rest.paths import MISSING, find
from connections.connectors.rest.places import places
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient
from connections.sdk.pagination import (
    Ask,
    Cursor,
    Got,
    LinkHeader,
    NextLink,
    Offset,
    PageNumber,
    SinglePage,
    Walker,
    dig,
    walk,
)

Row = Mapping[str, Any]  # one entry of the `streams` setting


@dataclass(frozen=True)
class Source:
    """How a stream's records are asked for, with where they are in an answer."""

    path: str
    records: str
    total: str
    walker: Walker

    @classmethod
    def of(cls, row: Row, page_size: int | None = None) -> Source:
        """Read an entry of `streams`; page_size overrides its own."""
        return cls(str(row["path"]), row.get("records") or "", row.get("total") or "", _walker(row, page_size))

    def total_of(self, got: Got) -> int | None:
        """Return how many records the source says there are in all."""
        total = dig(got.document, self.total) if self.total else None
        return int(total) if isinstance(total, int | str) and str(total).isdecimal() else None

    def records_of(self, document: Any) -> list[Any]:
        """Return the list at the records path; a single object counts as a list of one, null as an empty one."""
        found = find(document, self.records)
        if found is MISSING:
            raise self._not_there("nothing", document)
        if found is None:
            return []
        if isinstance(found, Mapping):
            return [found]
        if not isinstance(found, list):
            raise self._not_there(type(found).__name__, document)
        return found

    def _not_there(self, found: str, document: Any) -> SyncError:
        others = places(document)
        place = others[0].path if others else ""
        reason = "elsewhere" if others else "bare" if isinstance(document, list) else "records"
        return SyncError(
            "contract_changed", path=self.records, expected="list", found=found, reason=reason, place=place
        )  # fmt: skip


class Reading:
    """One read of a source; params go with each request except those to links, which have them already.

    forward and backward raise SyncError, contract_changed where the records are not in their place.
    """

    def __init__(self, source: Source, client: HttpClient, params: Mapping[str, Any] | None = None) -> None:
        self._source = source
        self._client = client
        self._params = dict(params or {})
        self._asks: list[Ask] = []  # those that brought records
        self._last: Got | None = None

    def forward(self) -> Iterator[Got]:
        """Yield the pages from the first to the last."""
        return walk(self._source.walker, self._fetch)

    def backward(self) -> Iterator[Got]:
        """Yield the pages once more, the last one first."""
        for ask in reversed(self._asks[:]):
            yield self._fetch(ask)

    @property
    def may_have_slipped(self) -> bool:
        """Say whether records could move from a page to another one between two requests."""
        return isinstance(self._source.walker, PageNumber | Offset) and len(self._asks) > 1

    def _fetch(self, ask: Ask) -> Got:
        params = {**self._params, **ask.params} if ask.url is None else {}
        try:
            answer = self._client.get(ask.url or self._source.path, params=params)
        except SyncError as error:
            counted = isinstance(self._source.walker, PageNumber | Offset)
            if error.code != "not_found" or self._last is None or not counted:
                raise
            # Some frameworks answer 404 instead of an empty page once there are no more.
            return Got(self._last.answer, self._last.document, [])
        document = answer.json()
        self._last = Got(answer, document, self._source.records_of(document))
        if self._last.records:
            self._asks.append(ask)
        return self._last


def _walker(row: Row, page_size: int | None) -> Walker:
    size_parameter = row.get("size_parameter") or ""
    size = page_size or row.get("page_size")
    total = row.get("total") or ""
    match row.get("pagination"):
        case "page":
            first = row.get("first_page")
            return PageNumber(
                row.get("page_parameter") or "page", 1 if first is None else first, size_parameter, size, total,
                pages_path=row.get("page_count") or "",
            )  # fmt: skip
        case "offset":
            return Offset(row.get("offset_parameter") or "offset", size_parameter, size, total)
        case "cursor":
            return Cursor(row["next_cursor"], row.get("cursor_parameter") or "cursor", size_parameter, size)
        case "next_link":
            return NextLink(row["next_link"], size_parameter, size)
        case "link_header":
            return LinkHeader(size_parameter, size)
        case _:
            return SinglePage()
