"""A connector whose pages a test writes down, registered beside the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import Column, Finding, Page, Stream, Sweep, Table, Within
from connections.sdk.errors import SyncError
from connections.sdk.settings import Setting

ITEMS = Table(
    "items",
    (Column("id", "integer"), Column("name"), Column("price", "decimal", 12, 2), Column("changed", "timestamp")),
    key=("id",),
)
ORDERS = Table("orders", (Column("id", "integer"), Column("status")), key=("id",))
LINES = Table(
    "order_lines",
    (Column("order_id", "integer"), Column("position", "integer"), Column("sku")),
    key=("order_id", "position"),
    parent="orders",
    parent_key=("order_id",),
)

PARTS = Table(
    "parts",
    (Column("id", "integer"), Column("need", "integer"), Column("quantity", "decimal", 12, 2), Column("day", "date")),
    key=("id",),
    set_key=("need",),
)
TAGS = Table(
    "tags", (Column("part_id", "integer"), Column("tag")), key=("part_id", "tag"), parent="parts",
    parent_key=("part_id",),
)  # fmt: skip

# What a read of one stream does: yields pages, or raises; gets the checkpoint and the context.
Script = Callable[[dict[str, Any] | None, Context], Iterator[Page]]


class ScriptedConnector(Connector):
    """kind "scripted": streams items and orders, and parts, off by default; `scripts` says what reading each does."""

    kind = "scripted"
    label = "Scripted"
    schema = "scripted"
    settings = (
        Setting("base_url", "Address", destination=True, identity=True),
        Setting("token", "Token", type="secret"),
    )
    scripts: ClassVar[dict[str, Script]] = {}
    opened: ClassVar[int] = 0

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        super().__init__(config, secrets)
        type(self).opened += 1

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return (
            Stream("items", "Items", (ITEMS,), changed_since=True, ranged=True),
            Stream("orders", "Orders", (ORDERS, LINES)),
            Stream("parts", "Parts", (PARTS, TAGS), default_enabled=False),
        )

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        script = self.scripts.get(stream.key)
        if script is not None:
            yield from script(checkpoint, context)

    def test(self, context: Context) -> Iterator[Finding]:
        yield Finding("Server", "ok")


def pages(*given: Page) -> Script:
    """Return a script that yields the given pages."""
    return lambda checkpoint, context: iter(given)


def items(*rows: Sequence[Any], checkpoint: dict[str, Any] | None = None) -> Page:
    """Return a page of items, each written as (id, name, price)."""
    records = [dict(zip(("id", "name", "price"), row, strict=False)) for row in rows]
    return Page({"items": records}, checkpoint=checkpoint)


def sweep(*keys: Any, within: tuple[Within, ...] = (), table: str = "items", **rows: Sequence[Any]) -> Page:
    """Return a page that sweeps a whole table, with these keys (of one part)."""
    return Page(rows, sweep=Sweep(table, [(key,) for key in keys], begins=True, complete=True, within=within))


def fails(code: str, *before: Page, **params: Any) -> Script:
    """Return a script that yields the pages before, then raises SyncError(code)."""

    def script(checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        yield from before
        raise SyncError(code, **params)

    return script
