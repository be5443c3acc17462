"""Reads an Odoo: six services of a freight company, and what their documents point to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connections.connectors.odoo import extras, probe
from connections.connectors.odoo.allocations import AllocationReading
from connections.connectors.odoo.progress import Progress
from connections.connectors.odoo.reading import Reading
from connections.connectors.odoo.services import SERVICES, service_called
from connections.connectors.odoo.session import ONLINE, Session, server_address
from connections.connectors.odoo.settings import SETTINGS
from connections.sdk import urls
from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import DefaultSchedule, Finding, Page, Sample, Stream
from connections.sdk.errors import SyncError
from connections.sdk.text import gettext_noop as _


class OdooConnector(Connector):
    """Odoo 14 and later, in the cloud or at home."""

    kind = "odoo"
    label = _("Odoo")
    description = _("Invoices, orders, purchases and receipts of an Odoo, version 14 or later.")
    icon = "receipt"
    schema = "odoo"
    settings = SETTINGS
    default_schedule = DefaultSchedule(every_minutes=30, every_env="SYNC_INTERVAL_MINUTES")

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        try:
            return tuple(
                Stream(
                    service.key, service.label, extras.tables_of(service, config),
                    default_enabled=service.default_enabled, window_minutes=service.window_minutes,
                    window_env=service.window_env, window_env_unit=service.window_env_unit, changed_since=True,
                    ranged=True,
                )
                for service in SERVICES
            )  # fmt: skip
        except ValueError:  # two columns of one name
            raise SyncError("config_invalid", field="extra_fields") from None

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        service = service_called(stream.key)
        reading = AllocationReading if service.sets_of else Reading
        with Session(self.config, self.secrets, context) as session:
            session.sign_in()
            yield from reading(session, service, stream, Progress.of(checkpoint), context).pages()

    def test(self, context: Context) -> Iterator[Finding]:
        with Session(self.config, self.secrets, context, waiting=True) as session:
            yield from probe.findings(session, self.streams(self.config), lambda: context.now().date())

    @classmethod
    def as_of(cls, stream: Stream, checkpoint: dict[str, Any]) -> datetime | None:
        return Progress.of(checkpoint).to

    def offer(self, setting: str, context: Context) -> list[tuple[str, str]]:
        with Session(self.config, self.secrets, context, waiting=True) as session:
            if setting == "companies":
                session.sign_in()
                return [(str(company), name) for company, name in session.user()["companies"]]
            names = session.server.databases()
        host = urls.host(server_address(self.config["url"]))
        if not names and host.endswith(ONLINE):
            names = [host.removesuffix(ONLINE)]
        return [(name, name) for name in names]

    def suggest(self, setting: str, row: int, context: Context) -> Sample:
        with Session(self.config, self.secrets, context, waiting=True) as session:
            session.sign_in()
            return extras.propose(session.all_fields(self.config[setting][row]["model"]))
