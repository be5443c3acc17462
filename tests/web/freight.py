"""A connector whose new connections take values from the environment, and whose server offers what may be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import Column, DefaultSchedule, Finding, Page, Stream, Table
from connections.sdk.errors import SyncError
from connections.sdk.settings import Setting


def table(name: str) -> tuple[Table, ...]:
    return (Table(name, (Column("id", "integer"), Column("name")), key=("id",)),)


class Freight(Connector):
    kind = "freight"
    label = "Freight"
    description = "Orders and receipts."
    schema = "freight"
    settings = (
        Setting("url", "Address", required=True, destination=True, identity=True, env="FREIGHT_URL"),
        Setting("database", "Database", required=True, identity=True, env="FREIGHT_DB", offered_from=("url",)),
        Setting("user", "User", env="FREIGHT_USER"),
        Setting("password", "Password", "secret", required=True, env="FREIGHT_PASSWORD"),
        Setting("password_ends", "The password ends on", "date", expires="password"),
        Setting(
            "companies", "Companies", "list",
            env="FREIGHT_COMPANIES", offered_from=("url", "database", "password"),
        ),
        Setting("gap", "Gap", "number", minimum=0, default=0, env="FREIGHT_GAP"),
    )  # fmt: skip
    default_schedule = DefaultSchedule(every_minutes=30, every_env="FREIGHT_INTERVAL")
    asked: ClassVar[list[tuple[str, dict[str, Any], dict[str, str]]]] = []  # what for, with which config and secrets
    reads: ClassVar[list[tuple[str, int | None]]] = []  # stream and look-back
    offers: ClassVar[dict[str, list[tuple[str, str]]]] = {}
    error: ClassVar[SyncError | None] = None

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return (
            Stream("carteira", "Carteira", table("carteira"), window_minutes=40, window_env="FREIGHT_CARTEIRA"),
            Stream(
                "entradas", "Entradas", table("entradas"),
                window_minutes=10_080, window_env="FREIGHT_DAYS", window_env_unit="days",
            ),
            Stream("parceiros", "Parceiros", table("parceiros"), default_enabled=False),
        )  # fmt: skip

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        self.reads.append((stream.key, context.options.window_minutes))
        yield Page()

    def test(self, context: Context) -> Iterator[Finding]:
        self._note("test")
        yield Finding("Server", "ok")

    def offer(self, setting: str, context: Context) -> list[tuple[str, str]]:
        self._note(setting)
        return self.offers[setting]

    def _note(self, what: str) -> None:
        self.asked.append((what, dict(self.config), dict(self.secrets)))
        if self.error is not None:
            raise self.error
