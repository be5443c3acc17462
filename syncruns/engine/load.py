"""Loads groups of pages: rows, quarantine, counts and checkpoint in one transaction, or nothing at all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connections.models import Connection
from connections.sdk.declare import Page, Stream
from connections.sdk.errors import Interruption, SyncError
from syncruns.engine.corrections import Corrections
from syncruns.engine.decisions import corrections_of, note_overtaken, note_seen, typed_pages
from syncruns.engine.documents import keep, note_too_large, packed
from syncruns.engine.log import RunLog
from syncruns.engine.quarantine import close_settled, has_open, keep_rejects
from syncruns.engine.settlement import Settlement
from syncruns.engine.shares import Share, shares
from syncruns.engine.sweep import Sweeps
from syncruns.engine.transform import Typed
from syncruns.engine.warehouse.base import Counts, Warehouse
from syncruns.models import Backfill, Checkpoint, StreamRun, SyncRun


@dataclass
class StreamLoad:
    """The load side of one read of one stream. Its counts go on from what the stream row already has."""

    run: SyncRun
    row: StreamRun
    stream: Stream
    schema: str
    checkpoint: Checkpoint
    destination: Warehouse
    log: RunLog
    moves_checkpoint: bool = True
    window: Backfill | None = None  # that the run is a part of
    pulse: Callable[[], None] = lambda: None  # called now and then while a sweep is settled; may raise
    brakes: bool = True  # stops at too large a share of bad records
    _seen: dict[str, int] = field(default_factory=lambda: {"read": 0, "bad": 0})

    def __post_init__(self) -> None:
        self._corrections: Corrections | None = None  # looked up by the first load
        self._brought: Counter[str] = Counter()  # counts of this read, for its window
        self._sweeps = Sweeps(self.stream, self.schema, self.destination, self.run.connection_id, self.log)
        self._settlement = Settlement(
            self.run, self.row, self.stream, self.schema, self.checkpoint, self.destination, self.log, self.pulse
        )  # fmt: skip

    @property
    def brake(self) -> SyncError | None:
        """What kept a sweep of this read from marking rows deleted: SyncError("delete_brake")."""
        return self._settlement.brake

    def begin(self) -> dict[str, Any] | None:
        """Return the checkpoint from which to read."""
        return self.checkpoint.state

    @property
    def is_read(self) -> bool:
        """Whether there is nothing left to be read."""
        return False

    def finish(self) -> None:
        """Do what is left when everything was read and loaded."""

    def close(self) -> None:
        """Forget the sweeps of this read."""
        self._sweeps.close()

    def load(self, pages: Sequence[Page]) -> None:
        """Load pages in order and move the checkpoint with them, in as many transactions as the database wants.

        A page that completes a sweep moves it only when what the sweep missed has been dealt with.
        Raises SyncError("too_many_bad_records") before anything is written, Interruption("worker_lost") when the
        run was taken over, and lets database errors pass; in every case the transaction is undone.
        """
        for part in _up_to_complete_sweeps(pages):
            sweep = part[-1].sweep
            if sweep is None or not sweep.complete:
                self._load(part)
                continue
            self._load(part, last=part[-1])
            comparison = self._sweeps.complete(sweep)
            if comparison is not None:
                self._settlement.settle(comparison)
            self._save_checkpoint(part[-1])

    def _load(self, pages: Sequence[Page], last: Page | None = None) -> None:
        """Load pages; the checkpoint of last is left to be saved later."""
        if self._corrections is None:
            self._corrections = corrections_of(self.run.connection_id, self.stream)
        typed = typed_pages(pages, self.stream, self.run.connection_id, self._corrections)
        self._brake(typed)
        destination = self.destination
        for share in shares(
            pages, typed, self.stream, rows=lambda: destination.rows_at_once, divides=destination.divides_pages
        ):
            self._commit(share, last)

    def _commit(self, share: Share, last: Page | None) -> None:
        states = [page.checkpoint for page in share.pages if page.checkpoint is not None and page is not last]
        changes = dict.fromkeys(StreamRun.COUNTED, 0)
        brought = [document for page in share.pages for document in page.documents]
        documents = packed(self.run.connection_id, brought)
        with transaction.atomic():
            began = time.monotonic()
            if not self.checkpoint.own(self.run, states[-1] if states and self.moves_checkpoint else None):
                raise Interruption("worker_lost")
            self.destination.hold(self.schema, self.stream.tables)
            self._sweeps.note(share.begun)
            any_open = has_open(self.run)  # mostly not: asked once for many small pages
            for part in share.typed:
                counts = load_page(
                    part, self.stream, self.schema, self.destination,
                    connection_id=self.run.connection_id, run_id=str(self.run.pk),
                )  # fmt: skip
                for name, value in counts.items():
                    changes[name] += value
                close_settled(self.run, self.stream, part, any_open=any_open)
                any_open = any_open or bool(part.rejects)
                keep_rejects(self.run, self.stream, self.schema, part.rejects, self.log)
                note_seen(part.held, timezone.now())
                note_overtaken(part.overtaken, self.stream, timezone.now(), self.log)
            keep(self.run, self.stream.key, documents, self.log)
            if changes["inserted"]:
                self._note_first_load()
            self._count(changes, share.pages)
            self._note_place(changes, share.pages)
        self.destination.took(time.monotonic() - began)
        for _page in share.pages:
            self.log.add("info", "page_loaded", self.stream.key)
        note_too_large(self.stream.key, brought, self.log)
        if left_out := sum(len(part.discarded) for part in share.typed):
            self.log.add("info", "records_left_out", self.stream.key, count=left_out)

    def _save_checkpoint(self, page: Page) -> None:
        if page.checkpoint is None or not self.moves_checkpoint:
            return
        with transaction.atomic():
            if not self.checkpoint.own(self.run, page.checkpoint):
                raise Interruption("worker_lost")
            StreamRun.objects.filter(pk=self.row.pk).update(checkpoint_after=page.checkpoint)

    def _brake(self, typed: Sequence[Typed]) -> None:
        self._seen["read"] += sum(page.read for page in typed)
        self._seen["bad"] += sum(len(page.rejects) for page in typed)
        read, bad = self._seen["read"], self._seen["bad"]
        if self.brakes and read >= settings.BAD_RECORDS_MINIMUM and bad > settings.BAD_RECORDS_SHARE * read:
            # Nothing of this group is loaded, but a person needs to see what was wrong with it.
            for page in typed:
                keep_rejects(self.run, self.stream, self.schema, page.rejects, self.log)
            raise SyncError("too_many_bad_records", bad=bad, read=read)

    def _count(self, changes: dict[str, int], pages: Sequence[Page]) -> None:
        """Write the counts in the same transaction as the rows: exact, even after a kill."""
        expected = next((page.expected for page in reversed(pages) if page.expected is not None), self.row.expected)
        StreamRun.objects.filter(pk=self.row.pk).update(
            **{name: F(name) + value for name, value in changes.items() if value},
            pages=F("pages") + len(pages),
            expected=expected,
            checkpoint_after=self.checkpoint.state,
        )

    def _note_place(self, changes: dict[str, int], pages: Sequence[Page]) -> None:
        """Note how far the window of a backfill is, so that a later run goes on there."""
        if self.window is None:
            return
        self._brought.update(changes)
        place = next((page.place for page in reversed(pages) if page.place is not None), None)
        if place is not None:
            self.window.note_place(self.run, place, self._brought)

    def _note_first_load(self) -> None:
        """From now on the connection's identity is fixed."""
        Connection.objects.filter(pk=self.run.connection_id, first_loaded_at__isnull=True).update(
            first_loaded_at=timezone.now()
        )


def _up_to_complete_sweeps(pages: Sequence[Page]) -> Iterator[Sequence[Page]]:
    """Yield pages in parts, each of which ends with a page that completes a sweep, or with the last one."""
    begin = 0
    for end, page in enumerate(pages, 1):
        if end == len(pages) or (page.sweep is not None and page.sweep.complete):
            yield pages[begin:end]
            begin = end


def load_page(
    typed: Typed, stream: Stream, schema: str, destination: Warehouse, *, connection_id: int, run_id: str
) -> dict[str, int]:
    """Write one typed page inside the caller's transaction; return every count of StreamRun.COUNTED."""
    counts = Counts()
    stamp: dict[str, Any] = {"connection_id": connection_id, "run_id": run_id, "now": timezone.now()}
    for table in stream.tables:
        rows = typed.rows.get(table.name, [])
        if table.name in typed.sets:
            counts += destination.replace_sets(
                schema, table, rows, typed.sets[table.name], typed.incomplete[table.name],
                spared=list(typed.rejected.get(table.name, ())), tables=stream.tables, **stamp,
            )  # fmt: skip
        elif rows:
            counts += destination.load(schema, table, rows, **stamp)
    for name, keys in typed.deletes.items():
        counts += Counts(deleted=destination.delete(schema, stream.table(name), keys, stream.tables, **stamp))
    return {
        "read": typed.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "deduplicated": typed.deduplicated,
        "quarantined": len(typed.rejects) + len(typed.discarded),
    }
