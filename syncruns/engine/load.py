"""Loads groups of pages: rows, quarantine, counts and checkpoint in one transaction, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connections.models import Connection
from connections.sdk.declare import Page, Stream
from connections.sdk.errors import Interruption, SyncError
from syncruns.engine.decisions import note_seen, typed_pages
from syncruns.engine.log import RunLog
from syncruns.engine.quarantine import close_deleted, close_loaded, keep_rejects
from syncruns.engine.transform import Typed
from syncruns.engine.warehouse.base import Counts, Warehouse
from syncruns.models import Checkpoint, StreamRun, SyncRun


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
    brakes: bool = True  # stops at too large a share of bad records
    _seen: dict[str, int] = field(default_factory=lambda: {"read": 0, "bad": 0})

    def load(self, pages: Sequence[Page]) -> None:
        """Load pages in order and move the checkpoint with them.

        Raises SyncError("too_many_bad_records") before anything is written, Interruption("worker_lost") when the
        run was taken over, and lets database errors pass; in every case the transaction is undone.
        """
        typed, held = typed_pages(pages, self.stream, self.run.connection_id)
        self._brake(typed)
        state = next((page.checkpoint for page in reversed(pages) if page.checkpoint is not None), None)
        changes = dict.fromkeys(StreamRun.COUNTED, 0)
        with transaction.atomic():
            if not self.checkpoint.own(self.run):
                raise Interruption("worker_lost")
            for page in typed:
                counts = load_page(
                    page, self.stream, self.schema, self.destination,
                    connection_id=self.run.connection_id, run_id=str(self.run.pk),
                )  # fmt: skip
                for name, value in counts.items():
                    changes[name] += value
                for table, rows in page.rows.items():
                    close_loaded(self.run, self.stream.table(table), rows)
                for table, keys in page.deletes.items():
                    close_deleted(self.run, self.stream.table(table), keys)
                keep_rejects(self.run, self.stream, page.rejects, self.log)
            note_seen(held, timezone.now())
            if changes["inserted"]:
                self._note_first_load()
            if state is not None and self.moves_checkpoint:
                self.checkpoint.save_state(state)
            self._count(changes, pages)
        for page in typed:
            self.log.add("info", "page_loaded", self.stream.key)
            if page.discarded:
                self.log.add("info", "records_left_out", self.stream.key, count=len(page.discarded))

    def _brake(self, typed: Sequence[Typed]) -> None:
        self._seen["read"] += sum(page.read for page in typed)
        self._seen["bad"] += sum(len(page.rejects) for page in typed)
        read, bad = self._seen["read"], self._seen["bad"]
        if self.brakes and read >= settings.BAD_RECORDS_MINIMUM and bad > settings.BAD_RECORDS_SHARE * read:
            # Nothing of this group is loaded, but a person needs to see what was wrong with it.
            for page in typed:
                keep_rejects(self.run, self.stream, page.rejects, self.log)
            raise SyncError("too_many_bad_records", bad=bad, read=read)

    def _count(self, changes: dict[str, int], pages: Sequence[Page]) -> None:
        """Write the counts in the same transaction as the rows: exact, even after a kill."""
        expected = next((page.expected for page in reversed(pages) if page.expected is not None), self.row.expected)
        StreamRun.objects.filter(pk=self.row.pk).update(
            **{name: F(name) + value for name, value in changes.items()},
            pages=F("pages") + len(pages),
            expected=expected,
            checkpoint_after=self.checkpoint.state,
        )

    def _note_first_load(self) -> None:
        """From now on the connection's identity is fixed."""
        Connection.objects.filter(pk=self.run.connection_id, first_loaded_at__isnull=True).update(
            first_loaded_at=timezone.now()
        )


def load_page(
    typed: Typed, stream: Stream, schema: str, destination: Warehouse, *, connection_id: int, run_id: str
) -> dict[str, int]:
    """Write one typed page inside the caller's transaction; return every count of StreamRun.COUNTED."""
    counts = Counts()
    stamp: dict[str, Any] = {"connection_id": connection_id, "run_id": run_id, "now": timezone.now()}
    for table in stream.tables:
        rows = typed.rows.get(table.name, [])
        if table.name in typed.parents:
            parents, incomplete = typed.parents[table.name], typed.incomplete.get(table.name, set())
            counts += destination.replace_children(schema, table, rows, parents, incomplete, **stamp)
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
