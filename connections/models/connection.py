"""A connection: one configured instance of a connector, with its secrets and its schedule."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.about import LONGEST_DESCRIPTION
from connections.schedule import Schedule, next_slot, seed_of
from connections.sdk.errors import SyncError
from connections.secrets import SecretsField

LONGEST_INTERVAL = 60 * 24 * 31


class Connection(models.Model):
    """Names a source, how to reach it and when. Ids are never reused: rows of deleted connections keep theirs."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        INACTIVE = "inactive", _("Inactive")
        ERROR = "error", _("Action needed")

    class ScheduleKind(models.TextChoices):
        INTERVAL = "interval", _("Every N minutes")
        DAILY = "daily", _("Daily at a set time")
        CRON = "cron", _("Cron expression")

    class CatchUp(models.TextChoices):
        ONE = "one", _("Run once for everything missed")
        NONE = "none", _("Wait for the next slot")

    class Deletion(models.TextChoices):
        NONE = "", _("Not being deleted")
        KEEP_DATA = "keep", _("Being deleted, data kept")
        DROP_DATA = "drop", _("Being deleted with its data")

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    description = models.TextField(_("description"), max_length=LONGEST_DESCRIPTION, blank=True, default="")
    kind = models.CharField(_("kind"), max_length=40)  # free text: a new kind needs no migration
    config = models.JSONField(_("settings"), default=dict, blank=True)
    secrets = SecretsField()
    secrets_set_at = models.JSONField(default=dict, blank=True, editable=False)  # secret's name -> ISO moment
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ACTIVE)
    status_code = models.CharField(max_length=40, blank=True)
    status_params = models.JSONField(default=dict, blank=True)
    status_since = models.DateTimeField(null=True, blank=True)

    auto_sync = models.BooleanField(_("auto-sync"), default=False)
    auto_sync_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    auto_sync_changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    schedule_kind = models.CharField(
        _("schedule"), max_length=10, choices=ScheduleKind.choices, default=ScheduleKind.INTERVAL
    )
    interval_minutes = models.PositiveIntegerField(
        _("every (minutes)"), default=30, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_INTERVAL)]
    )
    daily_at = models.TimeField(_("daily at"), null=True, blank=True)
    cron = models.CharField(_("cron expression"), max_length=100, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=60, default="America/Sao_Paulo")
    jitter_seconds = models.PositiveIntegerField(_("spread (seconds)"), default=0)
    quiet_hours = models.CharField(_("quiet hours"), max_length=11, blank=True, default="")  # "22:00-06:00"
    catch_up = models.CharField(_("missed slots"), max_length=4, choices=CatchUp.choices, default=CatchUp.ONE)
    next_sync_at = models.DateTimeField(_("next sync"), null=True, blank=True, db_index=True, editable=False)
    first_loaded_at = models.DateTimeField(null=True, blank=True, editable=False)  # since then rows tie it
    source_number = models.PositiveIntegerField(default=1, editable=False)  # higher with each source it is turned to
    starts_over = models.BooleanField(default=False, editable=False)  # the next run empties what an earlier one left
    emptied_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_sync_at = models.DateTimeField(_("last sync"), null=True, blank=True, editable=False)
    blocked_until = models.DateTimeField(_("waiting for quota until"), null=True, blank=True, editable=False)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)

    tags = models.JSONField(_("tags"), default=list, blank=True)
    is_sample = models.BooleanField(default=False, editable=False)  # the supervisor runs its sandbox
    deletion = models.CharField(max_length=4, choices=Deletion.choices, default="", blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("last changed"), auto_now=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ("name", "id")
        permissions = [
            ("operate_connection", _("Can sync, pause and switch connections")),
            ("test_connection", _("Can test connections")),
            ("browse_rows", _("Can look at the rows of destination tables")),
            ("export_rows", _("Can export the rows of destination tables")),
            ("see_personal_data", _("Can see personal data")),
        ]
        constraints = [
            models.CheckConstraint(
                name="connection_status_known", condition=Q(status__in=["active", "inactive", "error"])
            ),
            models.CheckConstraint(name="connection_error_has_code", condition=~Q(status="error") | ~Q(status_code="")),
            models.CheckConstraint(
                name="connection_schedule_complete",
                condition=Q(schedule_kind="interval", interval_minutes__gte=1, interval_minutes__lte=LONGEST_INTERVAL)
                | Q(schedule_kind="daily", daily_at__isnull=False)
                | (Q(schedule_kind="cron") & ~Q(cron="")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            kind=self.schedule_kind,
            interval_minutes=self.interval_minutes,
            daily_at=self.daily_at,
            cron=self.cron,
            time_zone=self.time_zone,
            jitter_seconds=self.jitter_seconds,
            quiet_hours=self.quiet_hours,
        )

    @property
    def is_tied(self) -> bool:
        """Say whether rows are stored that belong to the source that the settings name."""
        return self.first_loaded_at is not None and not self.starts_over

    def turn_to_other_source(self) -> None:
        """Have the next run empty what is stored before it reads; those of the source until now lose their fence.

        Does not save.
        """
        self.source_number += 1
        self.starts_over = True
        self.blocked_until = None  # that was asked by the source until now

    @property
    def slot_seed(self) -> int:
        """The number that spreads this connection's interval slots and jitter, stable for its life."""
        return seed_of(self.slug)

    def next_slot(self, after: datetime) -> datetime | None:
        """Return the first slot later than after; None when the schedule never fires again."""
        return next_slot(self.schedule, after, seed=self.slot_seed)

    def plan(self, now: datetime | None = None) -> None:
        """Set next_sync_at from the schedule, or to nothing while nothing is due to run. Does not save."""
        runs = self.auto_sync and self.status == self.Status.ACTIVE
        self.next_sync_at = self.next_slot(now or timezone.now()) if runs else None

    def mark_error(self, error: SyncError) -> bool:
        """Stop syncing until a person acts; returns False when it was already so with the same code."""
        changed = (
            type(self)
            .objects.filter(pk=self.pk)
            .exclude(status=self.Status.ERROR, status_code=error.code)
            .update(
                status=self.Status.ERROR,
                status_code=error.code,
                status_params=error.params,
                status_since=timezone.now(),
                next_sync_at=None,
            )
        )
        self.refresh_from_db()
        return bool(changed)

    def clear_error(self) -> bool:
        """Return to active after a success or a repair; returns False when there was no error."""
        cleared = (
            type(self)
            .objects.filter(pk=self.pk, status=self.Status.ERROR)
            .update(status=self.Status.ACTIVE, status_code="", status_params={}, status_since=None)
        )
        if cleared:
            self.refresh_from_db()
            self.plan()
            self.save(update_fields=["next_sync_at"])
        return bool(cleared)


class StreamSetting(models.Model):
    """What a person chose for one stream of a connection; a stream without a row has its declared defaults."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="stream_settings")
    stream = models.CharField(max_length=60, validators=[RegexValidator(r"^[a-z][a-z0-9_]*$")])
    enabled = models.BooleanField(_("enabled"), default=True)
    window_minutes = models.PositiveIntegerField(_("look-back (minutes)"), null=True, blank=True)
    page_size = models.PositiveIntegerField(_("page size"), null=True, blank=True)
    every_minutes = models.PositiveIntegerField(_("at most every (minutes)"), null=True, blank=True)
    # While a first read is asked for or under way: it brings what changed since then, instead of the look-back.
    first_since = models.DateTimeField(_("first read since"), null=True, blank=True)

    class Meta:
        verbose_name = _("stream setting")
        verbose_name_plural = _("stream settings")
        constraints = [
            models.UniqueConstraint(fields=["connection", "stream"], name="one_setting_per_stream"),
            models.CheckConstraint(
                name="stream_page_size_positive", condition=Q(page_size__isnull=True) | Q(page_size__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.stream}"
