"""Reads one list page by page, and says whether it was surely read whole: only then may a lack mean a deletion."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.connectors.auvo.errors import other_service
from connections.connectors.auvo.session import Session, question
from connections.connectors.auvo.values import find, items
from connections.sdk.errors import SyncError
from connections.sdk.http import Answer
from connections.sdk.pagination import LoopGuard

PAGE_SIZE = 100  # the largest that is known to be kept to
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """One page. is_last: nothing follows; is_whole: then, that all there is was read. total: what Auvo counts."""

    records: Sequence[Record]
    is_last: bool = False
    is_whole: bool = False
    total: int | None = None


def batches(
    session: Session, path: str, filters: Mapping[str, Any], identify: Callable[[Record], Hashable], size: int
) -> Iterator[Batch]:
    """Yield the pages of a list, the last one marked; at least one.

    Auvo ends a list with a short page, an empty one, its own count, or 404, which it also says for a list that is
    empty, or does not exist: such an end proves nothing. Nor does an empty page where Auvo does not count.
    """
    size = min(max(size, 1), PAGE_SIZE)
    met: set[Hashable] = set()
    guard = LoopGuard()
    page = 1
    while True:
        answer = _page(session, path, filters, page, size)
        if answer is None:
            if page == 1:
                session.prove()
            yield Batch([], is_last=True)
            return
        records, total, kept_size = _content(answer, path, size)
        session.note_answer()
        keys = [identify(record) for record in records]
        if len(records) >= kept_size:
            guard.see(json.dumps(keys, default=str))
        met.update(keys)
        # More than was asked for: a list that is not cut into pages.
        is_last = page * kept_size >= total if total is not None else len(records) != kept_size
        is_whole = is_last and (bool(records) if total is None else len(met) >= total)
        yield Batch(records, is_last, is_whole, total)
        if is_last:
            return
        page += 1


def _page(session: Session, path: str, filters: Mapping[str, Any], page: int, size: int) -> Answer | None:
    """Return a page; None when Auvo says that there is none."""
    try:
        return session.get(path, question(filters, page, size))
    except SyncError as error:
        if error.code != "not_found":
            raise
    return None


def _content(answer: Answer, path: str, asked: int) -> tuple[list[Record], int | None, int]:
    """Return the records of an answer, how many there are in all, and how many a page holds."""
    document = answer.json()
    result = find(document, "result") if isinstance(document, dict) else None
    if result is None:
        raise other_service()
    listed = result if isinstance(result, list) else find(result, "entityList")
    if not isinstance(listed, list):
        raise SyncError("contract_changed", path=path.strip("/"), expected="entityList", found=type(listed).__name__)
    records: list[Record] = [entry for entry in items(listed) if isinstance(entry, dict)]
    paging = {} if isinstance(result, list) else find(result, "pagedSearchReturnData") or {}
    total, size = find(paging, "totalItems"), find(paging, "pageSize")
    if isinstance(result, list):  # never cut into pages
        return records, len(records), max(len(records), 1)
    kept = size if isinstance(size, int) and 0 < size < asked else asked
    return records, total if isinstance(total, int) else None, kept
