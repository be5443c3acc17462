"""Reads an Auvo account: tasks with all that is in them, whom and what they serve, tickets, quotations, expenses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connections.connectors.auvo import probe, surveys
from connections.connectors.auvo.progress import Progress
from connections.connectors.auvo.reading import Reading
from connections.connectors.auvo.resources import RESOURCES, resource_called
from connections.connectors.auvo.session import Session
from connections.connectors.auvo.settings import HOT_DAYS, SETTINGS, SWEEP_HOURS
from connections.sdk.connector import Connector
from connections.sdk.context import Context, StepContext
from connections.sdk.declare import DefaultSchedule, Finding, Page, Step, Stream
from connections.sdk.text import gettext_noop as _

MINUTES_PER_DAY = 24 * 60


class AuvoConnector(Connector):
    """Auvo, API version 2."""

    kind = "auvo"
    label = _("Auvo")
    description = _("Tasks, customers, teams, equipment and expenses of Auvo, field service management.")
    icon = "tools"
    schema = "auvo"
    settings = SETTINGS
    default_schedule = DefaultSchedule(daily_at="01:05")

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return tuple(
            Stream(
                resource.key, resource.label, resource.shape.tables, default_enabled=resource.default_enabled,
                window_minutes=resource.window_days * MINUTES_PER_DAY if resource.window_days else None,
                window_env=resource.window_env, window_env_unit="days", ranged=resource.period is not None,
                by_days=True,
            )
            for resource in RESOURCES
        )  # fmt: skip

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        with Session(self.config, self.secrets, context) as session:
            yield from Reading(session, resource_called(stream.key), checkpoint).pages()

    @classmethod
    def steps(cls, config: Mapping[str, Any]) -> tuple[Step, ...]:
        return (surveys.STEP,)

    def perform(self, step: Step, checkpoint: dict[str, Any] | None, context: StepContext) -> Iterator[Page]:
        with Session(self.config, self.secrets, context) as session:
            yield from surveys.pages(session, checkpoint, context)

    def test(self, context: Context) -> Iterator[Finding]:
        with Session(self.config, self.secrets, context) as session:
            yield from probe.findings(session)

    @classmethod
    def rhythm(cls, stream: Stream, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        resource = next((each for each in RESOURCES if each.key == stream.key), None)
        told = {"hours": config.get("sweep_hours", SWEEP_HOURS), "days": config.get("hot_days", HOT_DAYS)}
        if resource is None or not resource.updated:
            return None
        if resource.scheduled:
            return _("changes and %(days)s days around today: at each sync; everything: every %(hours)s h"), told
        return _("changes: at each sync; everything: every %(hours)s h"), told

    @classmethod
    def as_of(cls, stream: Stream, checkpoint: dict[str, Any]) -> datetime | None:
        return Progress.of(checkpoint).to
