"""Asks a source before anything is saved: Test connection, and columns proposed from a sample."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.connectors import connector_class
from connections.expiry import explained
from connections.sdk.context import PlainContext
from connections.sdk.declare import Finding, Sample
from connections.sdk.errors import SyncError
from connections.services import allows_private_addresses


@dataclass(frozen=True)
class Report:
    """What Test connection found. error: what ended the test early, if anything did."""

    findings: list[Finding]
    error: SyncError | None
    seconds: float

    @property
    def ok(self) -> bool:
        return self.error is None and all(finding.state != "failed" for finding in self.findings)


def try_connection(kind: str, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Report:
    """Ask the source what a person should know before saving; failures are in the report, never raised."""
    findings: list[Finding] = []
    error = None
    started = time.monotonic()
    try:
        connector = connector_class(kind)(config, secrets)
        context = _context(config)
        findings.extend(connector.test(context))
    except SyncError as problem:
        error = explained(problem, kind, config, secrets)
    return Report(findings, error, time.monotonic() - started)


def offered_choices(
    kind: str, config: Mapping[str, Any], secrets: Mapping[str, str], setting: str
) -> list[tuple[str, str]]:
    """Return (value, label) of what the source offers for a setting. Raises SyncError."""
    context = PlainContext(allow_private_addresses=allows_private_addresses(config))
    return connector_class(kind)(config, secrets).offer(setting, context)


def read_sample(kind: str, config: Mapping[str, Any], secrets: Mapping[str, str], setting: str, row: int) -> Sample:
    """Return what a live sample shows for row `row` of a list with columns. Raises SyncError."""
    return connector_class(kind)(config, secrets).suggest(setting, row, _context(config))


def _context(config: Mapping[str, Any]) -> PlainContext:
    return PlainContext(allow_private_addresses=allows_private_addresses(config), is_hurried=True)
