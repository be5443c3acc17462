"""Reads the records of a model page by page, in the order of their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from connections.connectors.odoo.errors import VALUE_ERROR, OdooError, is_heavy, is_light
from connections.connectors.odoo.services.declare import Domain
from connections.connectors.odoo.session import Session
from connections.sdk.context import Context
from connections.sdk.errors import SyncError

PAGE = 1000  # larger ones are hardly faster
IDS = 5000  # of a page of bare ids
SMALLEST = 100


class Pager:
    """A page that is too heavy for the server is asked for again with half its size, and so are those after it.

    mend: called when the server no longer knows a field; says whether asking again may help.
    """

    def __init__(self, session: Session, context: Context, mend: Callable[[], bool]) -> None:
        self._session = session
        self._context = context
        self._mend = mend
        self._sizes: dict[tuple[str, str], int] = {}

    def records(self, model: str, domain: Domain, fields: Callable[[], list[str]], after: int = 0) -> Pages:
        """Yield pages of the records with an id over `after`, each with whether it is the last one.

        fields is called for each page, since the server may lose one meanwhile.
        """
        return self._pages(model, "search_read", domain, after, lambda: {"fields": fields()}, _id_of)

    def ids(self, model: str, domain: Domain) -> Pages:
        """Yield pages of bare ids, each with whether it is the last one."""
        return self._pages(model, "search", domain, 0, dict, _same)

    def _pages(
        self,
        model: str,
        method: str,
        domain: Domain,
        after: int,
        more: Callable[[], dict[str, Any]],
        id_of: Callable[[Any], int | None],
    ) -> Pages:
        while True:
            here = [*domain, ["id", ">", after]] if after else domain
            page, size = self._page(model, method, here, more)
            ids = [number for record in page if (number := id_of(record)) is not None]
            if ids and min(ids) <= after:
                raise SyncError("pagination_loop", detail=model)
            is_last = len(page) < size
            yield page, is_last
            if is_last:
                return
            if not ids:
                raise SyncError("contract_changed", path="id", expected="integer", found="nothing")
            after = max(ids)

    def _page(
        self, model: str, method: str, domain: Domain, more: Callable[[], dict[str, Any]]
    ) -> tuple[list[Any], int]:
        """Return a page and the size that was asked for."""
        whole = IDS if method == "search" else self._context.options.page_size or PAGE
        while True:
            size = self._sizes.get((model, method), whole)
            smaller = max(size // 2, min(SMALLEST, whole))
            arguments = {"domain": domain, **more(), "limit": size, "order": "id asc"}
            try:
                # The same again would be as heavy: only what does not depend on the size is tried once more.
                retry = True if smaller == size else is_light
                page = self._session.call(model, method, arguments, retry=retry)
            except SyncError as error:
                if isinstance(error, OdooError) and error.name == VALUE_ERROR and self._mend():
                    continue
                if smaller == size or not is_heavy(error):
                    raise
                self._sizes[model, method] = smaller
                self._context.log("warning", "page_halved", model=model, size=smaller, code=error.code)
                continue
            if not isinstance(page, list):
                raise SyncError("contract_changed", path=model, expected="list", found=type(page).__name__)
            return page, size


Pages = Iterator[tuple[list[Any], bool]]


def ids_of(records: Sequence[Any]) -> list[int]:
    """Return the ids of records; one without an id is left for the engine to judge."""
    return [number for record in records if (number := _id_of(record)) is not None]


def _id_of(record: Any) -> int | None:
    return _same(record.get("id")) if isinstance(record, dict) else None


def _same(number: Any) -> int | None:
    return number if isinstance(number, int) and not isinstance(number, bool) else None
