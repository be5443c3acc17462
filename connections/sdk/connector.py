"""The contract of a connector: code that can read one kind of system. No Django, no database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from connections.sdk.context import Context, StepContext
from connections.sdk.declare import DefaultSchedule, Finding, Page, Sample, Step, Stream
from connections.sdk.errors import SyncError
from connections.sdk.settings import Setting


class Connector(ABC):
    """One kind of source. An instance is one session: config and secrets are checked values by setting name."""

    kind: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str] = ""
    icon: ClassVar[str] = "package"  # a symbol of the console's sprite
    schema: ClassVar[str]
    is_beta: ClassVar[bool] = False  # little is known of the source for sure: people are told before they choose it
    settings: ClassVar[tuple[Setting, ...]]
    default_schedule: ClassVar[DefaultSchedule] = DefaultSchedule(every_minutes=30)
    do_not_call_in_templates: ClassVar[bool] = True  # pages show the class itself

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self.config = config
        self.secrets = secrets

    @classmethod
    @abstractmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        """Return the streams of a connection with this config, in the order they are read.

        Pure: no network. Raises SyncError("config_invalid") when the config cannot say.
        """

    @abstractmethod
    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        """Yield the stream's pages from the checkpoint on; None means from the start.

        Runs in a thread of its own. Raises SyncError only.
        """

    @classmethod
    def steps(cls, config: Mapping[str, Any]) -> tuple[Step, ...]:
        """Return what is done after the last stream of a connection with this config, in its order. Pure."""
        return ()

    def perform(self, step: Step, checkpoint: dict[str, Any] | None, context: StepContext) -> Iterator[Page]:
        """Yield what a declared step works out, as read does; None means that nothing is done so far.

        It may do its work anew each time (unchanged rows are not written), or carry on from a checkpoint. Raises
        SyncError only. Work that takes long between two pages calls context.check() every minute.
        """
        raise NotImplementedError(f"{self.kind} does not perform {step.key}")

    @classmethod
    def parts(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        """Return the streams and then the steps: what a run does, in this order.

        Raises SyncError as streams() does, also for a config that another version of the connector stored; ValueError
        when a step needs what does not stand before it, or a key or a step's table is declared twice.
        """
        try:
            streams, steps = cls.streams(config), cls.steps(config)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            field = error.args[0] if isinstance(error, KeyError) else ""
            raise SyncError("config_invalid", detail=type(error).__name__, field=str(field) or "?") from None
        keys = {stream.key for stream in streams}
        tables = {table.name for stream in streams for table in stream.tables}
        for step in steps:
            own = [table.name for table in step.tables]
            if step.key in keys or not keys.issuperset(step.needs) or not tables.isdisjoint(own):
                raise ValueError(f"step {step.key}: its key and tables must be its own, what it needs before it")
            keys.add(step.key)
            tables.update(own)
        return (*streams, *steps)

    @abstractmethod
    def test(self, context: Context) -> Iterator[Finding]:
        """Yield what a person should know before saving: reachability, credentials, each stream.

        Stops after a failed Finding that makes the rest pointless. Raises SyncError when even asking fails.
        """

    @classmethod
    def as_of(cls, stream: Stream, checkpoint: dict[str, Any]) -> datetime | None:
        """Return the aware moment up to which the checkpoint has read changes, if it says one."""
        return None

    @classmethod
    def rhythm(cls, stream: Stream, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Return what of a stream is read at each sync and what less often; None: every read is alike.

        A text marked with gettext_noop, and what fills it.
        """
        return None

    def offer(self, setting: str, context: Context) -> list[tuple[str, str]]:
        """Return (value, label) of what the source offers for a setting: its databases, the user's companies.

        Only settings with `offered_from` are asked for; those it names hold checked values, any other may be empty.
        Labels are the source's own words. Raises SyncError.
        """
        raise NotImplementedError(f"{self.kind} offers nothing for {setting}")

    def suggest(self, setting: str, row: int, context: Context) -> Sample:
        """Return what a live sample shows for row `row` of a list that has a `columns` setting inside.

        Only connectors that declare a `columns` setting have one. Raises SyncError.
        """
        raise NotImplementedError(f"{self.kind} declares no columns setting")
