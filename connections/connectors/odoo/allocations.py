"""Alocações: of each request line that anything happened to, the complete set of its allocations.

An allocation's quantities and state are worked out by Odoo when it is read, without a new change date, and it goes in
silence with its order. So what counts is a change of the allocation, of its order line or of its request line, and what
is read is the whole set of every request line concerned.
"""

from __future__ import annotations

from collections.abc import Iterator

from connections.connectors.odoo.pager import ids_of
from connections.connectors.odoo.reading import RECORDS_PER_PAGE, Part, Reading, Step
from connections.connectors.odoo.services.declare import WRITTEN
from connections.connectors.odoo.windows import Window
from connections.sdk.declare import Page

OWNER = "purchase_request_line_id"


class AllocationReading(Reading):
    """Reads whole sets. Nothing of this where stock moves stand in for allocations."""

    _done: set[int]  # request lines that this window's pages have brought

    def _parts(self) -> list[Part]:
        if OWNER not in self.source.moved_by:
            return super()._parts()
        self._done = set()
        return [self._of_changed_allocations, self._of_changed_request_lines]

    def _of_changed_allocations(self, window: Window, after: int) -> Iterator[Step]:
        domain = self.domain(*self._conditions(window))
        for records, _is_last in self.pager.records(self.source.model, domain, lambda: [OWNER], after):
            owners = [owner[0] for record in records if isinstance(owner := record.get(OWNER), list) and owner]
            yield from self._sets(owners, after, reached := max(ids_of(records), default=after))
            after = reached

    def _of_changed_request_lines(self, window: Window, after: int) -> Iterator[Step]:
        domain = [*self.session.company_domain(shared=False), *window.within(WRITTEN)]
        for records, _is_last in self.pager.records(self.service.sets_of, domain, lambda: ["id"], after):
            owners = ids_of(records)
            yield from self._sets(owners, after, reached := max(owners, default=after))
            after = reached

    def _sets(self, owners: list[int], before: int, reached: int) -> Iterator[Step]:
        """Yield the sets of request lines that this read has not brought yet; only the last page reaches so far."""
        fresh = [owner for owner in dict.fromkeys(owners) if owner not in self._done]
        self._done.update(fresh)
        for start in range(0, len(fresh), RECORDS_PER_PAGE):
            some = fresh[start : start + RECORDS_PER_PAGE]
            found = self.pager.records(self.source.model, [[OWNER, "in", some]], lambda: self.content.fields)
            rows = self.content.rows([record for page, _is_last in found for record in page], self.pager)
            is_last = start + RECORDS_PER_PAGE >= len(fresh)
            sets = {self.content.table.name: [(owner,) for owner in some]}
            yield Page(rows=rows, sets=sets), reached if is_last else before
