"""A range of the past that is read window by window, beside the everyday syncs and without moving their checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns.models.run import SyncRun

TRIES = 3  # of one window, before a person is asked
FIRST_REST = timedelta(minutes=1)  # before the second try; each later one waits five times as long
DAY = timedelta(days=1)
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=60)
QUICK, SLOW = timedelta(seconds=20), timedelta(seconds=120)  # a window should take about so long


COUNTED = ("read", "inserted", "updated")


def _sized(window: timedelta, *, by_days: bool) -> timedelta:
    """Return a length that a window may have: whole days where a part of one costs as much."""
    length = min(max(window, SHORTEST), LONGEST)
    return max(length // DAY, 1) * DAY if by_days else length


class Backfill(models.Model):
    """One stream of one connection, from begin (inclusive) to end. reached: everything before it was read."""

    class State(models.TextChoices):
        RUNNING = "running", _("Going on")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")
        DONE = "done", _("Done")

    OPEN = (State.RUNNING, State.STOPPED, State.FAILED)

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="backfills")
    stream = models.CharField(max_length=60)
    begin = models.DateTimeField()
    end = models.DateTimeField()
    reached = models.DateTimeField()
    window = models.DurationField(default=timedelta(days=1))  # of the next run; adapts to how long they take
    # How far the window is that was begun: since, until, at (the connector's), what it brought, the run that began it.
    place = models.JSONField(null=True, blank=True)
    pause_seconds = models.PositiveIntegerField(default=0)  # between two windows
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    not_before = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)  # of the window that is next
    windows_done = models.PositiveIntegerField(default=0)
    spent = models.DurationField(default=timedelta())  # on the windows done, their pauses included
    read = models.BigIntegerField(default=0)
    inserted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    deleted = 0  # by any
    error_code = models.CharField(max_length=40, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("backfill")
        verbose_name_plural = _("backfills")
        ordering = ("-created_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "stream"],
                condition=Q(state__in=["running", "stopped", "failed"]),
                name="one_open_backfill_per_stream",
            ),
            models.CheckConstraint(
                name="backfill_within_its_range",
                condition=Q(begin__lt=F("end"), reached__gte=F("begin"), reached__lte=F("end")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.stream}"

    @property
    def next_end(self) -> datetime:
        """Where the next window ends."""
        return min(self.reached + self.window, self.end)

    @property
    def share(self) -> float:
        """How much of the range is read, from 0 to 1."""
        return (self.reached - self.begin) / (self.end - self.begin)

    @property
    def time_left(self) -> timedelta | None:
        """How long the rest should take, judged by what is done; None when nothing is."""
        covered = self.reached - self.begin
        return self.spent * ((self.end - self.reached) / covered) if covered else None

    @classmethod
    def of(cls, run: SyncRun) -> Backfill | None:
        """Return the backfill that the run is a window of."""
        if run.trigger != SyncRun.Trigger.BACKFILL:
            return None
        return cls.objects.filter(pk=run.options.get("backfill")).first()

    def place_in(self, run: SyncRun) -> dict[str, Any] | None:
        """Return the place within the run's own range from which it goes on; None: from its beginning."""
        place: dict[str, Any] | None = (self._place_of(run) or {}).get("at")
        return place

    def _place_of(self, run: SyncRun) -> dict[str, Any] | None:
        """Return what is noted of the window that the run reads."""
        is_of_it = self.place and all(self.place[name] == run.options[name] for name in ("since", "until"))
        return self.place if is_of_it else None

    def note_place(self, run: SyncRun, at: dict[str, Any], brought: Mapping[str, int]) -> None:
        """Note how far the run's range was loaded, and what the run brought of it. In the load's transaction.

        This instance stays as it was when the run began to read: its place is what came before.
        """
        before = self._place_of(run) or {"run": str(run.pk)}
        counts = {name: before.get(name, 0) + brought.get(name, 0) for name in COUNTED}
        since, until = run.options["since"], run.options["until"]
        place = {"since": since, "until": until, "at": at, "run": before["run"], **counts}
        type(self).objects.filter(pk=self.pk, reached=datetime.fromisoformat(since)).update(place=place, tries=0)

    # Moves; each is a conditional update, and False says that another has moved it.

    def stop(self) -> bool:
        return self._move([self.State.RUNNING], state=self.State.STOPPED)

    def resume(self) -> bool:
        """Go on from where it was, whatever ended it before its end."""
        return self._move(
            [self.State.STOPPED, self.State.FAILED],
            state=self.State.RUNNING, tries=0, not_before=None, error_code="", error_params={},
        )  # fmt: skip

    def note_done(self, run: SyncRun, *, by_days: bool = False) -> bool:
        """Count the window of the run as read. In the transaction that ends the run."""
        reached, took = datetime.fromisoformat(run.options["until"]), run.duration or timedelta()
        place = self._place_of(run)
        is_long = took > SLOW or (place is not None and place["run"] != str(run.pk))
        window = self.window / 2 if is_long else self.window * 2 if took < QUICK else self.window
        brought = {name: place[name] if place else getattr(run, name) for name in COUNTED}
        pause = timedelta(seconds=self.pause_seconds)
        now = timezone.now()
        done = reached >= self.end
        ending: dict[str, Any] = {"state": self.State.DONE, "finished_at": now} if done else {}
        return self._move(
            self.OPEN, Q(reached=datetime.fromisoformat(run.options["since"])),
            reached=reached, windows_done=F("windows_done") + 1, spent=F("spent") + took + pause,
            window=_sized(window, by_days=by_days), tries=0, not_before=now + pause if pause else None,
            place=None, error_code="", error_params={}, **ending,
            **{name: F(name) + count for name, count in brought.items()},
        )  # fmt: skip

    def note_failed(self, error: SyncError) -> bool:
        """Try the window again later, or leave it to a person when that is pointless or was done often enough."""
        now = timezone.now()
        facts: dict[str, Any] = {"error_code": error.code, "error_params": error.params}
        if error.until is not None and not error.info.needs_person:
            return self._move([self.State.RUNNING], not_before=max(error.until, now), **facts)
        if not error.info.retryable or self.tries + 1 >= TRIES:
            return self._move([self.State.RUNNING], state=self.State.FAILED, tries=self.tries + 1, **facts)
        rest = FIRST_REST * 5**self.tries
        return self._move([self.State.RUNNING], tries=self.tries + 1, not_before=now + rest, **facts)

    def give_way(self, run: SyncRun, *, by_days: bool = False) -> bool:
        """Go on where the window was broken off because a sync was due; take smaller ones if it must begin again."""
        if self._place_of(run):
            return self._move(self.OPEN, spent=F("spent") + (run.duration or timedelta()))
        return self._move(self.OPEN, window=_sized(self.window / 2, by_days=by_days))

    def _move(self, states: Sequence[str], *conditions: Q, **changes: Any) -> bool:
        found = type(self).objects.filter(*conditions, pk=self.pk, state__in=states)
        moved = found.update(**changes)
        self.refresh_from_db()
        return bool(moved)
