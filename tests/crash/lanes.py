"""Rounds side by side: a slot falls due, its worker meets a blow, others finish the job, and everything is compared."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import Error, OperationalError, connection, connections, transaction
from django.utils import timezone

from connections.models import Connection
from syncruns import dispatch, stopping
from syncruns.models import StreamRun, SyncRun
from tests.crash import witness
from tests.crash.disturbances import Disturbances
from tests.crash.ledger import Ledger, LedgerServer
from tests.crash.onlooker import looking_at
from tests.crash.patience import ROUND_SECONDS, patiently, until
from tests.crash.truth import TABLES, differences
from tests.crash.workers import BOUNDARIES, RESET_BOUNDARIES, Blow, Nursery, send, status
from tests.postgres import Server

EVERYWHERE = ("kill", "freeze", "database")  # what befalls a worker at every boundary


def _is_locked(run: SyncRun) -> bool:
    """Say whether a transaction holds the run's row."""
    try:
        with transaction.atomic():
            SyncRun.objects.select_for_update(nowait=True).get(pk=run.pk)
    except OperationalError:
        return True
    return False


class Arena:
    """Lanes on one database, one control that ticks for all, and what went wrong."""

    def __init__(
        self,
        nursery: Nursery,
        server: Server | None,
        rounds: int,
        seed: int,
        lanes: int,
        *,
        changes: int = 0,
        resets: bool = False,
    ) -> None:
        """changes: at the source before each round, whose first blow is a kill; 0: a few, and any blows.

        resets: each round is a reset of every stream, struck where a reset can be.
        """
        self.resets = resets
        self.nursery = nursery
        self.server = server
        self.rounds = rounds
        self.changes = changes
        self.random = random.Random(seed)
        self.seed = seed
        self.ledgers = [Ledger(seed * 1000 + number) for number in range(lanes)]
        self.source = LedgerServer(self.ledgers)
        self.database = threading.Lock()  # held by whoever takes the database away
        self.over = threading.Event()
        self.wrong: list[str] = []
        self.disturbances = Disturbances()
        self.blows: Counter[str] = Counter()
        self.figures: Counter[str] = Counter()

    def play(self) -> None:
        """Play all rounds; what went wrong is in `wrong`."""
        lanes = [Lane(self, number) for number in range(len(self.ledgers))]
        for lane in lanes:
            lane.settle()
        witness.install()
        connections.close_all()
        plan = iter(self._plan())
        taking = threading.Lock()

        def take_turns(lane: Lane) -> None:
            while True:
                with taking:
                    blows = next(plan, None)
                if blows is None:
                    break
                try:
                    lane.play(blows)
                except Exception as error:  # noqa: BLE001 - a round that breaks is a finding
                    self.wrong.append(f"{lane.name}: {', '.join(map(str, blows))}: {type(error).__name__}: {error}")
                    lane.end_workers()
            connections.close_all()

        threads = [threading.Thread(target=take_turns, args=(lane,)) for lane in lanes]
        control = threading.Thread(target=self._control)
        for thread in (control, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        self.over.set()
        control.join()
        self._account()
        self.source.shutdown()

    def _plan(self) -> Iterator[list[Blow]]:
        """Yield each round's blows: every boundary in turn, then moments at random; sometimes the second worker too."""
        pick = self.random
        kinds = ("kill", "kill", "freeze", "freeze", "database", "stop", "cancel")
        everywhere = [Blow(kind, where) for kind, where in itertools.product(EVERYWHERE, BOUNDARIES)]
        pick.shuffle(everywhere)
        for number in range(self.rounds):
            blow = everywhere[(number // 2) % len(everywhere)] if number % 2 == 0 else Blow(pick.choice(kinds))
            if blow.kind in ("database", "cancel") and pick.random() < 0.7:
                blow = Blow(blow.kind, pick.choice(BOUNDARIES))
            if self.resets:
                blow = Blow("freeze" if number % 4 == 3 else "kill", RESET_BOUNDARIES[number % len(RESET_BOUNDARIES)])
            elif self.changes:
                blow = Blow("kill", pick.choice(BOUNDARIES))
            blows = [self._at_random(blow)]
            if pick.random() < 0.3:
                blows.append(self._at_random(Blow(pick.choice(("kill", "freeze")), pick.choice(("", *BOUNDARIES)))))
            yield blows

    def _at_random(self, blow: Blow) -> Blow:
        seconds = self.random.uniform(0.01, 0.35) if not blow.where else self.random.uniform(0.3, 2.0)
        return Blow(blow.kind, blow.where, self.random.choice((1, 1, 1, 2, 3)) if blow.where else 1, seconds)

    def _control(self) -> None:
        """Tick as the control cluster would, starting again after a failure."""
        while not self.over.wait(0.1):
            started = time.monotonic()
            try:
                dispatch.tick()
            except Error:
                connections.close_all()
                self.figures["ticks that failed"] += 1
            self.figures["ticks"] += 1
            self.figures["longest tick (ms)"] = max(
                self.figures["longest tick (ms)"], round(1000 * (time.monotonic() - started))
            )
        connections.close_all()

    @contextlib.contextmanager
    def database_away(self) -> Iterator[None]:
        """Stop PostgreSQL; on SQLite, which cannot be stopped, hold the write lock."""
        with self.database, self.disturbances.felt("the database taken away"):
            if self.server is not None:
                self.server.stop()
                try:
                    yield
                finally:
                    self.server.start()
            else:
                with contextlib.closing(sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=20)) as holder:
                    holder.execute("BEGIN IMMEDIATE")
                    yield
                    holder.rollback()

    def _account(self) -> None:
        """Check what must hold for all runs."""
        active = SyncRun.objects.filter(state__in=SyncRun.ACTIVE).count()
        if active:
            self.wrong.append(f"{active} runs are still queued or running")
        going = StreamRun.objects.filter(state__in=["waiting", "running"]).count()
        if going:
            self.wrong.append(f"{going} streams of ended runs still wait or run")
        for what, times in witness.seen().items():
            self.wrong.append(f"{what}: {times} times")
        for state in SyncRun.objects.values_list("state", flat=True):
            self.figures[f"runs {state}"] += 1
        for run in SyncRun.objects.prefetch_related("streams"):
            for name in ("read", "inserted", "updated", "deleted"):
                streams = sum(getattr(row, name) for row in run.streams.all())
                if getattr(run, name) != streams:
                    self.wrong.append(f"run {run} ({run.state}): {name} {getattr(run, name)}, its streams {streams}")
                    break
        self.figures["pages served"] = sum(ledger.served for ledger in self.ledgers)
        for ledger in self.ledgers:
            self.figures += ledger.told

    def summary(self) -> str:
        """Return what happened in words."""
        blows = ", ".join(f"{count} {kind}" for kind, count in sorted(self.blows.items()))
        figures = ", ".join(f"{name}: {count}" for name, count in sorted(self.figures.items()))
        lines = [
            f"crash rounds on {connection.vendor} (seed {self.seed}): {self.rounds} rounds; blows: {blows}",
            figures,
        ]
        lines += [f"WRONG: {what}" for what in self.wrong] or ["nothing lost, nothing doubled, nothing stuck"]
        return "\n".join(lines)


class Lane:
    """One connection with its source."""

    def __init__(self, arena: Arena, number: int) -> None:
        self.arena = arena
        self.name = f"lane {number}"
        self.workers: list[int] = []
        self.ledger = arena.ledgers[number]
        self.connection = Connection.objects.create(
            name=self.name,
            slug=f"lane-{number}",
            kind="ledger",
            config={"base_url": arena.source.url(number)},
            auto_sync=True,
            interval_minutes=60 * 24 * 30,
        )

    def settle(self) -> None:
        """Sync once in peace."""
        self.ledger.change(100)
        self._sync_in_peace()

    def play(self, blows: list[Blow]) -> None:
        """One slot: its run meets the blows, and afterwards the tables must equal the source."""
        self.workers.clear()
        self.ledger.change(self.arena.changes or self.arena.random.randrange(5, 60))
        self.ledger.budget = 25
        slot = timezone.now()
        if self.arena.resets:
            patiently(self._order_reset)
        else:
            patiently(lambda: Connection.objects.filter(pk=self.connection.pk).update(next_sync_at=slot))
            until(lambda: SyncRun.objects.filter(connection=self.connection, slot=slot).exists())
        with looking_at(self.connection) if self.arena.resets else contextlib.nullcontext({}) as seen:
            self._live_through(blows)
        for stream, contents in seen.items():
            assert len(contents) <= 2, f"{stream}: {len(contents)} different contents were seen during one reset"
            self.arena.figures["tables seen to change at once"] += len(contents) == 2
        self.ledger.budget = 0
        if not self.arena.resets:
            self._check_slot(slot)
        self._sync_in_peace()
        self._compare()
        self.ledger.vanished = 0

    def _order_reset(self) -> None:
        streams = list(TABLES)
        options = {"streams": streams, "reset": uuid4().hex}
        SyncRun.objects.create(connection=self.connection, trigger="manual", options=options)

    def _live_through(self, blows: list[Blow]) -> None:
        frozen: list[int] = []
        coming = iter(blows)
        end = time.monotonic() + ROUND_SECONDS
        while (run := patiently(self._active)) is not None:
            if time.monotonic() > end:
                raise TimeoutError(f"run {run} is {run.state} for ever")
            if run.state == SyncRun.State.QUEUED:
                self._one_life(run, next(coming, None), frozen)
            time.sleep(0.03)
        for pid in frozen:
            self._thaw(pid)

    def _active(self) -> SyncRun | None:
        return SyncRun.objects.filter(connection=self.connection, state__in=SyncRun.ACTIVE).first()

    def _one_life(self, run: SyncRun, blow: Blow | None, frozen: list[int]) -> None:
        """Start a worker, strike it, and return when it has ended, or is to stay frozen for now."""
        pid = self._spawn(run, blow)
        if blow is None:
            until(lambda: not status(pid))
            return
        if not blow.where:
            time.sleep(blow.seconds)
            send(pid, signal.SIGKILL if blow.kind == "kill" else signal.SIGSTOP)
        met = until(lambda: status(pid) in ("T", ""))
        assert met
        if not status(pid):
            self.arena.blows[blow.kind if blow.kind == "kill" else "missed"] += 1
            return
        self.arena.blows[blow.kind] += 1
        if blow.kind == "freeze":
            # Beyond two leases, with others at work meanwhile as far as its locks let them.
            threading.Thread(target=self._note_freeze, args=(pid,)).start()
            began = time.monotonic()
            while time.monotonic() - began < 2.3:
                time.sleep(0.05)
            if self.arena.random.random() < 0.6:
                frozen.append(pid)
                threading.Timer(4.0, send, (pid, signal.SIGCONT)).start()
                return
            self._thaw(pid)
            return
        if blow.kind == "database":
            self._take_database(pid, blow.seconds)
        elif blow.kind == "stop":
            with self.arena.disturbances.felt("the stop mark"):
                stopping.set_stop_mark()
                send(pid, signal.SIGCONT)
                time.sleep(0.4)
                stopping.clear_stop_mark()
        elif blow.kind == "cancel":
            self._cancel(run, pid)
        until(lambda: not status(pid))

    def _note_freeze(self, pid: int) -> None:
        """Note how long a frozen worker stands still: on SQLite with the lock that everybody writes under."""
        with self.arena.disturbances.felt("another lane's frozen worker"):
            while status(pid) == "T":
                time.sleep(0.02)

    def _take_database(self, pid: int, seconds: float) -> None:
        if self.arena.server is None:
            send(pid, signal.SIGCONT)  # stopped it may hold the lock that we are after
        with self.arena.database_away():
            send(pid, signal.SIGCONT)
            time.sleep(seconds)

    def _cancel(self, run: SyncRun, pid: int) -> None:
        end = self.arena.random.choice((signal.SIGKILL, signal.SIGCONT))
        if self.arena.server is None or patiently(lambda: _is_locked(run)):
            send(pid, end)  # stopped it holds the lock that we are after
        patiently(run.request_cancel)
        send(pid, end)

    def _spawn(self, run: SyncRun, blow: Blow | None) -> int:
        pid = self.arena.nursery.spawn(str(run.pk), blow)
        self.workers.append(pid)
        return pid

    def end_workers(self) -> None:
        """Kill every worker that is left: a frozen one may hold a lock for ever. Each says where it stands."""
        for pid in filter(status, self.workers):
            send(pid, signal.SIGUSR1)
            time.sleep(0.5)
            send(pid, signal.SIGKILL)

    def _thaw(self, pid: int) -> None:
        send(pid, signal.SIGCONT)
        until(lambda: not status(pid), seconds=60)

    def _sync_in_peace(self) -> None:
        """Run until a run succeeds: on a slow machine even a healthy worker may lose a lease of one second."""
        for _attempt in range(8):
            run = patiently(lambda: SyncRun.objects.create(connection=self.connection, trigger="manual"))
            until(self._is_over)
            patiently(run.refresh_from_db)
            if run.state in (SyncRun.State.SUCCEEDED, SyncRun.State.PARTIAL) and not run.error_code:
                return  # partial: something crooked
            self.arena.figures[f"peaceful runs that felt {self.arena.disturbances.of(run)}"] += 1
        raise AssertionError(f"no run succeeds any more: {run.state} {run.error_code} {run.error_detail}")

    def _is_over(self) -> bool:
        """Give a queued run (one that another lane's stop sent back, perhaps) a worker; tell whether none is left."""
        run = self._active()
        if run is not None and run.state == SyncRun.State.QUEUED:
            self._one_life(run, None, [])
        return run is None

    def _check_slot(self, slot: Any) -> None:
        rows = patiently(lambda: list(SyncRun.objects.filter(connection=self.connection, slot=slot)))
        first = [row for row in rows if row.trigger in ("schedule", "catch_up")]
        assert len(first) == 1, f"slot has {len(first)} rows"
        retries = [row for row in rows if row.attempt == 2]
        must = first[0].state == SyncRun.State.LOST and not first[0].cancel_requested_at
        assert len(retries) == int(must), f"a run that ended {first[0].state} has {len(retries)} retries"
        last = max(rows, key=lambda row: row.queued_at)
        assert last.cancel_requested_at or not any(row.cancel_requested_at for row in rows), (
            "a cancelled run was queued again"
        )

    def _compare(self) -> None:
        wrong = patiently(lambda: differences(self.connection, self.ledger))
        assert not wrong, "; ".join(wrong)
