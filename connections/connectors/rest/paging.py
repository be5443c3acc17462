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
    link_to,
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
    page_size: int | None = None  # as it is asked for

    @classmethod
    def of(cls, row: Row, page_size: int | None = None) -> Source:
        """Read an entry of `streams`; page_size overrides its own."""
        size = (page_size or row.get("page_size")) if row.get("size_parameter") else None
        return cls(str(row["path"]), row.get("records") or "", row.get("total") or "", _walker(row, page_size), size)

    def total_of(self, got: Got) -> int | None:
        """Return how many records the source says there are in all."""
        return _count(got.document, self.total)

    def pages_of(self, got: Got) -> int | None:
        """Return how many pages the source says there are, when reading goes by it."""
        return _count(got.document, self.walker.pages_path) if isinstance(self.walker, PageNumber) else None

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
        self._sizes: list[int] = []  # how many records each page of forward() brought
        self._totals: list[int] = []  # how many records the source said there were in all

    def forward(self) -> Iterator[Got]:
        """Yield the pages from the first to the last."""
        for got in walk(self._source.walker, self._fetch):
            self._sizes.append(len(got.records))
            total = self._source.total_of(got)
            self._totals += [total] if total is not None else []
            yield got

    def backward(self) -> Iterator[Got]:
        """Yield the pages once more, the last one first."""
        for ask in reversed(self._asks[:]):
            yield self._fetch(ask)

    @property
    def is_surely_complete(self) -> bool:
        """Say whether the answers show that forward() came to the end of the list, and not just to some end.

        Without a total or a number of pages, an empty page after a full one proves nothing: it may be a hole. A total
        that shrank while pages were counted means that records moved to pages already passed.
        """
        if self._last is None:
            return False
        filled = [size for size in self._sizes if size]
        if self._totals:
            is_steady = not self._is_counted or self._totals == sorted(self._totals)
            return is_steady and sum(filled) >= self._totals[-1]
        if (pages := self._source.pages_of(self._last)) is not None:
            return len(filled) >= pages
        if not filled:
            return True  # nothing at all: whoever compares with it knows what that is worth
        if self._sizes[-1]:
            is_single = isinstance(self._source.walker, SinglePage)
            return not (is_single and link_to("next", self._last.answer.headers.get("Link", "")))
        *before, last = filled
        return last < max(before, default=self._source.page_size or 0)

    @property
    def may_have_slipped(self) -> bool:
        """Say whether records could move from a page to another one between two requests."""
        return self._is_counted and len(self._asks) > 1

    @property
    def _is_counted(self) -> bool:
        return isinstance(self._source.walker, PageNumber | Offset)

    def _fetch(self, ask: Ask) -> Got:
        params = {**self._params, **ask.params} if ask.url is None else {}
        try:
            answer = self._client.get(ask.url or self._source.path, params=params)
        except SyncError as error:
            if error.code != "not_found" or self._last is None or not self._is_counted:
                raise
            # Some frameworks answer 404 instead of an empty page once there are no more.
            return Got(self._last.answer, self._last.document, [])
        document = answer.json()
        self._last = Got(answer, document, self._source.records_of(document))
        if self._last.records:
            self._asks.append(ask)
        return self._last


def _count(document: Any, path: str) -> int | None:
    found = dig(document, path) if path else None
    return int(found) if isinstance(found, int | str) and str(found).isdecimal() else None


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
