"""Runs and their streams. A run's state moves only through the methods here, each a conditional update."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection

LONGEST_LEASE = timedelta(minutes=11)  # LEASE_SECONDS is 10 minutes at most; one further ahead is no lease


class Counts(models.Model):
    """What moved. read = inserted + updated + unchanged + deduplicated + quarantined; deleted stands apart."""

    read = models.BigIntegerField(_("read"), default=0)
    inserted = models.BigIntegerField(_("new"), default=0)
    updated = models.BigIntegerField(_("changed"), default=0)
    unchanged = models.BigIntegerField(_("unchanged"), default=0)
    deduplicated = models.BigIntegerField(_("repeated"), default=0)
    quarantined = models.BigIntegerField(_("quarantined"), default=0)
    deleted = models.BigIntegerField(_("deleted"), default=0)

    COUNTED = ("read", "inserted", "updated", "unchanged", "deduplicated", "quarantined", "deleted")

    class Meta:
        abstract = True

    @property
    def written(self) -> int:
        return self.inserted + self.updated + self.deleted


class SyncRun(Counts):
    """One attempt to sync one connection."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        PARTIAL = "partial", _("Partial")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        LOST = "lost", _("Lost")
        TIMED_OUT = "timed_out", _("Timed out")
        SKIPPED = "skipped", _("Skipped")

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", _("Schedule")
        MANUAL = "manual", _("Sync now")
        API = "api", _("API")
        CLI = "cli", _("Command line")
        RETRY = "retry", _("Retry")
        CATCH_UP = "catch_up", _("Catch-up")
        BACKFILL = "backfill", _("Backfill")
        REVIEW = "review", _("Review")
        DRY_RUN = "dry_run", _("Dry run")

    ACTIVE = (State.QUEUED, State.RUNNING)
    AUTOMATIC = (Trigger.SCHEDULE, Trigger.CATCH_UP, Trigger.RETRY)
    # A review loads what a person corrected; it reads nothing, so it tells nothing of the source.
    # Nor does a backfill, which reads the past beside the everyday syncs, or a dry run, which loads nothing.
    ASIDE = (Trigger.REVIEW, Trigger.BACKFILL, Trigger.DRY_RUN)
    READS = ~Q(trigger__in=ASIDE)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, verbose_name=_("connection"), related_name="runs"
    )
    trigger = models.CharField(_("trigger"), max_length=10, choices=Trigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        verbose_name=_("requested by"),
        related_name="+",
    )
    options = models.JSONField(default=dict, blank=True)  # streams, window_minutes, since, until, backfill, reset
    slot = models.DateTimeField(_("slot"), null=True, blank=True)
    priority = models.SmallIntegerField(default=0)  # a person waiting goes first
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)

    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    token = models.UUIDField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=100, blank=True)

    error_code = models.CharField(_("error"), max_length=40, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    error_detail = models.TextField(blank=True)
    skip_reason = models.CharField(max_length=40, blank=True)
    skipped_slots = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ("-queued_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state__in=["queued", "running"]), name="one_active_run"
            ),
            models.CheckConstraint(
                name="run_running_has_lease",
                condition=~Q(state="running") | Q(token__isnull=False, lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="run_finished_has_end",
                condition=Q(state__in=["queued", "running"]) | Q(finished_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "-queued_at"], name="runs_of_connection"),
            models.Index(fields=["state", "-priority", "queued_at"], name="runs_waiting"),
            models.Index(fields=["-finished_at"], name="runs_finished"),
            models.Index(fields=["-queued_at"], name="runs_in_time"),
        ]

    def __str__(self) -> str:
        return str(self.id)[:8]

    @property
    def duration(self) -> timedelta | None:
        """Return how long the run took, or has taken so far; None while it waits."""
        if self.started_at is None:
            return None
        return (self.finished_at or timezone.now()) - self.started_at

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def is_dry(self) -> bool:
        """Say whether the run only tells what a sync would change."""
        return self.trigger == self.Trigger.DRY_RUN

    @property
    def resets(self) -> bool:
        return bool(self.options.get("reset"))

    @property
    def comes_again(self) -> bool:
        """Say whether the run is queued once more by itself should its worker vanish.

        A person's is not, unless it is a reset: nobody should have to watch it to its end.
        """
        is_wanted = self.trigger in self.AUTOMATIC or self.resets
        is_worth_it = self.attempt == 1 or (self.resets and self.has_moved)
        return is_wanted and is_worth_it and self.cancel_requested_at is None

    @property
    def has_moved(self) -> bool:
        """Say whether a reset came further in this run, so that the next one need not start over."""
        return self.connection.resets.filter(moved_by=self.pk, is_done=False).exists()

    @property
    def shown_state(self) -> str:
        """The state as pages tell it: a run whose lease has ended is lost, whatever the row still says."""
        return self.State.LOST if self.has_lost_lease(timezone.now()) else self.state

    def has_lost_lease(self, now: datetime) -> bool:
        """Say whether the run stands as running although no worker holds it: one row of held_by_nobody()."""
        if self.state != self.State.RUNNING or self.lease_until is None:
            return False
        return not now <= self.lease_until <= now + LONGEST_LEASE

    @classmethod
    def held_by_nobody(cls, now: datetime) -> Q:
        """Return the condition that a running run's lease has ended, or was taken by a clock that was wrong."""
        return Q(lease_until__lt=now) | Q(lease_until__gt=now + LONGEST_LEASE)

    # Moves. Each answers whether this caller made it; False means another has moved the run.

    def claim(self, worker: str, lease_seconds: float) -> bool:
        """queued -> running, with a fresh token and a higher fence."""
        now = timezone.now()
        return self._move(
            Q(state=self.State.QUEUED, fence=self.fence),
            state=self.State.RUNNING,
            token=uuid.uuid4(),
            fence=self.fence + 1,
            lease_until=now + timedelta(seconds=lease_seconds),
            worker=worker,
            started_at=now,
        )

    def extend_lease(self, lease_seconds: float) -> bool:
        """Hold the claim for another lease; False: the run was taken away."""
        until = timezone.now() + timedelta(seconds=lease_seconds)
        return bool(self._owned().update(lease_until=until))

    def hold(self) -> bool:
        """Lock the claim to the end of the transaction, so that nobody takes it meanwhile; False: someone has."""
        return bool(self._owned().update(worker=self.worker))

    def finish(self, state: str, *, error: dict[str, Any] | None = None) -> bool:
        """running -> a final state, by the holder of the claim. error: code, params, detail."""
        if state in self.ACTIVE:
            raise ValueError(f"{state} is not a final state")
        error = error or {}
        return self._end(
            Q(),
            state=state,
            finished_at=timezone.now(),
            error_code=error.get("code", ""),
            error_params=error.get("params", {}),
            error_detail=error.get("detail", ""),
        )

    @transaction.atomic
    def hand_back(self) -> bool:
        """running -> queued, by the holder of the claim: the worker stops, another goes on from the checkpoint.

        Not when the run is to be cancelled.
        """
        moved = self._move(
            Q(state=self.State.RUNNING, token=self.token, cancel_requested_at=None),
            state=self.State.QUEUED,
            token=None,
            lease_until=None,
            worker="",
        )
        if moved:
            self.streams.filter(state=StreamRun.State.RUNNING).update(state=StreamRun.State.WAITING)
        return moved

    def cancel_queued(self) -> bool:
        """queued -> cancelled."""
        return self._leave_queue(state=self.State.CANCELLED, error_code="cancelled")

    def skip_queued(self, reason: str) -> bool:
        """queued -> skipped, for a reason that came up while it waited."""
        return self._leave_queue(
            state=self.State.SKIPPED, skip_reason=reason, skipped_slots=1 if self.slot is not None else 0
        )

    def request_cancel(self) -> bool:
        """Ask the worker of a running run to stop at its next page or wait."""
        return bool(
            type(self)
            .objects.filter(pk=self.pk, state=self.State.RUNNING, cancel_requested_at__isnull=True)
            .update(cancel_requested_at=timezone.now())
        )

    def lose(self, now: datetime, *, given_up: bool = False) -> bool:
        """running -> lost, when its lease has ended without a sign of life, or its own worker gives up."""
        lost = self._end(
            Q() if given_up else self.held_by_nobody(now),
            state=self.State.LOST,
            finished_at=now,
            error_code="worker_lost",
            error_params={"worker": self.worker},
        )
        if lost:
            self.refresh_from_db(fields=["cancel_requested_at"])  # decides whether it comes again
        return lost

    @transaction.atomic
    def _leave_queue(self, **changes: Any) -> bool:
        """End without being claimed. One that was handed back keeps what it had loaded until then."""
        moved = self._move(
            Q(state=self.State.QUEUED), finished_at=timezone.now(), **changes, **(self.totals() if self.fence else {})
        )
        if moved:
            self.refresh_from_db(fields=["fence"])
        if moved and self.fence:
            self.streams.filter(state=StreamRun.State.WAITING).update(state=StreamRun.State.NOT_STARTED)
        return moved

    @transaction.atomic(savepoint=False)
    def _end(self, condition: Q, **changes: Any) -> bool:
        """Leave running for good: nobody may write for this claim any more, and no stream stays open."""
        token = self.token
        if not self._move(
            condition & Q(state=self.State.RUNNING, token=token), token=None, lease_until=None, **changes
        ):
            return False
        self.connection.checkpoints.filter(token=token).update(token=None)  # waits for a load that is under way
        streams = list(self.streams.values("state", *self.COUNTED))
        states = {stream["state"] for stream in streams}
        if StreamRun.State.RUNNING in states:
            cancelled = self.state == self.State.CANCELLED
            self.streams.filter(state=StreamRun.State.RUNNING).update(
                state=StreamRun.State.CANCELLED if cancelled else StreamRun.State.FAILED,
                finished_at=self.finished_at,
                error_code=self.error_code,
            )
        if StreamRun.State.WAITING in states:
            self.streams.filter(state=StreamRun.State.WAITING).update(state=StreamRun.State.NOT_STARTED)
        totals = {name: sum(stream[name] for stream in streams) for name in self.COUNTED}
        type(self).objects.filter(pk=self.pk).update(**totals)
        for name, total in totals.items():
            setattr(self, name, total)
        return True

    def totals(self) -> dict[str, int]:
        """Add up what the streams moved."""
        sums = self.streams.aggregate(**{f"sum_{name}": Sum(name) for name in self.COUNTED})
        return {name: sums[f"sum_{name}"] or 0 for name in self.COUNTED}

    @classmethod
    def add_up(cls, runs: Iterable[SyncRun]) -> None:
        """Give those of runs that have not ended what their streams moved so far; the others have it."""
        active = {run.pk: run for run in runs if run.is_active}
        sums = {f"sum_{name}": Sum(name) for name in cls.COUNTED}
        streams = StreamRun.objects.filter(run__in=active) if active else StreamRun.objects.none()
        for pk, *moved in streams.values_list("run").annotate(**sums):
            for name, value in zip(cls.COUNTED, moved, strict=True):
                setattr(active[pk], name, value)

    def _owned(self) -> models.QuerySet[SyncRun]:
        return type(self).objects.filter(pk=self.pk, state=self.State.RUNNING, token=self.token)

    def _move(self, condition: Q, **changes: Any) -> bool:
        moved = type(self).objects.filter(condition, pk=self.pk).update(**changes)
        if moved:
            for name, value in changes.items():
                setattr(self, name, value)
        return bool(moved)


class StreamRun(Counts):
    """One stream, or step, within one run."""

    class Kind(models.TextChoices):
        STREAM = "stream"
        STEP = "step"

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Reading")
        SUCCEEDED = "succeeded", _("Done")
        PARTIAL = "partial", _("Partial")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        NOT_STARTED = "not_started", _("Not started")
        UNAVAILABLE = "unavailable", _("Unavailable")  # the source does not offer it

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="streams")
    stream = models.CharField(max_length=60)
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.STREAM)
    label = models.CharField(_("stream"), max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(_("state"), max_length=11, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    pages = models.PositiveIntegerField(_("pages"), default=0)
    expected = models.BigIntegerField(null=True, blank=True)  # records the source said it has, if it did
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    checkpoint_before = models.JSONField(null=True, blank=True)
    checkpoint_after = models.JSONField(null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=40, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    error_detail = models.TextField(blank=True)

    READS = ~Q(run__trigger__in=SyncRun.ASIDE)

    class Meta:
        verbose_name = _("stream run")
        verbose_name_plural = _("stream runs")
        ordering = ("run", "position")
        constraints = [models.UniqueConstraint(fields=["run", "stream"], name="one_row_per_stream")]
        indexes = [models.Index(fields=["stream", "-finished_at"], name="streams_finished")]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.stream}"

    @property
    def is_step(self) -> bool:
        return self.kind == self.Kind.STEP

    @property
    def duration(self) -> timedelta | None:
        if self.started_at is None:
            return None
        return (self.finished_at or timezone.now()) - self.started_at
