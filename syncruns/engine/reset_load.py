"""The load side of a reset: pages go beside the stored rows, and all of them take their place in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connections.sdk.declare import Page, Table
from connections.sdk.errors import Interruption, SyncError
from syncruns.engine.decisions import end_overtaken, endings_of, note_seen
from syncruns.engine.documents import keep, note_too_large, packed
from syncruns.engine.evolution import spelled
from syncruns.engine.load import StreamLoad, load_page
from syncruns.engine.quarantine import keep_rejects, settle, settle_later
from syncruns.engine.shares import Share
from syncruns.engine.sweep import Comparison, shown_keys
from syncruns.engine.transform import Typed, typed_keys
from syncruns.engine.warehouse.staging import Staging
from syncruns.engine.warehouse.target import Stamp
from syncruns.models import Reset, StreamRun

ROWS_PER_SECOND = 10_000  # put in place, on a slow machine
LONGEST_SWAP = 600.0  # seconds that are announced; no lease is longer


@dataclass
class ResetLoad(StreamLoad):
    """One attempt of a reset. begin, load page by page, and finish when the source has shown everything."""

    order: str = ""
    expect: Callable[[float], None] = lambda seconds: None  # is told how long nothing will be heard
    _reset: Reset = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._staging = Staging(self.destination, self.schema, self.stream, self.run.connection_id)

    @property
    def is_read(self) -> bool:
        """Whether an earlier attempt has read everything, and perhaps put it in place."""
        return self._reset.is_read

    @property
    def announcement(self) -> str:
        """The event that says where this attempt begins."""
        if self._reset.is_done:
            return "reset_was_done"
        return "reset_resumed" if self._reset.is_read or self._reset.state is not None else "reset_started"

    def begin(self) -> dict[str, Any] | None:
        """Take up what earlier attempts of the same order read, if nobody has written since; else start over.

        Returns the read's own checkpoint, from which it goes on.
        """
        stream, connection = self.stream.key, self.run.connection
        declared = [[table.name, table.key, spelled(table)] for table in self.stream.tables]
        basis = orjson.dumps([connection.config, declared], option=orjson.OPT_SORT_KEYS)
        found = Reset.objects.filter(connection=connection, stream=stream).first()
        known = {
            "order": self.order, "fence": self.checkpoint.fence, "basis": blake2b(basis, digest_size=16).hexdigest(),
        }  # fmt: skip
        goes_on = found is not None and all(getattr(found, name) == value for name, value in known.items())
        if found is not None and goes_on and (found.is_read or found.state is not None):
            self._reset = found
        else:
            with transaction.atomic():
                self._own()
                self._staging.drop()
                Reset.objects.filter(connection=connection, stream=stream).delete()
                self._reset = Reset.objects.create(connection=connection, stream=stream, row=self.row, **known)
        if not self._reset.is_done:
            self._staging.prepare()
            with transaction.atomic():
                self._own()
                self._reset.count_on(self.row)
        state: dict[str, Any] | None = self._reset.state
        return state

    def load(self, pages: Sequence[Page]) -> None:
        """Load pages beside the stored rows. Raises what StreamLoad.load raises."""
        self._load(pages)

    def finish(self) -> None:
        """Put everything that was read in place of what is stored.

        Raises SyncError("reset_empty") when the source showed nothing although rows are stored, Interruption.
        """
        reset = self._reset
        if reset.is_done:
            return
        if not reset.is_read:
            if not any((*reset.met.values(), *reset.nameless.values())) and self._has_rows():
                raise SyncError("reset_empty", stream=self.stream.key)
            with transaction.atomic():
                self._own()
                reset.is_read, reset.moved_by = True, self.run.pk
                reset.save(update_fields=["is_read", "moved_by"])
        began = timezone.now()
        self._staging.prepare()
        missed = [(found, self._settlement.judge(found)) for found in filter(None, map(self._missed, self._tops))]
        self._swap(missed)
        seconds = round((timezone.now() - began) / timedelta(seconds=1), 1)
        self.log.add("info", "reset_in_place", self.stream.key, seconds=seconds)
        self._staging.drop()

    def close(self) -> None:
        """Forget what only this attempt knows."""
        super().close()
        self._staging.close()

    @property
    def _tops(self) -> list[Table]:
        return [table for table in self.stream.tables if table.parent is None]

    def _own(self) -> None:
        if not self.checkpoint.own(self.run):
            raise Interruption("worker_lost")

    def _has_rows(self) -> bool:
        connection_id = self.run.connection_id
        return any(self.destination.count(self.schema, table, connection_id) for table in self.stream.tables)

    def _stamp(self) -> Stamp:
        return Stamp(self.run.connection_id, str(self.run.pk), timezone.now())

    # While the source is read

    def _commit(self, share: Share, last: Page | None) -> None:
        brought = [document for page in share.pages for document in page.documents]
        documents = packed(self.run.connection_id, brought)
        staging, stamp = self._staging, self._stamp()
        changes = dict.fromkeys(StreamRun.COUNTED, 0)
        with transaction.atomic():
            self._own()
            began = time.monotonic()
            staging.beside.hold(self.schema, self.stream.tables)
            for page, whole in share.begun:
                self._keep_told(page, stamp)
                self._note_met(whole)
            for typed in share.typed:
                staging.shadow(typed, stamp)
                counts = load_page(
                    typed, self.stream, self.schema, staging.beside,
                    connection_id=stamp.connection_id, run_id=stamp.run_id,
                )  # fmt: skip
                for name in ("read", "deduplicated", "quarantined"):
                    changes[name] += counts[name]
                settle_later(self.run, self.stream, typed, self.order)
                keep_rejects(self.run, self.stream, self.schema, typed.rejects, self.log)
                note_seen(typed.held, stamp.now)
                self._reset.overtaken += endings_of(typed.overtaken, self.stream)
            # Until it is in place, what was read has changed nothing.
            changes["unchanged"] = changes["read"] - changes["deduplicated"] - changes["quarantined"]
            keep(self.run, self.stream.key, documents, self.log)
            self._note_first_load()
            self._move(share.pages)
            self._count(changes, share.pages)
        self.destination.took(time.monotonic() - began)
        for _page in share.pages:
            self.log.add("info", "page_loaded", self.stream.key)
        note_too_large(self.stream.key, brought, self.log)

    def _keep_told(self, page: Page, stamp: Stamp) -> None:
        """Note the keys that the source's own sweep tells: they exist. What it says is missing does not count here.

        A sweep that begins and is never completed says that the list may have been longer than what was read.
        """
        sweep = page.sweep
        if sweep is None or sweep.table not in [table.name for table in self._tops]:
            return
        others = [table for table in self._reset.open_sweeps if table != sweep.table]
        self._reset.open_sweeps = others if sweep.complete else [*others, sweep.table]
        if not sweep.keys:
            return
        table = self.stream.table(sweep.table)
        keys = typed_keys(table, sweep.keys)
        self._staging.keep(table, keys, stamp)
        self._reset.met[table.name] = self._reset.met.get(table.name, 0) + len(keys)

    def _note_met(self, typed: Typed) -> None:
        met, nameless = self._reset.met, self._reset.nameless
        for table in self._tops:
            met[table.name] = met.get(table.name, 0) + len(shown_keys(table, typed))
            nameless[table.name] = nameless.get(table.name, 0) + typed.nameless.get(table.name, 0)

    def _move(self, pages: Sequence[Page]) -> None:
        states = [page.checkpoint for page in pages if page.checkpoint is not None]
        if states:
            self._reset.state, self._reset.moved_by = states[-1], self.run.pk
        self._reset.save(update_fields=["state", "moved_by", "met", "nameless", "open_sweeps", "overtaken"])

    # When everything was read

    def _missed(self, table: Table) -> Comparison | None:
        """Find the stored rows of a table that the read did not show; None when nothing follows from that."""
        told = {"table": table.name}
        if not self._reset.met.get(table.name):
            self.log.add("warning", "sweep_met_nothing", self.stream.key, **told)
            return None
        if count := self._reset.nameless.get(table.name):
            # One of them may be any row, perhaps the one that would be deleted.
            self.log.add("warning", "sweep_nameless", self.stream.key, count=count, **told)
            return None
        if table.name in self._reset.open_sweeps:
            self.log.add("warning", "sweep_not_completed", self.stream.key, **told)
            return None
        scratch = self._staging.scratch(table)
        scratch.compare(timezone.now(), ())
        return Comparison(table, self.run.connection_id, scratch)

    def _swap(self, missed: Sequence[tuple[Comparison, Sequence[str]]]) -> None:
        row = StreamRun.objects.get(pk=self.row.pk)
        self.expect(min(LONGEST_SWAP, settings.LEASE_SECONDS + row.read / ROWS_PER_SECOND))
        if self.destination.writes_alone:
            self._staging.compare()  # before everybody waits
        with transaction.atomic():
            self._own()
            self.destination.hold(self.schema, self.stream.tables)
            if not self._staging.is_compared():
                self._staging.compare()
            counts = self._staging.swap(self._stamp(), settings.RUN_CHANGES_LIMIT)
            loaded = counts.inserted + counts.updated + counts.unchanged
            StreamRun.objects.filter(pk=row.pk).update(
                inserted=counts.inserted, updated=counts.updated, unchanged=counts.unchanged, deleted=counts.deleted,
                deduplicated=row.read - row.quarantined - loaded,
            )  # fmt: skip
            for found, states in missed:
                self._settlement.mark(found, states)
            settle(self.run.connection_id, self.order, self.stream.tables)
            end_overtaken(self._reset.overtaken, self.stream.key, timezone.now(), self.log)
            if self._reset.state is not None and self.moves_checkpoint:
                self.checkpoint.save_state(self._reset.state)
                StreamRun.objects.filter(pk=row.pk).update(checkpoint_after=self._reset.state)
            self._reset.is_done = True
            self._reset.save(update_fields=["is_done"])
