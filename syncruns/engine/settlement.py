"""Acts on what a complete sweep missed: notes first misses, marks deleted what was missed twice, or asks a person.

In short transactions, each under the run's fence. What one of them did is true by itself, so a crash between two of
them loses nothing: the checkpoint has not moved yet, and the next read sweeps again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connections.sdk.declare import Stream, Table
from connections.sdk.errors import Interruption, SyncError
from syncruns.engine.context import Log
from syncruns.engine.sweep import Comparison, Missing
from syncruns.engine.warehouse import Warehouse
from syncruns.models import Checkpoint, DeleteBrake, MissedRow, StreamRun, SyncRun

MOST_MISSES = 500_000  # noted per table; what is missing beyond waits for a later sweep
REMEMBERED = timedelta(days=90)  # a first miss of a row that no sweep has looked for since
PAUSE_SECONDS = 0.01  # between two transactions: on SQLite others wait for theirs

State = MissedRow.State


@dataclass
class Settlement:
    """What follows from the comparisons of one read. pulse is called before each transaction, and may raise."""

    run: SyncRun
    row: StreamRun
    stream: Stream
    schema: str
    checkpoint: Checkpoint
    destination: Warehouse
    log: Log
    pulse: Callable[[], None]
    brake: SyncError | None = field(default=None)

    def settle(self, found: Comparison) -> None:
        """Do what follows from one comparison. Raises Interruption("worker_lost") and what pulse raises."""
        name = found.table.name
        noted = MissedRow.objects.filter(connection_id=self.run.connection_id, table=name)
        for pks in found.obsolete():
            with self._owned():
                noted.filter(pk__in=pks).delete()
        deleted = self._mark(found, [State.APPROVED])
        again = found.again()
        if total := found.stops(again):
            self._hold(found, total)
        else:
            deleted += self._mark(found, list(MissedRow.UNDECIDED))
        if first := self._note_first(found):
            self.log.add("info", "sweep_missed", self.stream.key, table=name, count=first)
        if deleted:
            self.log.add("info", "sweep_deleted", self.stream.key, table=name, count=deleted)
        with self._owned():
            noted.filter(state=State.ONCE, missed_at__lt=timezone.now() - REMEMBERED).delete()
            DeleteBrake.refresh(self.run.connection_id, name)

    def judge(self, found: Comparison) -> Sequence[str]:
        """Note what a reset missed, and return the states of those rows that its one complete read may delete.

        A person asked for it; too many are held all the same. Raises what settle raises.
        """
        noted = MissedRow.objects.filter(connection_id=self.run.connection_id, table=found.table.name)
        for pks in found.obsolete():
            with self._owned():
                noted.filter(pk__in=pks).delete()
        self._note_first(found)
        if total := found.stops(found.again()):
            self._hold(found, total)
            return [State.APPROVED]
        return [State.APPROVED, *MissedRow.UNDECIDED]

    def mark(self, found: Comparison, states: Sequence[str]) -> None:
        """Mark deleted, in the caller's transaction, the missed rows that are in one of states."""
        if deleted := self._mark(found, states):
            self.log.add("info", "reset_deleted", self.stream.key, table=found.table.name, count=deleted)
        DeleteBrake.refresh(self.run.connection_id, found.table.name)

    def _mark(self, found: Comparison, states: Sequence[str]) -> int:
        """Mark deleted the rows missed before that are in one of states; return how many, without their children."""
        marked, last = 0, 0
        while rows := found.known(states, last):
            last = rows[-1].place
            with self._owned():
                # A person may have chosen to keep some of them since they were found.
                wanted = set(
                    MissedRow.objects.filter(pk__in=[row.pk for row in rows], state__in=states).values_list(
                        "pk", flat=True
                    )
                )
                deleted = self._delete(found.table, [row for row in rows if row.pk in wanted])
                MissedRow.objects.filter(pk__in=wanted).delete()
                StreamRun.objects.filter(pk=self.row.pk).update(deleted=F("deleted") + deleted)
            found.drop(rows)
            marked += len(wanted)
        return marked

    def _delete(self, table: Table, rows: Sequence[Missing]) -> int:
        return self.destination.delete_missed(
            self.schema, table, [row.row for row in rows], self.stream.tables,
            connection_id=self.run.connection_id, run_id=str(self.run.pk), now=timezone.now(),
        )  # fmt: skip

    def _hold(self, found: Comparison, total: int) -> None:
        """Hold the rows missed again until a person decides, and remember why the stream ends as it does."""
        last, now, name = 0, timezone.now(), found.table.name
        connection_id = self.run.connection_id
        while rows := found.known([State.ONCE], last):
            last = rows[-1].place
            with self._owned():
                MissedRow.objects.filter(pk__in=[row.pk for row in rows], state=State.ONCE).update(
                    state=State.HELD, held_at=now, run_id=self.run.pk
                )
        with self._owned():
            held = MissedRow.objects.filter(connection_id=connection_id, table=name, state=State.HELD).count()
            if not held:
                return  # somebody decided while we were at it
            facts = {"stream": self.stream.key, "missing": held, "total": total, "run": self.run}
            brake, _created = DeleteBrake.objects.update_or_create(
                connection_id=connection_id, table=name, defaults=facts
            )
        self.brake = self.brake or SyncError("delete_brake", **brake.params)

    def _note_first(self, found: Comparison) -> int:
        """Note the rows missed for the first time; return how many."""
        noted = MissedRow.objects.filter(connection_id=self.run.connection_id, table=found.table.name)
        first, last, room = 0, 0, MOST_MISSES - noted.count()
        while first < room and (rows := found.new(last)):
            last = rows[-1].place
            with self._owned():
                MissedRow.objects.bulk_create(
                    MissedRow(
                        connection_id=self.run.connection_id,
                        stream=self.stream.key,
                        table=found.table.name,
                        key=row.key,
                        digest=row.digest,
                        version=row.version,
                        run_id=self.run.pk,
                    )
                    for row in rows
                )
            first += len(rows)
        return first

    @contextmanager
    def _owned(self) -> Iterator[None]:
        """A short transaction of whoever may write for this stream."""
        time.sleep(PAUSE_SECONDS)
        self.pulse()
        with transaction.atomic():
            if not self.checkpoint.own(self.run):
                raise Interruption("worker_lost")
            yield
