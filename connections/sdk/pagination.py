"""Ways a source cuts a long list into pages, each as one small walker, and the guard against walking in circles.

A walker says what to ask first and, from what came, what to ask next; None ends the reading. Page numbers and
offsets end at an empty page (and, on wish, at a short one, or at the total the source gives); cursors and links
end when there is no next one, so that an empty page in the middle ends nothing.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from connections.sdk.errors import SyncError
from connections.sdk.http import Answer


@dataclass(frozen=True)
class Ask:
    """One request to make: params to add to the stream's own; or a full url that already holds all of them."""

    params: Mapping[str, str | int] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True)
class Got:
    """What came: the answer, its document, and the records found in it."""

    answer: Answer
    document: Any
    records: Sequence[Any]


class LoopGuard:
    """Notices when a source sends its reader back to where he was."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def see(self, token: object) -> None:
        """Remember token. Raises SyncError pagination_loop when it was seen before."""
        text = str(token)
        if text in self._seen:
            raise SyncError("pagination_loop")
        self._seen.add(text)


class Walker(ABC):
    """One way of paging; it keeps no state of its own."""

    @abstractmethod
    def first(self) -> Ask:
        """Return the first request."""

    @abstractmethod
    def next(self, ask: Ask, got: Got, read: int) -> Ask | None:
        """Return the request after ask, which brought got; read: records so far, got's included."""


def walk(walker: Walker, fetch: Callable[[Ask], Got]) -> Iterator[Got]:
    """Yield every page. Raises SyncError pagination_loop when a request, or a page of records, comes back at once.

    A page equal to the one before means that the source does not know the parameter: it would go on for ever.
    """
    guard = LoopGuard()
    ask: Ask | None = walker.first()
    read = 0
    previous: Sequence[Any] = ()
    while ask is not None:
        guard.see(ask.url or sorted(ask.params.items()))
        got = fetch(ask)
        if got.records and got.records == previous:
            raise SyncError("pagination_loop")
        previous = got.records
        read += len(got.records)
        yield got
        ask = walker.next(ask, got, read)


@dataclass(frozen=True)
class SinglePage(Walker):
    """Everything comes at once."""

    def first(self) -> Ask:
        return Ask()

    def next(self, ask: Ask, got: Got, read: int) -> Ask | None:
        return None


@dataclass(frozen=True)
class PageNumber(Walker):
    """page=1, page=2 ... size and size_parameter: how many to ask for, if the source wants to be told.

    total_path: where the document says how many records there are in all; pages_path: how many pages.
    ends_at_short_page needs size, and a source that never gives fewer than asked for.
    """

    parameter: str = "page"
    start: int = 1
    size_parameter: str = ""
    size: int | None = None
    total_path: str = ""
    ends_at_short_page: bool = False
    pages_path: str = ""

    def first(self) -> Ask:
        return Ask({self.parameter: self.start, **_size(self.size_parameter, self.size)})

    def next(self, ask: Ask, got: Got, read: int) -> Ask | None:
        if _is_last(got, read, self.total_path, self.size if self.ends_at_short_page else None):
            return None
        following = int(ask.params[self.parameter]) + 1
        pages = _whole(dig(got.document, self.pages_path)) if self.pages_path else None
        if pages is not None and following >= self.start + pages:
            return None
        return Ask({**ask.params, self.parameter: following})


@dataclass(frozen=True)
class Offset(Walker):
    """offset=0, offset=100 ... counted by what came, since a source may give fewer than asked for.

    total_path and ends_at_short_page as in PageNumber.
    """

    parameter: str = "offset"
    size_parameter: str = "limit"
    size: int | None = None
    total_path: str = ""
    ends_at_short_page: bool = False

    def first(self) -> Ask:
        return Ask({self.parameter: 0, **_size(self.size_parameter, self.size)})

    def next(self, ask: Ask, got: Got, read: int) -> Ask | None:
        if _is_last(got, read, self.total_path, self.size if self.ends_at_short_page else None):
            return None
        return Ask({**ask.params, self.parameter: read})


@dataclass(frozen=True)
class Cursor(Walker):
    """The document holds a token at path, to be sent back as parameter."""

    path: str
    parameter: str
    size_parameter: str = ""
    size: int | None = None

    def first(self) -> Ask:
        return Ask(_size(self.size_parameter, self.size))

    def next(self, ask: Ask, got: Got, read: int) -> Ask | None:
        token = _token(got, self.path)
        return Ask({**ask.params, self.parameter: token}) if token else None


@dataclass(frozen=True)
class NextLink(Walker):
    """The document holds the address of the next page at path, full or relative."""

    path: str
    size_parameter: str = ""
    size: int | None = None

    def first(self) -> Ask:
        return Ask(_size(self.size_parameter, self.size))

    def next(self, ask: Ask, got: Got, read: int) -> Ask | None:
        link = _token(got, self.path)
        return Ask(url=_full(got, str(link))) if link else None


@dataclass(frozen=True)
class LinkHeader(Walker):
    """The answer's Link header names the next page with rel="next" (RFC 8288)."""

    size_parameter: str = ""
    size: int | None = None

    def first(self) -> Ask:
        return Ask(_size(self.size_parameter, self.size))

    def next(self, ask: Ask, got: Got, read: int) -> Ask | None:
        link = link_to("next", got.answer.headers.get("Link", ""))
        return Ask(url=_full(got, link)) if link else None


LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s";,]*))?)*)')
RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))', re.IGNORECASE)


def link_to(relation: str, header: str) -> str | None:
    """Return the target of the first link of a Link header with this relation, None when there is none."""
    for target, parameters in LINK.findall(header):
        found = RELATION.search(parameters)
        if found and relation in (found[1] or found[2] or "").lower().split():
            return str(target).strip()
    return None


def dig(document: Any, path: str) -> Any:
    """Return what is at a dotted path ("meta.next", "results.0"), None when nothing is; "" is the document.

    A name that itself has dots ("@odata.nextLink") is found too.
    """
    if not path:
        return document
    head, _, rest = path.partition(".")
    if isinstance(document, Mapping):
        return document[path] if path in document else dig(document.get(head), rest)
    if isinstance(document, list) and head.isdecimal() and int(head) < len(document):
        return dig(document[int(head)], rest)
    return None


def _size(parameter: str, size: int | None) -> dict[str, str | int]:
    return {parameter: size} if parameter and size is not None else {}


def _is_last(got: Got, read: int, total_path: str, full_size: int | None) -> bool:
    total = _whole(dig(got.document, total_path)) if total_path else None
    if total is not None:
        if read < total and not got.records:
            raise SyncError("bad_response", reason="empty_page", read=read, total=total)
        if total < len(got.records):  # some other number: believing it would leave records unread, silently
            raise SyncError("contract_changed", path=total_path, expected="total", found=str(total))
        return read >= total
    return not got.records or (full_size is not None and len(got.records) < full_size)


def _token(got: Got, path: str) -> str | int | None:
    """Return the text or number at path; nothing, "", 0 and false mean that there is no next page."""
    token = dig(got.document, path)
    if not token:
        return None
    if not isinstance(token, str | int) or token is True:
        raise SyncError("bad_response", reason="cursor")
    return token


def _full(got: Got, link: str) -> str:
    try:
        return urljoin(got.answer.url, link)
    except ValueError:
        raise SyncError("bad_response", reason="cursor") from None


def _whole(value: Any) -> int | None:
    """Return a count as a source may write it, None when it is none."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
