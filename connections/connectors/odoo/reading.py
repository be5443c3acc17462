"""One read of one service: its window page by page, records with all their lines, and now and then a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from connections.connectors.odoo import sweep, windows
from connections.connectors.odoo.content import Content, chosen_source
from connections.connectors.odoo.errors import is_light
from connections.connectors.odoo.pager import Pager, ids_of
from connections.connectors.odoo.progress import Place, Progress
from connections.connectors.odoo.services.declare import WRITTEN, Domain, Service
from connections.connectors.odoo.session import Session
from connections.connectors.odoo.windows import EARLIEST, Window
from connections.sdk.context import Context
from connections.sdk.declare import Page, Stream
from connections.sdk.errors import SyncError

RECORDS_PER_PAGE = 250  # loaded in one transaction, with their lines
Step = tuple[Page, int]  # a page, and the id of the last record read
Part = Callable[[Window, int], Iterator[Step]]  # of a window: its pages after a record


class Reading:
    """Reads a service through a session that is signed in."""

    def __init__(
        self, session: Session, service: Service, stream: Stream, progress: Progress, context: Context
    ) -> None:
        self.session = session
        self.service = service
        self.context = context
        self.source = chosen_source(session, service, progress.source)
        self.content = Content(session, self.source, stream)
        self.pager = Pager(session, context, self.content.refresh)
        self._progress = replace(progress, source=self.source.model if len(service.sources) > 1 else "")

    def pages(self) -> Iterator[Page]:
        """Yield everything a read brings: what was left of an interrupted window, the window up to now, a sweep."""
        self._warn()
        options = self.context.options
        if options.since is not None and options.until is not None:
            yield from self._window(Place(windows.window_between(options.since, options.until)))
            return
        is_asked_for = options.since is not None
        if self._progress.place is not None and not is_asked_for:
            yield from self._window(self._progress.place)
        window = self._next_window()
        if not self._progress.joins(window):  # between the two lies what nobody has read yet
            for page in self._window(Place(window)):
                yield replace(page, checkpoint=None)
            return
        yield from self._window(Place(window))
        now = self.session.clock.now()
        if not is_asked_for and sweep.is_due(self.session.config, self._progress.swept_at, now):
            self._progress = replace(self._progress, swept_at=now.replace(microsecond=0))
            for page, is_last in sweep.pages(self.session, self.content, self.pager, self.domain()):
                yield replace(page, checkpoint=self._progress.checkpoint() if is_last else None)

    def domain(self, *conditions: Domain) -> Domain:
        """Return the domain of the service's records that meet one of the conditions, if there are some."""
        scope = self.session.company_domain(shared=self.source.shared) if self.content.has_company else []
        return [*self.source.domain, *scope, *(windows.any_of(*conditions) if conditions else [])]

    # Windows

    def _next_window(self) -> Window:
        options, read_to = self.context.options, self._progress.to
        now = self.session.clock.now()
        if self.service.from_start and read_to is None:
            return Window(EARLIEST, windows.end_at(now))
        if options.since is not None:
            return windows.window_since(options.since, now)
        look_back = timedelta(minutes=options.window_minutes or self.service.window_minutes)
        return windows.next_window(now, look_back, read_to)

    def _window(self, place: Place) -> Iterator[Page]:
        """Yield the pages of a window from a place in it on, each with the checkpoint from which a read goes on."""
        window, is_resumed = place.window, bool(place.part or place.after)
        self.context.log(
            "info", "stream_window_resumed" if is_resumed else "stream_window",
            since=window.start.isoformat(), until=window.end.isoformat(),
        )  # fmt: skip
        # A window that was begun by another read is not answered whole by this one.
        parts = sweep.of_window(self.service, self.session, self.content, window) if not is_resumed else None
        for number, part in enumerate(self._parts()):
            if number < place.part:
                continue
            for page, after in part(window, place.after if number == place.part else 0):
                checkpoint = self._progress.at(Place(window, number, after)).checkpoint()
                yield replace(page, checkpoint=checkpoint, sweep=parts.next() if parts else None)
        self._progress = self._progress.read(window)
        yield Page(
            checkpoint=self._progress.checkpoint(),
            sweep=parts.next(complete=True) if parts and parts.has_begun else None,
        )

    def _parts(self) -> list[Part]:
        return [self._changed]

    def _conditions(self, window: Window) -> list[Domain]:
        """Return the conditions of which one makes a record part of the window."""
        source = self.source
        found = [window.within(source.window_on)]
        found += [window.within(f"{link}.{WRITTEN}") for link in source.moved_by]
        if source.lines is not None and source.lines.in_window:
            found.append(window.lines_within(source.lines.inverse, has_any=self.session.version.has_any))
        return found

    def _changed(self, window: Window, after: int) -> Iterator[Step]:
        """Yield the records of the window with their lines."""
        model, content = self.source.model, self.content
        domain = self.domain(*self._conditions(window))
        expected: int | None = None  # of the records, without their lines
        read = rows_read = 0
        for records, is_last in self.pager.records(model, domain, lambda: content.fields, after):
            if not read:
                expected = len(records) if is_last else self._count(domain, after)
            for start in range(0, len(records), RECORDS_PER_PAGE):
                batch = records[start : start + RECORDS_PER_PAGE]
                rows = content.rows(batch, self.pager)
                read += len(batch)
                rows_read += sum(map(len, rows.values()))
                after = max(ids_of(batch), default=after)
                estimate = max(rows_read, round(expected * rows_read / read)) if expected is not None else None
                yield Page(rows=rows, expected=estimate), after
        self._check_count(model, domain, after, expected, read)

    def _check_count(self, model: str, domain: Domain, after: int, expected: int | None, read: int) -> None:
        """Compare what was read with what the server counted before. Raises SyncError when it still has more."""
        if expected is None or expected == read:
            return
        if expected > read and self._count(domain, after):
            raise SyncError("bad_response", detail=f"{model}: {read} of {expected}", reason="truncated")
        if abs(expected - read) > max(10, expected // 20):
            self.context.log("warning", "count_differs", model=model, expected=expected, read=read)

    def _count(self, domain: Domain, after: int) -> int | None:
        """Return how many records there are; None where counting is too much for the server."""
        here = [*domain, ["id", ">", after]] if after else domain
        try:
            count = self.session.call(self.source.model, "search_count", {"domain": here}, retry=is_light)
        except SyncError as error:
            if is_light(error):
                raise
            return None
        return count if isinstance(count, int) else None

    def _warn(self) -> None:
        """Note what a person should know of the server, once per read."""
        for model, fields in self.content.missing().items():
            self.context.log("warning", "fields_missing", model=model, fields=list(fields))
