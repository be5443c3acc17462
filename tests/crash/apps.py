"""Makes the ledger one of the kinds in the processes of a host."""

from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "tests.crash"
    label = "crash"

    def ready(self) -> None:
        from connections import connectors
        from tests.crash.ledger import LedgerConnector

        connectors.REGISTRY = (*connectors.REGISTRY, LedgerConnector)
