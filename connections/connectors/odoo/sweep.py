"""Sweeps: which records exist. Odoo keeps no trace of what was deleted, so its ids are compared with ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connections.connectors.odoo.content import Content
from connections.connectors.odoo.pager import Pager, ids_of
from connections.connectors.odoo.services.declare import Domain, Record, Service
from connections.connectors.odoo.session import Session
from connections.connectors.odoo.windows import Window
from connections.sdk.declare import Page, Sweep, Within

EVERY_HOURS = 24


class Parts:
    """The parts of one sweep of a table, over the pages of a read."""

    def __init__(self, table: str, within: tuple[Within, ...]) -> None:
        self._table = table
        self._within = within
        self.has_begun = False

    def next(self, keys: Sequence[tuple[int]] = (), *, complete: bool = False) -> Sweep:
        """Return the part for the next page; the complete one says that all was read."""
        begins, self.has_begun = not self.has_begun, True
        return Sweep(self._table, keys, begins=begins, complete=complete, within=self._within)


def is_due(config: Mapping[str, Any], swept_at: datetime | None, now: datetime) -> bool:
    """Say whether the last sweep is as long ago as the settings allow."""
    hours = config.get("sweep_hours")
    return swept_at is None or now - swept_at >= timedelta(hours=float(EVERY_HOURS if hours is None else hours))


def of_window(service: Service, session: Session, content: Content, window: Window) -> Parts | None:
    """Return the sweep that a window's own pages make; None where it leaves out what did not change."""
    if not service.whole_window:
        return None
    within = Within(service.whole_window, at_least=window.start, below=window.end)
    return Parts(content.table.name, (*_of_companies(session, content), within))


def pages(session: Session, content: Content, pager: Pager, domain: Domain) -> Iterator[tuple[Page, bool]]:
    """Yield a sweep over all records of a service and their lines, each page with whether it is the last one."""
    parts = Parts(content.table.name, _of_companies(session, content))
    if content.inverse is None:
        for ids, is_last in pager.ids(content.source.model, domain):
            yield Page(sweep=_of_records(parts, ids, is_last)), is_last
        return
    inverse = content.inverse
    for records, is_last in pager.records(content.source.model, domain, lambda: [inverse]):
        ids = ids_of(records)
        if ids:
            yield Page(sweep=_of_lines(content, inverse, records, ids)), False
        yield Page(sweep=_of_records(parts, ids, is_last)), is_last


def _of_records(parts: Parts, ids: Sequence[int], is_last: bool) -> Sweep | None:
    """Return the part that these ids make; none of a sweep that meets nothing, since nothing follows from it."""
    return parts.next([(number,) for number in ids], complete=is_last) if ids or parts.has_begun else None


def _of_lines(content: Content, inverse: str, records: Sequence[Record], ids: Sequence[int]) -> Sweep:
    """Return a sweep of the lines of these records: one may go without its record changing."""
    items = content.stream.tables[1]
    keys = [(record["id"], line) for record in records for line in record.get(inverse) or ()]
    return Sweep(items.name, keys, begins=True, complete=True, within=(Within(items.parent_key[0], values=tuple(ids)),))


def _of_companies(session: Session, content: Content) -> tuple[Within, ...]:
    """Rows of companies that are no longer read are none of the sweep's business."""
    if not content.has_company:
        return ()
    return (Within("empresa_id", values=(*session.companies, *((None,) if content.source.shared else ()))),)
