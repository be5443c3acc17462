"""A connector that declares a setting of every type; its source is a dict in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import Column, Finding, Page, Sample, Stream, Table
from connections.sdk.errors import SyncError
from connections.sdk.settings import Rejected, Setting


def no_spaces(value: str) -> None:
    if " " in value:
        raise Rejected("“%(value)s” has a space.", value=value)


class EverySetting(Connector):
    kind = "every"
    label = "Every setting"
    description = "One of each."
    schema = "every"
    settings = (
        Setting("address", "Address", required=True, destination=True, identity=True, help="On the box."),
        Setting(
            "auth",
            "Authentication",
            "choice",
            default="none",
            choices=(("none", "None"), ("basic", "User and password"), ("bearer", "Token")),
        ),
        Setting("user", "User", required=True, shown_if=("auth", ("basic",))),
        Setting("password", "Password", "secret", required=True, shown_if=("auth", ("basic",))),
        Setting("token", "Token", "secret", required=True, shown_if=("auth", ("bearer",))),
        Setting("code", "Code", validate=no_spaces),
        Setting("limit", "Limit", "number", minimum=1, maximum=50, default=10),
        Setting("strict", "Be strict", "boolean"),
        Setting("regions", "Regions", "list"),
        Setting("remark", "Remark", "textarea"),
        Setting(
            "streams",
            "Streams",
            "rows",
            required=True,
            fields=(
                Setting("name", "Name", required=True, pattern="[a-z_]+", pattern_help="Small letters only."),
                Setting("full", "Read everything", "boolean"),
                Setting("columns", "Columns", "columns", required=True),
            ),
        ),
    )
    asked: ClassVar[list[tuple[dict[str, Any], dict[str, str]]]] = []  # config and secrets of every session that asked
    findings: ClassVar[list[Finding]] = []
    error: ClassVar[SyncError | None] = None
    sample: ClassVar[Sample] = Sample([])

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return tuple(
            Stream(
                row["name"],
                row["name"],
                (
                    Table(
                        row["name"],
                        tuple(
                            Column(column["name"], column["type"], column.get("precision"), column.get("scale"))
                            for column in row["columns"]
                        ),
                        tuple(column["name"] for column in row["columns"] if column["key"]) or ("id",),
                    ),
                ),
            )
            for row in config["streams"]
        )

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield Page()

    def test(self, context: Context) -> Iterator[Finding]:
        self.asked.append((dict(self.config), dict(self.secrets)))
        yield from self.findings
        if self.error:
            raise self.error

    def suggest(self, setting: str, row: int, context: Context) -> Sample:
        self.asked.append((dict(self.config), dict(self.secrets)))
        if self.error:
            raise self.error
        return self.sample
